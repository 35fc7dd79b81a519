"""The content of a course: where each item is, with a ticket for whoever keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.courses import words as course_words
from api.courses.resources import ERASED
from api.courses.seeing import seen_course, teaches
from api.enrolments.starting import CourseLimitProblem, start
from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.http.problems import ApiError
from api.http.promises import responses
from api.services import Services, origin_of
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem, require
from api.tickets import NoTicketKey, Tickets
from ledger.courses.content import CourseContent, Item
from ledger.courses.state import Course
from ledger.enrolments.decider import ENROLMENT, standing_of
from ledger.enrolments.learning.refusals import AccessEnded, LearningFrozen
from ledger.enrolments.learning.rules import check_access
from ledger.enrolments.stream import stream_of
from ledger.errors import NotFound
from ledger.learners.refusals import CourseLimitReached

Call = Request[Principal, Any, State]
ONLINE = timedelta(minutes=15)
OFFLINE = timedelta(days=30)
OFFLINE_FEATURE = "offline_access"


class OpenContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`offline`: tickets that last thirty days, for a plan with `offline_access`."""

    offline: bool = False


class ContentItem(msgspec.Struct, frozen=True, kw_only=True):
    item_id: str
    title: str
    minutes: int
    content_ref: str
    sha256: str
    ticket: str
    """A JWT for whoever keeps the content, signed by a key of `/.well-known/jwks.json`."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    course_id: str
    revision: int
    expires_at: datetime
    """When the tickets end; ask anew then."""
    items: list[ContentItem]


class TicketsUnavailable(ApiError):
    """The service has no key to sign tickets with."""

    code = "tickets_unavailable"
    remedy = "Tell who runs the service: its data directory must be there, and writable once."
    passing = True


@post(
    "/api/courses/{course_id:str}/content",
    operation_id="openContent",
    summary="Open a course's content",
    tags=["courses"],
    status_code=200,
    response_description="Each item with a ticket",
    responses=responses(
        NotFound,
        AccessEnded,
        LearningFrozen,
        TicketsUnavailable,
        bodies={FeatureMissing: FeatureProblem, CourseLimitReached: CourseLimitProblem},
    ),
)
async def open_content(
    course_id: FromPath[str], data: JSONBody[OpenContent], request: Call, services: NamedDependency[Services]
) -> Response[Content]:
    """For who has the course, its instructors and admins: the items as they are now. A free course counts as
    started. A ticket names its holder, course, item and hash, and works until it ends, whatever comes.
    """
    known_shape(course_id, "crs_")
    course = await seen_course(services, course_id, request.user)
    assert course.content is not None, "it is seen"
    if not (is_admin(request) or teaches(course, request.user.id)):
        await _enter(services, request, course, offline=data.offline)
    async with services.reading() as connection:
        words = await course_words.read(connection, course.content.words_id)
    titles = words.item_titles if words else {}
    now = services.now()
    until = now + (OFFLINE if data.offline else ONLINE)
    issuing = _Issuing(services.tickets, request.user.id, course, now, until)
    shown = await asyncio.to_thread(_content, issuing, course.content, titles)
    return Response(shown, status_code=200, headers={"Cache-Control": "no-store"})


async def _enter(services: Services, request: Call, course: Course, *, offline: bool) -> None:
    """Raises what keeps the caller out, and counts a free course that they get in to."""
    learner_id, course_id = request.user.id, course.course_id
    enrolment = await services.store.state(ENROLMENT, stream_of(course_id, learner_id))
    if not enrolment.enrolment_id and course.content is not None and not course.content.price_minor:
        raise NotFound("You have not begun this free course: begin it with POST /api/courses/purchase.")
    check_access(standing_of(enrolment))
    if offline:
        await require(services, learner_id, OFFLINE_FEATURE)
    await start(services, origin_of(request), enrolment, course_id, learner_id)


class _Issuing(msgspec.Struct, frozen=True):
    """Whom tickets are for, and for how long."""

    tickets: Tickets
    holder: str
    course: Course
    issued_at: datetime
    expires_at: datetime

    def ticket(self, item: Item) -> str:
        claims = {
            "sub": self.holder,
            "course": self.course.course_id,
            "revision": self.course.revision,
            "item": item.item_id,
            "sha256": item.sha256,
        }
        try:
            return self.tickets.sign(claims, self.issued_at, self.expires_at)
        except NoTicketKey as error:
            raise TicketsUnavailable("This service cannot sign tickets now.") from error


def _content(issuing: _Issuing, content: CourseContent, titles: Mapping[str, str]) -> Content:
    """In a thread: to sign takes a while, of many items."""
    return Content(
        course_id=issuing.course.course_id,
        revision=issuing.course.revision,
        expires_at=issuing.expires_at,
        items=[
            ContentItem(
                item_id=item.item_id,
                title=titles.get(item.item_id, ERASED),
                minutes=item.minutes,
                content_ref=item.content_ref,
                sha256=item.sha256,
                ticket=issuing.ticket(item),
            )
            for item in content.items
        ],
    )


HANDLERS = (open_content,)
