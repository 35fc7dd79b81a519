"""Courses as they are now, with the numbers that their learners make, and their revisions as they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

import msgspec
from psycopg import Cursor

from ledger.courses.content import CourseContent
from ledger.courses.events import CourseEvent, CourseRevised, CourseUploaded
from ledger.enrolments.learning.events import ProgressReported
from ledger.enrolments.stream import parts_of
from ledger.message import Event, Recorded
from projections.courses import course, learners
from projections.courses.course import COURSES
from projections.courses.learners import COURSE_DAYS, COURSE_LEARNERS
from projections.engine.buffers import Log, Rows, Sums, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class CourseRevisionRow(Row):
    course_id: str
    revision: int
    content: dict[str, Any]
    """A `CourseContent`, as its fact has it."""
    recorded_at: datetime
    position: int


COURSE_REVISIONS = Table("course_revisions", CourseRevisionRow, ("course_id", "revision"))

_COURSE_EVENTS: frozenset[type[Event]] = frozenset(get_args(CourseEvent))


class Courses(Projection):
    NAME: ClassVar[str] = "courses"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _COURSE_EVENTS | learners.FACTS

    def __init__(self) -> None:
        self._courses = Rows(COURSES)
        self._revisions = Log(COURSE_REVISIONS)
        self._learners = Rows(COURSE_LEARNERS)
        self._days = Sums(COURSE_DAYS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._courses, self._revisions, self._learners, self._days

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """What begins in this batch is not there yet."""
        events = [recorded.event for recorded in batch if type(recorded.event) in _COURSE_EVENTS]
        begun = {event.course_id for event in events if isinstance(event, CourseUploaded)}
        touched: set[str] = {getattr(event, "course_id") for event in events}  # noqa: B009  every one has it
        enrolments = [recorded for recorded in batch if type(recorded.event) in learners.FACTS]
        touched |= {parts_of(recorded.stream)[0] for recorded in enrolments}
        self._courses.load(cursor, touched - begun)
        first = {recorded.stream for recorded in enrolments if recorded.version == 1}
        self._learners.load(cursor, {recorded.stream for recorded in enrolments} - first)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if type(event) in learners.FACTS:
            self._count(recorded)
            return
        if isinstance(event, CourseUploaded):
            self._courses.put(event.course_id, course.begin(recorded, event))
            self._add_revision(recorded, event.course_id, 1, event.content)
            return
        course.advance(self._courses.change(event.course_id), recorded, event)
        if isinstance(event, CourseRevised):
            self._add_revision(recorded, event.course_id, event.revision, event.content)

    def _count(self, recorded: Recorded) -> None:
        """Nothing for a course that a restored ledger forgot: it has no numbers to be moved."""
        course_id, _ = parts_of(recorded.stream)
        if self._courses.find(course_id) is None:
            return
        known = self._learners.find(recorded.stream)
        if isinstance(recorded.event, ProgressReported) and (known is None or not known.waits):
            return  # as nearly all of them are
        if known is None:
            self._learners.put(recorded.stream, learners.begin(recorded.stream, course_id))
        row, of = self._learners.change(recorded.stream), self._courses.change(course_id)
        counted, before, rating = learners.counts(row), learners.day_of(row), row.rating
        learners.advance(row, recorded)
        of.learners += learners.counts(row) - counted
        learners.rate(of, rating, -1)
        learners.rate(of, row.rating, 1)
        after = learners.day_of(row)
        for day, by in ((before, -1), (after, 1)):
            if day is not None and before != after:
                self._days.of((course_id, day))[0] += by

    def _add_revision(
        self, recorded: Recorded, course_id: str, revision: int, content: CourseContent
    ) -> None:
        """Dated by the database's clock, as it is what stands in the ledger."""
        told = msgspec.to_builtins(content)
        self._revisions.add((course_id, revision, told, recorded.recorded_at, recorded.position))
