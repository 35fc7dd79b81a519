"""Finding a review helpful."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.courses import search as courses
from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.reviews.deciding import TAGS, Call, Place, caller_teaches, place_of, review_at
from api.reviews.resources import Helpful, OfReview
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.errors import Contended, NotFound
from ledger.ids import new_id
from ledger.votes.commands import MarkHelpful, UnmarkHelpful
from ledger.votes.decider import VOTES
from ledger.votes.refusals import VoteOnOwnCourse, VoteOnOwnReview
from ledger.votes.stream import stream_of


@post(
    "/api/courses/{course_id:str}/reviews/{review_id:str}/helpful",
    operation_id="markHelpful",
    summary="Find a review helpful",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The vote counts",
    responses=responses(NotFound, VoteOnOwnReview, VoteOnOwnCourse),
)
async def mark_helpful(
    course_id: FromPath[str],
    review_id: FromPath[str],
    data: JSONBody[OfReview],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Helpful]:
    """Once, however often it is asked. Nobody votes on their own, nor on the reviews of what they teach."""
    place = await _visible(services, request, course_id, review_id)

    async def work(command_id: str) -> Response[Any]:
        command = MarkHelpful(
            command_id=command_id,
            effective_at=services.now(),
            review_id=review_id,
            course_id=course_id,
            user_id=request.user.id,
            author_id=place.learner_id,
            teaches=await caller_teaches(services, request, course_id),
        )
        done = await services.submitter.submit(command, origin_of(request))
        return await _counted(services, request, review_id, done)

    return await services.idempotency.run(request, idempotency_key, data, work)


@delete(
    "/api/courses/{course_id:str}/reviews/{review_id:str}/helpful",
    operation_id="unmarkHelpful",
    summary="Take back that a review is helpful",
    tags=TAGS,
    status_code=200,
    response_description="There is no vote of the caller",
    responses=responses(NotFound, Contended),
)
async def unmark_helpful(
    course_id: FromPath[str], review_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[Helpful]:
    """Harmless when there is no vote of the caller."""
    await _visible(services, request, course_id, review_id)
    command = UnmarkHelpful(
        command_id=new_id("cmd"),
        effective_at=services.now(),
        review_id=review_id,
        course_id=course_id,
        user_id=request.user.id,
    )
    done = await services.submitter.submit(command, origin_of(request))
    return await _counted(services, request, review_id, done)


async def _visible(services: Services, request: Call, course_id: str, review_id: str) -> Place:
    """Raises `NotFound` for a review that is not in the list which the caller sees."""
    place = await place_of(services, course_id, review_id)
    async with services.reading() as connection:
        await courses.seen(connection, course_id, request.user)
    if not (await review_at(services, place)).counts:
        raise NotFound(f"There is no review {review_id} of this course.")
    return place


async def _counted(services: Services, request: Call, review_id: str, done: Submitted) -> Response[Helpful]:
    votes = await services.store.state(VOTES, stream_of(review_id))
    shown = Helpful(review_id=review_id, helpful=len(votes.voters), voted=request.user.id in votes.voters)
    return Response(shown, status_code=200, headers=done.headers)


HANDLERS = (mark_helpful, unmark_helpful)
