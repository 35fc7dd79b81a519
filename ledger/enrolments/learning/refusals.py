"""Why a report or a certificate is refused; each detail says what to do in the one case, `remedy` in any."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class UnknownItems(Invalid):
    """The course, as it is now, does not have all of the items."""

    code: ClassVar[str] = "unknown_items"
    remedy: ClassVar[str] = "Read the course, and report ids of its `items` alone."

    def __init__(self, detail: str, items: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.items = items
        """Those that it does not have."""


class WrongMeasure(Invalid):
    """Progress comes in items where the course has any, else in per cent of a service that is trusted."""

    code: ClassVar[str] = "wrong_measure"
    remedy: ClassVar[str] = "Send the one of `items_done` and `percent` that `detail` asks for."


class AccessEnded(Refused):
    """The learner does not have the course now: it is not paid yet, or its money was given back."""

    code: ClassVar[str] = "access_ended"
    remedy: ClassVar[str] = "Look at the enrolment's `status`; the course can be bought again once it ended."
    passing: ClassVar[bool] = True


class LearningFrozen(Refused):
    """The money is asked back, and until that is decided nothing is learnt."""

    code: ClassVar[str] = "learning_frozen"
    remedy: ClassVar[str] = (
        "Wait for the refund that `detail` names: when it comes to nothing, learning goes on."
    )
    passing: ClassVar[bool] = True


class LearntTooMuch(Refused):
    """So much of the course is done that its buyer cannot return it any more."""

    code: ClassVar[str] = "learnt_too_much"
    remedy: ClassVar[str] = "Keep the course, or ask an administrator, who can still refund it."
    passing: ClassVar[bool] = False


class NotCompleted(Refused):
    """A certificate is for what is completed."""

    code: ClassVar[str] = "not_completed"
    remedy: ClassVar[str] = "Do the items that are left: the enrolment shows which are done."
    passing: ClassVar[bool] = True
