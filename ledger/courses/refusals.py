"""Why a request about a course is refused; each `code` is stable, each detail says what to do in
the one case, and `remedy` in any.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, Refused


class InvalidContent(Invalid):
    """Something about the course is not as it can be."""

    code: ClassVar[str] = "invalid_course"
    remedy: ClassVar[str] = "Correct what `detail` names and `errors` points to."

    def __init__(self, detail: str, *at: str | int) -> None:
        super().__init__(detail)
        self.at = at
        """The way to it within the content: names of members, and places in lists from 0 on."""


class ReasonRequired(Invalid):
    """Who rejects a course, or takes one down, must say why, and did not."""

    code: ClassVar[str] = "reason_required"
    remedy: ClassVar[str] = "Say why in `reason`, in at most 500 characters; its author reads it."


class RevisionConflict(Refused):
    """The course was revised since: the revision that was sent is not the present one."""

    code: ClassVar[str] = "revision_conflict"
    remedy: ClassVar[str] = "Read the course, look at what changed, and send it again with its `revision`."
    passing: ClassVar[bool] = True

    def __init__(self, detail: str, revision: int) -> None:
        super().__init__(detail)
        self.revision = revision
        """The present one."""


class CourseStatusConflict(Refused):
    """The course's status does not allow it."""

    code: ClassVar[str] = "course_status"
    remedy: ClassVar[str] = "Bring the course into the status that `detail` names first."
    passing: ClassVar[bool] = True


class CourseIncomplete(Refused):
    """Something is missing, or would be, that a course must have while it is reviewed or sold."""

    code: ClassVar[str] = "course_incomplete"
    remedy: ClassVar[str] = "Add what `errors` points to with `PATCH /api/courses/{course_id}`."
    passing: ClassVar[bool] = True

    def __init__(self, detail: str, missing: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.missing = missing
        """Names of members of the content."""


class AuthorStays(Refused):
    """A course has its author for as long as there is one."""

    code: ClassVar[str] = "author_stays"
    remedy: ClassVar[str] = "Archive the course, or give the others all of the parts."
    passing: ClassVar[bool] = False


class CurrencyFixed(Refused):
    """The course was published, and its sales are counted in one currency."""

    code: ClassVar[str] = "currency_fixed"
    remedy: ClassVar[str] = "Keep the currency, or upload a course of its own for the other one."
    passing: ClassVar[bool] = False


class TakenDown(Refused):
    """An administrator took the course down, so that its author cannot bring it back."""

    code: ClassVar[str] = "taken_down"
    remedy: ClassVar[str] = "Read the course's `reason`, and ask an administrator."
    passing: ClassVar[bool] = True


class SellingNotInPlan(Forbidden):
    """The author's plan does not let them sell courses; free ones need no feature."""

    code: ClassVar[str] = "selling_not_in_plan"
    remedy: ClassVar[str] = "Take a plan with `sell_courses` (`GET /api/plans`), or make the course free."
