"""Why tokens are not awarded, taken or spent; each detail says what is so in the one case."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, Refused


class InvalidTokens(Invalid):
    """An amount or a reason is not as it can be."""

    code: ClassVar[str] = "invalid_tokens"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."


class UnknownRule(Invalid):
    """The rules have none of this name that can be awarded so."""

    code: ClassVar[str] = "unknown_rule"
    remedy: ClassVar[str] = (
        "Use one of the rules that `detail` names; they are in the catalogue, under `tokens`."
    )


class CapReached(Refused):
    """The user's tier earns no more by activity this month."""

    code: ClassVar[str] = "cap_reached"
    remedy: ClassVar[str] = "Wait for the next month (UTC), or for a tier with a higher cap."
    passing: ClassVar[bool] = True


class DailyLimitReached(Refused):
    """The rule gives a user no more on this day."""

    code: ClassVar[str] = "daily_limit_reached"
    remedy: ClassVar[str] = "Wait for the next day (UTC)."
    passing: ClassVar[bool] = True


class SourceUsed(Refused):
    """Something else was awarded by this rule for the same source, and was not reversed."""

    code: ClassVar[str] = "source_used"
    remedy: ClassVar[str] = (
        "Use a new `source_ref` for another award; the same award needs to be sent no more."
    )
    passing: ClassVar[bool] = False


class SecondAdminNeeded(Refused):
    """So much is not given by hand without a second administrator."""

    code: ClassVar[str] = "second_admin_needed"
    remedy: ClassVar[str] = "Have an administrator confirm it who did not ask for it."
    passing: ClassVar[bool] = True


class SameAdmin(Forbidden):
    """Neither who asked for an award nor whom it is for can confirm it."""

    code: ClassVar[str] = "same_admin"
    remedy: ClassVar[str] = "Have another administrator confirm it."


class AwardDecided(Refused):
    """Somebody has confirmed the award, or declined it."""

    code: ClassVar[str] = "award_decided"
    remedy: ClassVar[str] = "Nothing waits any more; what was declined can be asked for anew."
    passing: ClassVar[bool] = False


class TooManyRequests(Refused):
    """As many awards of one user wait for a second administrator as may."""

    code: ClassVar[str] = "too_many_award_requests"
    remedy: ClassVar[str] = "Have those confirmed or declined that wait."
    passing: ClassVar[bool] = True


class InsufficientTokens(Refused):
    """The balance is less than that; pending tokens are no part of it."""

    code: ClassVar[str] = "insufficient_tokens"
    remedy: ClassVar[str] = "Choose something for the balance that `detail` tells, or earn more first."
    passing: ClassVar[bool] = True
