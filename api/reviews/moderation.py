"""What administrators decide about reviews: which are shown."""

from __future__ import annotations

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.reviews.deciding import TAGS, Call, decided, place_of
from api.reviews.resources import HideReview, OfReview, ReviewStanding
from api.services import Services
from ledger.enrolments.reviews import commands
from ledger.enrolments.reviews.refusals import InvalidReview
from ledger.errors import NotFound


@post(
    "/api/courses/{course_id:str}/reviews/{review_id:str}/hide",
    operation_id="hideReview",
    summary="Hide a review",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="Its learner and admins alone see it",
    responses=responses(NotFound, InvalidReview),
)
async def hide_review(
    course_id: FromPath[str],
    review_id: FromPath[str],
    data: JSONBody[HideReview],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ReviewStanding]:
    """Its stars count no more, until it is shown again."""
    place = await place_of(services, course_id, review_id)

    async def command(command_id: str) -> commands.HideReview:
        return commands.HideReview(
            command_id=command_id,
            effective_at=services.now(),
            course_id=course_id,
            learner_id=place.learner_id,
            review_id=review_id,
            reason=data.reason,
        )

    return await decided(services, request, place, (idempotency_key, data), command)


@post(
    "/api/courses/{course_id:str}/reviews/{review_id:str}/show",
    operation_id="showReview",
    summary="Show a review again",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is not hidden any more",
    responses=responses(NotFound),
)
async def show_review(
    course_id: FromPath[str],
    review_id: FromPath[str],
    data: JSONBody[OfReview],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ReviewStanding]:
    """One that was hidden; its stars count again if its learner has the course."""
    place = await place_of(services, course_id, review_id)

    async def command(command_id: str) -> commands.ShowReview:
        return commands.ShowReview(
            command_id=command_id,
            effective_at=services.now(),
            course_id=course_id,
            learner_id=place.learner_id,
            review_id=review_id,
        )

    return await decided(services, request, place, (idempotency_key, data), command)


HANDLERS = (hide_review, show_review)
