"""Courses as they are now, and their revisions as they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

import msgspec
from psycopg import Cursor

from ledger.courses.content import CourseContent
from ledger.courses.events import CourseEvent, CourseRevised, CourseUploaded
from ledger.message import Event, Recorded
from projections.courses import course
from projections.courses.course import COURSES
from projections.engine.buffers import Log, Rows, TableBuffer
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
    FACTS: ClassVar[frozenset[type[Event]] | None] = _COURSE_EVENTS

    def __init__(self) -> None:
        self._courses = Rows(COURSES)
        self._revisions = Log(COURSE_REVISIONS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._courses, self._revisions

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """A course that is uploaded in this batch is not there yet."""
        events = [recorded.event for recorded in batch if type(recorded.event) in _COURSE_EVENTS]
        begun = {event.course_id for event in events if isinstance(event, CourseUploaded)}
        touched: set[str] = {getattr(event, "course_id") for event in events}  # noqa: B009  every one has it
        self._courses.load(cursor, touched - begun)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if isinstance(event, CourseUploaded):
            self._courses.put(event.course_id, course.begin(recorded, event))
            self._add_revision(recorded, event.course_id, 1, event.content)
            return
        course.advance(self._courses.change(event.course_id), recorded, event)
        if isinstance(event, CourseRevised):
            self._add_revision(recorded, event.course_id, event.revision, event.content)

    def _add_revision(
        self, recorded: Recorded, course_id: str, revision: int, content: CourseContent
    ) -> None:
        """Dated by the database's clock, as it is what stands in the ledger."""
        told = msgspec.to_builtins(content)
        self._revisions.add((course_id, revision, told, recorded.recorded_at, recorded.position))
