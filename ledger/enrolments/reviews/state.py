"""What is remembered of a learner's review of a course. `evolve` takes any history and never fails."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.enrolments.reviews.events import (
    ReviewEdited,
    ReviewEvent,
    ReviewHidden,
    ReviewPosted,
    ReviewReinstated,
    ReviewReplied,
    ReviewShown,
    ReviewWithdrawn,
)


class Review(Struct, frozen=True):
    review_id: str = ""
    """Empty before it is posted."""
    course_id: str = ""
    rating: int = 0
    words_id: str = ""
    words_hash: str = ""
    hidden: bool = False
    """By an administrator."""
    withdrawn: bool = False
    """With the learner's access, or since they teach the course."""
    reply_by: str = ""
    """The instructor; empty without a reply."""
    reply_words_id: str = ""
    reply_words_hash: str = ""
    teaches: bool = False
    """They do, or did; what they said as a learner counts no more."""

    @property
    def counts(self) -> bool:
        """Whether others see it, and its stars are part of the course's."""
        return bool(self.review_id) and not self.hidden and not self.withdrawn


def evolve(  # noqa: PLR0911 - one answer for each fact of a closed union
    review: Review, event: ReviewEvent
) -> Review:
    match event:
        case ReviewPosted():
            return Review(event.review_id, event.course_id, event.rating, event.words_id, event.words_hash)
        case ReviewEdited():
            return replace(review, rating=event.rating, words_id=event.words_id, words_hash=event.words_hash)
        case ReviewHidden():
            return replace(review, hidden=True)
        case ReviewShown():
            return replace(review, hidden=False)
        case ReviewWithdrawn():
            return replace(review, withdrawn=True, teaches=review.teaches or event.teaches)
        case ReviewReinstated():
            return replace(review, withdrawn=False)
        case ReviewReplied():
            return replace(
                review,
                reply_by=event.instructor_id,
                reply_words_id=event.words_id,
                reply_words_hash=event.words_hash,
            )
        case _:
            assert_never(event)
