"""Why a review, an edit of it or a reply to it is refused."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, Refused


class InvalidReview(Invalid):
    """The stars are not from 1 to 5, an id or a hash is missing, or the reason is none."""

    code: ClassVar[str] = "invalid_review"
    remedy: ClassVar[str] = "Correct what `detail` names."


class ReviewNeedsEnrolment(Forbidden):
    """Only who has the course reviews it."""

    code: ClassVar[str] = "review_needs_enrolment"
    remedy: ClassVar[str] = "Buy the course (`POST /api/courses/purchase`), and begin to learn."


class ReviewFrozen(Refused):
    """The learner gives the course back."""

    code: ClassVar[str] = "review_frozen"
    remedy: ClassVar[str] = "Wait for the refund that `detail` names; if it fails, review the course."
    passing: ClassVar[bool] = True


class ReviewTooEarly(Forbidden):
    """The learner has not seen enough of the course to judge it."""

    code: ClassVar[str] = "review_too_early"
    remedy: ClassVar[str] = "Learn on until a tenth of the course is done."


class ReviewOfOwnCourse(Forbidden):
    """Nobody reviews what they teach."""

    code: ClassVar[str] = "review_of_own_course"
    remedy: ClassVar[str] = "Nothing is to be done: learners review it, and you can reply to them."


class ReplyNotYours(Forbidden):
    """Only the instructors of a course reply to its reviews."""

    code: ClassVar[str] = "reply_not_yours"
    remedy: ClassVar[str] = "Ask an instructor of the course."


class ReviewExists(Refused):
    """The learner has reviewed this course before; there is one review of each."""

    code: ClassVar[str] = "review_exists"
    remedy: ClassVar[str] = "Change the review that there is: `PATCH` it."
    passing: ClassVar[bool] = False
