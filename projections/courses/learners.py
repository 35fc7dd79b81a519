"""What a course's learners add to its numbers: how many there are, since when, and the stars that count.

A row holds what one learner adds now, so that whatever a fact says, the course moves by the difference.
"""

from __future__ import annotations

from datetime import UTC, date

from ledger.enrolments.events import EnrolmentActivated, EnrolmentRestored, EnrolmentRevoked
from ledger.enrolments.learning.events import ProgressReported
from ledger.enrolments.reviews.events import (
    ReviewEdited,
    ReviewHidden,
    ReviewPosted,
    ReviewReinstated,
    ReviewShown,
    ReviewWithdrawn,
)
from ledger.enrolments.stream import parts_of
from ledger.message import Event, Recorded
from projections.courses.course import CourseRow
from projections.engine.tables import Row, Table


class CourseLearnerRow(Row):
    stream: str
    """Of the enrolment."""
    course_id: str
    payment_id: str
    """By which the learner has the course; empty for nothing."""
    live: bool
    """Whether the learner has it now."""
    since: date | None
    """The day (UTC) on which the learner began, as far as that counts: what comes back began when it did."""
    rating: int
    """0 when no review counts."""
    waits: bool
    """It was given for nothing, and counts once its learner has begun: anybody can give it to anybody."""


class CourseDayRow(Row):
    course_id: str
    day: date
    enrolments: int


COURSE_LEARNERS = Table("course_learners", CourseLearnerRow, ("stream",))
COURSE_DAYS = Table("course_days", CourseDayRow, ("course_id", "day"))

FACTS: frozenset[type[Event]] = frozenset(
    {
        EnrolmentActivated,
        EnrolmentRestored,
        EnrolmentRevoked,
        ProgressReported,
        ReviewPosted,
        ReviewEdited,
        ReviewHidden,
        ReviewShown,
        ReviewWithdrawn,
        ReviewReinstated,
    }
)
RATING_SCALE = 10**18
"""Averages of up to a thousand million ratings are told apart, and five times it is a bigint."""


def begin(stream: str, course_id: str) -> CourseLearnerRow:
    return CourseLearnerRow(
        stream=stream, course_id=course_id, payment_id="", live=False, since=None, rating=0, waits=False
    )


def advance(row: CourseLearnerRow, recorded: Recorded) -> None:
    """The same rules as the decider's `evolve`, as far as access and stars go."""
    match recorded.event:
        case EnrolmentActivated() | EnrolmentRestored() as event:
            back = isinstance(event, EnrolmentRestored) and event.payment_id == row.payment_id
            if row.since is None or not (row.live or back):
                row.since = recorded.metadata.effective_at.astimezone(UTC).date()
            row.live, row.payment_id = True, event.payment_id
            row.waits = not event.payment_id and event.buyer_id != parts_of(recorded.stream)[1]
        case ProgressReported() if row.waits:
            row.since, row.waits = recorded.metadata.effective_at.astimezone(UTC).date(), False
        case EnrolmentRevoked(payment_id=payment_id) if payment_id == row.payment_id:
            row.live = False
        case ReviewPosted(rating=rating):
            row.rating = rating
        case ReviewEdited() | ReviewShown() | ReviewReinstated() as event:
            row.rating = event.rating if event.counts else 0
        case ReviewHidden() | ReviewWithdrawn():
            row.rating = 0
        case _:
            pass  # of another payment than the one that gives access


def counts(row: CourseLearnerRow) -> bool:
    """Whether the learner is one of the course's."""
    return row.live and not row.waits


def day_of(row: CourseLearnerRow) -> date | None:
    """In whose count the learner is; None when they are in none."""
    return row.since if counts(row) else None


def rate(row: CourseRow, rating: int, by: int) -> None:
    """So many more of so many stars; `rating` 0 is none."""
    if not rating:
        return
    name = f"stars_{rating}"
    setattr(row, name, getattr(row, name) + by)
    stars = (row.stars_1, row.stars_2, row.stars_3, row.stars_4, row.stars_5)
    row.rating_count = sum(stars)
    total = sum(number * many for number, many in enumerate(stars, 1))
    row.rating_key = rating_key(total, row.rating_count)


def rating_key(total: int, count: int) -> int:
    """Orders as the exact average does: of whole stars added up, and of how many."""
    return total * RATING_SCALE // count if count else 0
