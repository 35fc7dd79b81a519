"""Who sees a course: everybody one that is published, its own people always, and who has or had it.

To anybody else one that they do not see is as one that there is not, at every address and in the same words.
"""

from __future__ import annotations

from api.courses import words as course_words
from api.http.auth import Principal
from api.services import Services
from ledger.courses.decider import COURSE
from ledger.courses.state import Course
from ledger.courses.stream import stream_of
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import NotFound


async def seen_course(services: Services, course_id: str, caller: Principal) -> Course:
    """By the ledger, whatever the projections have seen. Raises `NotFound`."""
    course = await services.store.state(COURSE, stream_of(course_id))
    sees = (
        course.content is not None
        and (course.concerns(caller.id) or not caller.roles.isdisjoint({"admin", "service"}))
    ) or await _is_open_to(services, course, caller.id)
    if course.content is None or not sees:
        raise NotFound(f"There is no course {course_id}.")
    return course


def teaches(course: Course, user_id: str) -> bool:
    """As its author or one of its instructors."""
    instructors = course.content.instructors if course.content else ()
    return user_id in {course.author, *(one.user_id for one in instructors)}


async def _is_open_to(services: Services, course: Course, user_id: str) -> bool:
    """Neither as one of its own people nor as an admin."""
    if course.content is None:
        return False
    if course.status == "published":
        async with services.reading() as connection:
            if await course_words.read(connection, course.content.words_id) is not None:
                return True
    enrolment = await services.store.state(ENROLMENT, enrolment_stream(course.course_id, user_id))
    return enrolment.is_known
