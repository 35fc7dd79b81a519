"""What all that is asked of a review has in common: whose it is, its command, where it stands after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from api.courses.seeing import seen_course, teaches
from api.http.auth import Principal
from api.http.body import known_shape
from api.reviews import search
from api.reviews.resources import standing_of
from api.services import Services, origin_of
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.reviews.state import Review
from ledger.enrolments.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Command

Call = Request[Principal, Any, State]
TAGS = ["reviews"]


class Place(msgspec.Struct, frozen=True):
    """Which course, and whose review of it."""

    course_id: str
    learner_id: str


async def decided(
    services: Services,
    request: Call,
    place: Place,
    asked: tuple[str, msgspec.Struct],
    command: Callable[[str], Awaitable[Command]],
    *,
    status_code: int = 200,
) -> Response[Any]:
    """`asked` is the key and the body; `command` gets the id of the one that it makes."""
    key, body = asked

    async def work(command_id: str) -> Response[Any]:
        done = await services.submitter.submit_once(
            command_id, lambda: command(command_id), origin_of(request)
        )
        shown = standing_of(await review_at(services, place), place.learner_id)
        return Response(shown, status_code=status_code, headers=done.headers)

    return await services.idempotency.run(request, key, body, work)


async def caller_teaches(services: Services, request: Call, course_id: str) -> bool:
    """Raises `NotFound` for a course that the caller does not see."""
    course = await seen_course(services, known_shape(course_id, "crs_"), request.user)
    return teaches(course, request.user.id)


async def place_of(services: Services, course_id: str, review_id: str) -> Place:
    """As the projections have it. Raises `NotFound` for a review that is not of this course."""
    known_shape(course_id, "crs_")
    known_shape(review_id, "rvw_")
    async with services.reading() as connection:
        found = await search.place_of(connection, review_id)
    if found is None or found[0] != course_id:
        raise NotFound(f"There is no review {review_id} of this course.")
    return Place(*found)


async def review_at(services: Services, place: Place) -> Review:
    """By the ledger."""
    enrolment = await services.store.state(ENROLMENT, stream_of(place.course_id, place.learner_id))
    return enrolment.review
