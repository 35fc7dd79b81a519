"""Reviews as requests write them and as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.courses.ratings import Rating
from api.courses.resources import ERASED
from api.http.checks import Check, blank_fault
from api.words import NO_NUL
from ledger.enrolments.reviews.rules import REASON_MAX, STARS
from ledger.enrolments.reviews.state import Review as Reviewed
from projections.reviews import ReviewRow

TEXT_MAX = 5_000

Stars = Annotated[int, Meta(ge=STARS[0], le=STARS[-1], description="Stars.", examples=[4])]
Text = Annotated[
    str,
    Meta(min_length=1, max_length=TEXT_MAX, pattern=NO_NUL, examples=["Clear, and never too fast."]),
    Check(blank_fault),
]


class PostReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it says can be erased (`DELETE /api/me`); its stars stay."""

    rating: Stars
    text: Text


class EditReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out or null stays."""

    rating: Stars | None = None
    text: Text | None = None


class OfReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class ReplyToReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it says can be erased (`DELETE /api/me`)."""

    text: Text


class HideReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The learner reads `reason`."""

    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=REASON_MAX,
            pattern=NO_NUL,
            description="Kept for ever: it must name nobody.",
        ),
        Check(blank_fault),
    ]


class ReviewStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Where a review stands after what was asked. Its words are in the list: answers that an
    `Idempotency-Key` keeps hold nothing that could be erased.
    """

    review_id: str
    course_id: str
    learner_id: str
    rating: int
    visible: bool
    """Others see it, and its stars count."""
    hidden: bool
    """By an administrator."""
    withdrawn: bool
    """With the learner's access."""
    replied: bool


def standing_of(review: Reviewed, learner_id: str) -> ReviewStanding:
    return ReviewStanding(
        review_id=review.review_id,
        course_id=review.course_id,
        learner_id=learner_id,
        rating=review.rating,
        visible=review.counts,
        hidden=review.hidden,
        withdrawn=review.withdrawn,
        replied=bool(review.reply_by),
    )


class Helpful(msgspec.Struct, frozen=True, kw_only=True):
    """Of the review: how many found it helpful, and whether the caller is one of them."""

    review_id: str
    helpful: int
    voted: bool


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    instructor_id: str
    text: str
    replied_at: datetime


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` is why it is hidden, for its learner and admins."""

    review_id: str
    course_id: str
    learner_id: str
    rating: int
    text: str
    helpful: int
    """How many found it so."""
    reply: Reply | None
    visible: bool
    hidden: bool
    reason: str
    posted_at: datetime
    edited_at: datetime | None
    position: int


class Reviews(msgspec.Struct, frozen=True, kw_only=True):
    """`rating` is of the whole course. `own` is the caller's review, also while nobody else sees it."""

    items: list[Review]
    has_more: bool
    next_cursor: str | None
    rating: Rating
    own: Review | None


class WordedReview(msgspec.Struct, frozen=True):
    """A row, and the words beside it; None where they are erased, or there is no reply."""

    row: ReviewRow
    text: str | None
    reply: str | None

    @property
    def shown(self) -> Review:
        row = self.row
        reply = None
        if row.replied_at is not None:
            said = ERASED if self.reply is None else self.reply
            reply = Reply(instructor_id=row.reply_by, text=said, replied_at=row.replied_at)
        return Review(
            review_id=row.review_id,
            course_id=row.course_id,
            learner_id=row.learner_id,
            rating=row.rating,
            text=ERASED if self.text is None else self.text,
            helpful=row.helpful,
            reply=reply,
            visible=row.visible,
            hidden=row.hidden,
            reason=row.reason,
            posted_at=row.posted_at,
            edited_at=row.edited_at,
            position=row.position,
        )
