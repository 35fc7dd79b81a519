"""Why finance cannot explain a movement at Stripe."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class MovementKnown(Refused):
    """Nothing is to be explained: it is posted to the account of what it is, or it turned out to be ours."""

    code: ClassVar[str] = "movement_known"
    remedy: ClassVar[str] = "See in its entry where it is; what is ours is corrected where it came from."
    passing: ClassVar[bool] = False


class ExplanationUnsaid(Invalid):
    """The note of an explanation is missing, too long, or has nothing in it that can be seen."""

    code: ClassVar[str] = "explanation_unsaid"
    remedy: ClassVar[str] = "Say in `note` what it was and how you know; the audit trail keeps it."


class AccountNotExplainable(Invalid):
    """Each amount of that account is somebody's, or it is another one at Stripe, or there is none such."""

    code: ClassVar[str] = "account_not_explainable"
    remedy: ClassVar[str] = "Take one of the accounts that `detail` names."
