"""Reviewing a course, and replying to a review."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from litestar import Response, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.courses.writing import UNWRITTEN
from api.http.body import IdempotencyKey, known_shape
from api.http.checks import blank_fault
from api.http.preconditions import IDEMPOTENT
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.reviews.deciding import TAGS, Call, Place, caller_teaches, decided, place_of, review_at
from api.reviews.resources import EditReview, PostReview, ReplyToReview, ReviewStanding
from api.reviews.words import TEXTS
from api.services import Services
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.reviews import commands
from ledger.enrolments.reviews.refusals import (
    InvalidReview,
    ReplyNotYours,
    ReviewExists,
    ReviewFrozen,
    ReviewNeedsEnrolment,
    ReviewOfOwnCourse,
    ReviewTooEarly,
)
from ledger.enrolments.stream import stream_of
from ledger.errors import NotFound


@post(
    "/api/courses/{course_id:str}/reviews",
    operation_id="postReview",
    summary="Review a course",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="Everybody sees it",
    responses=responses(
        NotFound,
        InvalidReview,
        ReviewNeedsEnrolment,
        ReviewTooEarly,
        ReviewOfOwnCourse,
        ReviewExists,
        ReviewFrozen,
    ),
)
async def post_review(
    course_id: FromPath[str],
    data: JSONBody[PostReview],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ReviewStanding]:
    """For who has the course and has done a tenth of it; one of each learner. It is shown with the learner's
    opaque id, and counts for as long as they have the course.
    """
    _check_text(data.text)
    place = Place(course_id, request.user.id)

    async def command(command_id: str) -> commands.PostReview:
        asked = commands.PostReview(
            command_id=command_id,
            effective_at=services.now(),
            course_id=course_id,
            learner_id=place.learner_id,
            review_id=services.id_of("rvw", command_id),
            rating=data.rating,
            words_id=services.id_of("wrd", command_id),
            words_hash=UNWRITTEN,
            teaches=await caller_teaches(services, request, course_id),
        )
        return await _written(services, place, asked, request.user.id, data.text)

    return await decided(services, request, place, (idempotency_key, data), command, status_code=201)


@patch(
    "/api/courses/{course_id:str}/reviews/{review_id:str}",
    operation_id="editReview",
    summary="Change one's review",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is changed, or as it was when nothing changed",
    responses=responses(NotFound, InvalidReview, ReviewNeedsEnrolment, ReviewFrozen, ReviewOfOwnCourse),
)
async def edit_review(
    course_id: FromPath[str],
    review_id: FromPath[str],
    data: JSONBody[EditReview],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ReviewStanding]:
    """Its stars, its text, or both, also while it is hidden: an admin shows it again."""
    known_shape(course_id, "crs_")
    known_shape(review_id, "rvw_")
    _check_text(data.text)
    place = Place(course_id, request.user.id)

    async def command(command_id: str) -> commands.EditReview:
        asked = commands.EditReview(
            command_id=command_id,
            effective_at=services.now(),
            course_id=course_id,
            learner_id=place.learner_id,
            review_id=review_id,
            rating=data.rating,
            teaches=await caller_teaches(services, request, course_id),
        )
        review = await review_at(services, place)
        if data.text is None or data.text == await _said(services, review.words_id):
            return asked
        asked = msgspec.structs.replace(
            asked, words_id=services.id_of("wrd", command_id), words_hash=UNWRITTEN
        )
        return await _written(services, place, asked, request.user.id, data.text)

    return await decided(services, request, place, (idempotency_key, data), command)


@put(
    "/api/courses/{course_id:str}/reviews/{review_id:str}/reply",
    operation_id="replyToReview",
    summary="Reply to a review",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="The reply is below the review",
    responses=responses(NotFound, InvalidReview, ReplyNotYours),
)
async def reply_to_review(
    course_id: FromPath[str],
    review_id: FromPath[str],
    data: JSONBody[ReplyToReview],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[ReviewStanding]:
    """By an instructor of the course. There is one reply; another takes its place."""
    _check_text(data.text)
    place = await place_of(services, course_id, review_id)

    async def command(command_id: str) -> commands.ReplyToReview:
        review = await review_at(services, place)
        asked = commands.ReplyToReview(
            command_id=command_id,
            effective_at=services.now(),
            course_id=course_id,
            learner_id=place.learner_id,
            review_id=review_id,
            user_id=request.user.id,
            words_id=review.reply_words_id,
            words_hash=review.reply_words_hash,
            teaches=await caller_teaches(services, request, course_id),
        )
        if review.reply_by == request.user.id and data.text == await _said(services, review.reply_words_id):
            return asked
        asked = msgspec.structs.replace(
            asked, words_id=services.id_of("wrd", command_id), words_hash=UNWRITTEN
        )
        return await _written(services, place, asked, request.user.id, data.text)

    return await decided(services, request, place, (idempotency_key, data), command)


def _check_text(text: str | None) -> None:
    """Alone, no fault of the body's type has brought it up."""
    if text is not None and (fault := blank_fault(text)):
        raise Unprocessable.at(FieldError(detail=fault, pointer="/text"))


async def _said(services: Services, words_id: str) -> str | None:
    async with services.reading() as connection:
        said = await TEXTS.read(connection, words_id)
    return None if said is None else said[0]


Written = TypeVar("Written", commands.PostReview, commands.EditReview, commands.ReplyToReview)


async def _written(services: Services, place: Place, command: Written, author: str, text: str) -> Written:
    """With the hash of its words. Refused, if it must be, before anything is written."""
    enrolment = await services.store.state(ENROLMENT, stream_of(place.course_id, place.learner_id))
    ENROLMENT.decide(command, enrolment)
    async with services.reading() as connection:
        words_hash = await TEXTS.write(connection, command.words_id, place.course_id, author, text)
    return msgspec.structs.replace(command, words_hash=words_hash)


HANDLERS = (post_review, edit_review, reply_to_review)
