"""Facts about a learner's review of a course.

What changes the course's rating says all that is needed to add it up: the stars, and whether they count.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class ReviewPosted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.review_posted.v1"
    review_id: str
    course_id: str
    learner_id: str
    rating: int
    """Stars, from 1 to 5."""
    words_id: str
    words_hash: str


class ReviewEdited(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.review_edited.v1"
    review_id: str
    course_id: str
    rating: int
    rating_before: int
    words_id: str
    words_hash: str
    counts: bool
    """False while it is hidden."""


class ReviewHidden(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.review_hidden.v1"
    review_id: str
    course_id: str
    reason: str
    rating: int
    counted: bool
    """Whether it did until now."""


class ReviewShown(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.review_shown.v1"
    review_id: str
    course_id: str
    rating: int
    counts: bool
    """False where the learner has no access."""


class ReviewWithdrawn(Event, frozen=True, kw_only=True):
    """With the learner's access, or since they teach the course."""

    TYPE: ClassVar[str] = "enrolments.review_withdrawn.v1"
    review_id: str
    course_id: str
    rating: int
    counted: bool
    teaches: bool = False
    """They teach it: it does not come back with their access, nor when they leave."""


class ReviewReinstated(Event, frozen=True, kw_only=True):
    """With the learner's access."""

    TYPE: ClassVar[str] = "enrolments.review_reinstated.v1"
    review_id: str
    course_id: str
    rating: int
    counts: bool


class ReviewReplied(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolments.review_replied.v1"
    review_id: str
    course_id: str
    instructor_id: str
    words_id: str
    words_hash: str


ReviewEvent = (
    ReviewPosted
    | ReviewEdited
    | ReviewHidden
    | ReviewShown
    | ReviewWithdrawn
    | ReviewReinstated
    | ReviewReplied
)
