"""What a course consists of, as it was bought and as it is now: of either, what is learnt is judged by."""

from __future__ import annotations

from ledger.courses.content import CourseContent
from ledger.courses.events import CourseRevised, CourseUploaded
from ledger.courses.stream import stream_of
from ledger.enrolments.learning.commands import Syllabus, syllabus_of
from ledger.store import Store


async def syllabuses_of(store: Store, course_id: str, revision: int) -> tuple[Syllabus, ...]:
    """Of that revision, where it is known, and of the last one."""
    contents: dict[int, CourseContent] = {}
    for one in await store.read_stream(stream_of(course_id)):
        if isinstance(one.event, CourseUploaded):
            contents[1] = one.event.content
        elif isinstance(one.event, CourseRevised):
            contents[one.event.revision] = one.event.content
    revisions = {revision, max(contents, default=0)}
    return tuple(syllabus_of(each, contents[each]) for each in sorted(revisions) if each in contents)
