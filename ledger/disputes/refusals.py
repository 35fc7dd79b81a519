"""Why evidence, or an answer to a dispute, is refused."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Refused


class DisputeClosed(Refused):
    """The dispute is decided, or the inquiry is closed: there is nothing to answer."""

    code: ClassVar[str] = "dispute_closed"
    remedy: ClassVar[str] = "Nothing is to be done; its `status` says how it ended."
    passing: ClassVar[bool] = True  # an inquiry that was closed can become a chargeback


class DisputeAlreadyAnswered(Refused):
    """The evidence was submitted, the loss was accepted, or either is under way: banks hear one answer."""

    code: ClassVar[str] = "dispute_answered"
    remedy: ClassVar[str] = (
        "Wait for the bank: its decision comes by itself, often after two to three months."
    )
    passing: ClassVar[bool] = True  # one that is under way may yet come to nothing


class EvidencePastDue(Refused):
    """The time in which the bank takes evidence is over, or it takes none for this dispute."""

    code: ClassVar[str] = "evidence_past_due"
    remedy: ClassVar[str] = "Nothing can be submitted any more; accept the loss, or wait for it."
    passing: ClassVar[bool] = False


class NothingToSubmit(Refused):
    """No evidence is set."""

    code: ClassVar[str] = "nothing_to_submit"
    remedy: ClassVar[str] = "Set some with `PUT /api/disputes/{dispute_id}/evidence` first."
    passing: ClassVar[bool] = True


class DisputeAnswerRefused(Refused):
    """Stripe did not take the evidence or the answer."""

    code: ClassVar[str] = "dispute_answer_refused"
    remedy: ClassVar[str] = "Read why in `detail`, and send it again with a new key once that is mended."
    passing: ClassVar[bool] = False
