"""Reviews as they are now, with how many found each helpful."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

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
from ledger.message import Event, Recorded
from ledger.votes.events import MarkedHelpful, UnmarkedHelpful, VoteEvent
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class ReviewRow(Row):
    review_id: str
    course_id: str
    learner_id: str
    rating: int
    words_id: str
    visible: bool
    """Neither hidden nor withdrawn: others see it, and its stars count."""
    hidden: bool
    reason: str
    """Why it is hidden."""
    withdrawn: bool
    """The learner has no access now."""
    helpful: int
    reply_by: str
    reply_words_id: str
    posted_at: datetime
    edited_at: datetime | None
    replied_at: datetime | None
    position: int
    last_position: int


REVIEWS = Table("reviews", ReviewRow, ("review_id",))

_FACTS: frozenset[type[Event]] = frozenset({*get_args(ReviewEvent), *get_args(VoteEvent)})


class Reviews(Projection):
    NAME: ClassVar[str] = "reviews"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._reviews = Rows(REVIEWS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._reviews,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """A review that is posted in this batch is not there yet."""
        events: list[Any] = [one.event for one in batch if type(one.event) in _FACTS]
        begun = {event.review_id for event in events if isinstance(event, ReviewPosted)}
        self._reviews.load(cursor, {event.review_id for event in events} - begun)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if isinstance(event, ReviewPosted):
            self._reviews.put(event.review_id, _begin(recorded, event))
            return
        _advance(self._reviews.change(event.review_id), recorded)


def _begin(recorded: Recorded, event: ReviewPosted) -> ReviewRow:
    return ReviewRow(
        review_id=event.review_id,
        course_id=event.course_id,
        learner_id=event.learner_id,
        rating=event.rating,
        words_id=event.words_id,
        visible=True,
        hidden=False,
        reason="",
        withdrawn=False,
        helpful=0,
        reply_by="",
        reply_words_id="",
        posted_at=recorded.metadata.effective_at,
        edited_at=None,
        replied_at=None,
        position=recorded.position,
        last_position=recorded.position,
    )


def _advance(row: ReviewRow, recorded: Recorded) -> None:
    """The same rules as the decider's `evolve`."""
    event, at = recorded.event, recorded.metadata.effective_at
    row.last_position = recorded.position
    match event:
        case ReviewEdited():
            row.rating, row.words_id, row.edited_at = event.rating, event.words_id, at
        case ReviewHidden(reason=reason):
            row.hidden, row.reason = True, reason
        case ReviewShown():
            row.hidden, row.reason = False, ""
        case ReviewWithdrawn():
            row.withdrawn = True
        case ReviewReinstated():
            row.withdrawn = False
        case ReviewReplied():
            row.reply_by, row.reply_words_id, row.replied_at = event.instructor_id, event.words_id, at
        case MarkedHelpful():
            row.helpful += 1
        case UnmarkedHelpful():
            row.helpful -= 1
        case _:
            raise LookupError(f"review {row.review_id} was posted twice")
    row.visible = not row.hidden and not row.withdrawn
