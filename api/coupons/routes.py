"""Making a coupon, and ending it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.coupons.resources import CouponStanding, NewCoupon, normal, standing_of, terms_of
from api.http.auth import Principal
from api.http.body import IdempotencyKey
from api.http.guessing import guess
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import OWN_MEMBERS, FieldError, Problem
from api.http.promises import responses
from api.services import Services, origin_of
from api.subscriptions.entitlements import FeatureMissing, FeatureProblem, require
from ledger.coupons.commands import CreateCoupon, EndCoupon
from ledger.coupons.decider import COUPON, MOST_KEPT
from ledger.coupons.refusals import CouponCodeTaken, CouponNotYoursToMake, InvalidCoupon, TooManyCoupons
from ledger.coupons.stream import stream_of
from ledger.coupons.terms import is_code
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of as course_stream
from ledger.errors import NotFound
from ledger.message import Command

Call = Request[Principal, Any, State]
TAGS = ["coupons"]
SELL = "sell_courses"


class OfCoupon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


def _with_places(error: InvalidCoupon, said: Problem) -> Problem:
    said.errors = [FieldError(detail=error.detail, pointer=f"/{field}") for field in error.fields]
    return said


OWN_MEMBERS[InvalidCoupon] = _with_places


@post(
    "/api/coupons",
    operation_id="createCoupon",
    summary="Make a coupon",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It can be used, from `starts_at` on",
    responses=responses(
        NotFound,
        InvalidCoupon,
        CouponCodeTaken,
        CouponNotYoursToMake,
        TooManyCoupons,
        bodies={FeatureMissing: FeatureProblem},
    ),
)
async def create_coupon(
    data: JSONBody[NewCoupon],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CouponStanding]:
    """An author makes them for courses of their own and bears them, and needs `sell_courses`; an admin makes
    any. Nothing of a coupon changes later, but that it can be ended. An author keeps 200 at a time, and few
    codes that are taken may be tried.
    """
    code = normal(data.code)

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Command:
            return await _creation(services, request, data, command_id)

        with made.judged():
            done = await services.submitter.submit_once(command_id, make, origin_of(request))
        location = {"Location": f"/api/coupons/{code}"}
        coupon = await services.store.state(COUPON, stream_of(code))
        return Response(standing_of(code, coupon), status_code=201, headers={**done.headers, **location})

    with guess(services.coupon_guesses, request.user.id) as made:
        return await services.idempotency.run(request, idempotency_key, data, work)


async def _creation(services: Services, request: Call, body: NewCoupon, command_id: str) -> CreateCoupon:
    maker, by_admin = request.user.id, is_admin(request)
    if not by_admin:
        await require(services, maker, SELL)
    terms = terms_of(body, maker)
    return CreateCoupon(
        command_id=command_id,
        effective_at=services.now(),
        code=normal(body.code),
        user_id=maker,
        by_admin=by_admin,
        terms=terms,
        kept=0 if by_admin else await _kept(services, maker),
        course_author=await _author_of(services, terms.scope_id) if terms.scope == "course" else "",
    )


_KEPT = """
    SELECT count(*)
    FROM (
        SELECT
        FROM coupons
        WHERE maker = %s AND ended_at IS NULL AND (ends_at IS NULL OR ends_at > %s)
        LIMIT %s
    ) AS kept
"""


async def _kept(services: Services, maker: str) -> int:
    """By the tables, which may lag: it is a bound, and no count that anybody is owed."""
    async with services.reading() as connection:
        found = await (await connection.execute(_KEPT, (maker, services.now(), MOST_KEPT))).fetchone()
    return int(found[0]) if found else 0


async def _author_of(services: Services, course_id: str) -> str:
    """Raises `NotFound` for a course that there is not; one that is not named is the rules' to refuse."""
    course = await services.store.state(COURSE, course_stream(course_id))
    if course_id and not course.author:
        raise NotFound(f"There is no course {course_id!r:.80}.")
    return course.author


@post(
    "/api/coupons/{code:str}/end",
    operation_id="endCoupon",
    summary="End a coupon",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is not taken any more",
    responses=responses(NotFound),
)
async def end_coupon(
    code: FromPath[str],
    data: JSONBody[OfCoupon],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CouponStanding]:
    """Purchases that have a use of it already go on."""
    stored = normal(code)
    if not is_code(stored):
        raise NotFound(f"There is no coupon {code!r:.80}.")

    async def work(command_id: str) -> Response[Any]:
        command = EndCoupon(
            command_id=command_id,
            effective_at=services.now(),
            code=stored,
            user_id=request.user.id,
            by_admin=is_admin(request),
        )
        done = await services.submitter.submit(command, origin_of(request))
        coupon = await services.store.state(COUPON, stream_of(stored))
        return Response(standing_of(stored, coupon), status_code=200, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


HANDLERS = (create_coupon, end_coupon)
