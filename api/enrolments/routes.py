"""Buying a course."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.coupons.resources import CouponCode
from api.courses.resources import PriceMinor, UserId
from api.enrolments.buying import (
    CourseIdText,
    CourseToBuy,
    PurchaseEnded,
    reservation,
    run_guarded,
    why_ended,
)
from api.enrolments.resources import (
    PriceProblem,
    Purchase,
    PurchaseDeclined,
    enrolment_of,
    fold,
)
from api.http.auth import Principal
from api.http.body import IdempotencyKey, PaymentMethodId, known_shape
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import OWN_MEMBERS, ApiError, CardDeclined, Problem, StripeUnavailable, answer
from api.http.promises import responses
from api.payments import declines
from api.payments.answers import declined, next_action_of
from api.payments.resources import Story, payment_of
from api.payments.resources import fold as fold_payment
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.coupons.refusals import USE_REFUSALS
from ledger.enrolments.commands import ReserveEnrolment
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentReserved,
    ReservationSuperseded,
)
from ledger.enrolments.refusals import (
    AlreadyEnrolled,
    CourseNotForSale,
    GiftNotPossible,
    GiftToSelf,
    InvalidText,
    NotChargeable,
    OwnCourse,
    PaymentMethodRequired,
    PriceChanged,
    PurchaseInProgress,
)
from ledger.enrolments.state import LIVE
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import NotFound, Refused
from ledger.message import Recorded
from ledger.payments.stream import stream_of as payment_stream
from projections.enrolments import EnrolmentRow

Call = Request[Principal, Any, State]
TAGS = ["enrolments"]


class BuyCourse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`payment_method` for all but a free course. With `expected_price_minor` a price that has changed
    since it was shown is refused: it is what is to pay, after the `coupon`. `gift_to` is the user who is to
    have the course; left out, the caller is.
    """

    course_id: CourseIdText
    payment_method: PaymentMethodId | None = None
    expected_price_minor: PriceMinor | None = None
    gift_to: UserId | None = None
    coupon: CouponCode | None = None

    @property
    def wanted(self) -> CourseToBuy:
        return CourseToBuy(
            course_id=self.course_id,
            expected_price_minor=self.expected_price_minor,
            gift_to=self.gift_to,
            coupon=self.coupon,
        )


class PurchaseOvertaken(ApiError):
    """Another purchase of the course for the same learner came before this one was paid."""

    code = "purchase_overtaken"
    remedy = "Nothing is to be done: the payment is canceled, or given back, by itself."
    passing = False


_OVERTAKEN = (
    "Another purchase of this course for the same learner came before this one was paid. Its payment is "
    "canceled; what was captured of it meanwhile is given back by itself."
)


def _with_price(error: PriceChanged, said: Problem) -> Problem:
    return PriceProblem(
        **msgspec.structs.asdict(said),
        price_minor=error.offer.price_minor,
        discount_minor=error.offer.discount_minor,
        to_pay_minor=error.to_pay_minor,
        coupon=error.coupon,
        currency=error.offer.currency,
    )


OWN_MEMBERS[PriceChanged] = _with_price


@post(
    "/api/courses/purchase",
    operation_id="purchaseCourse",
    summary="Buy a course",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="The learner has the course",
    responses=responses(
        NotFound,
        InvalidText,
        PaymentMethodRequired,
        GiftToSelf,
        GiftNotPossible,
        OwnCourse,
        AlreadyEnrolled,
        PurchaseInProgress,
        CourseNotForSale,
        NotChargeable,
        PurchaseEnded,
        PurchaseOvertaken,
        StripeUnavailable,
        *USE_REFUSALS,
        bodies={PriceChanged: PriceProblem, CardDeclined: PurchaseDeclined},
    )
    | {
        202: ResponseSpec(
            Purchase,
            description="Not decided yet: the payment is `processing`, `requires_action` (see `next_action`) "
            "or `unknown`, or what follows from it is under way",
            generate_examples=False,
        ),
    },
)
async def purchase_course(
    data: JSONBody[BuyCourse],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Purchase]:
    """Holds the course for half an hour, charges the card, and gives access once the money is captured. A
    free course is had at once. While it is 202 do not buy again: the same request tells how it stands. A
    coupon's use is held with the course, and free again when the purchase ends without money.
    """
    known_shape(data.course_id, "crs_")

    async def work(command_id: str) -> Response[Any]:
        async def make() -> ReserveEnrolment:
            return await reservation(
                services, request.user, data.wanted, command_id, card=data.payment_method or ""
            )

        try:
            done = await services.submitter.submit_once(command_id, make, origin_of(request))
        except Refused:
            if (had := await _taken_up(services, request, data, command_id)) is not None:
                return had
            raise
        return await _answer(services, request, done)

    return await run_guarded(services, request, idempotency_key, data, data.wanted, work)


async def _answer(services: Services, request: Call, done: Submitted) -> Response[Any]:
    """By what both streams have now, wherever the steps between them were cut: there the worker goes on."""
    begun = next(
        one for one in done.recorded if isinstance(one.event, EnrolmentActivated | EnrolmentReserved)
    )
    facts = await services.store.read_stream(begun.stream)
    row = fold(facts)
    if isinstance(begun.event, EnrolmentActivated):
        bought = Purchase(enrolment=enrolment_of(row, to_buyer=True), payment=None)
        return Response(bought, status_code=201, headers=done.seen(facts[-1].position).headers)
    assert isinstance(begun.event, EnrolmentReserved)
    paid = await services.store.read_stream(payment_stream(begun.event.payment_id))
    if row.payment_id != begun.event.payment_id and _is_overtaken(facts, begun.event.payment_id):
        raise PurchaseOvertaken(_OVERTAKEN)
    if paid:
        seen = done.seen(max(facts[-1].position, paid[-1].position))
        return await _answer_paid(services, request, row, fold_payment(paid), seen)
    if row.enrolment_id == begun.event.enrolment_id and row.status in LIVE:
        bought = Purchase(enrolment=enrolment_of(row, to_buyer=True), payment=None)
        return Response(bought, status_code=201, headers=done.seen(facts[-1].position).headers)
    if row.payment_id != begun.event.payment_id or row.status != "reserved":
        raise why_ended(facts, begun.event.payment_id)
    waits = Purchase(enrolment=enrolment_of(row, to_buyer=True), payment=None)
    return Unkept(waits, status_code=202, headers=done.seen(facts[-1].position).headers)


def _is_overtaken(facts: Sequence[Recorded], payment_id: str) -> bool:
    """By another purchase. The course may be somebody else's by now, who is none of the buyer's business."""
    events = (one.event for one in facts)
    return any(isinstance(one, ReservationSuperseded) and one.payment_id == payment_id for one in events)


async def _taken_up(
    services: Services, request: Call, body: BuyCourse, command_id: str
) -> Response[Any] | None:
    """The answer where the learner has the course by this very request: a ledger that was restored to a time
    before it has its payment from Stripe, and no reservation.
    """
    facts = await services.store.read_stream(
        enrolment_stream(body.course_id, body.gift_to or request.user.id)
    )
    paid = await services.store.read_stream(payment_stream(services.id_of("pay", command_id)))
    if not facts or not paid:
        return None
    row, story = fold(facts), fold_payment(paid)
    if story.payment.purpose_ref != row.stream:
        return None
    repeat = Submitted((), max(facts[-1].position, paid[-1].position), repeated=True)
    return await _answer_paid(services, request, row, story, repeat)


async def _answer_paid(
    services: Services, request: Call, row: EnrolmentRow, story: Story, done: Submitted
) -> Response[Any]:
    paid = story.payment
    action = await next_action_of(services.gateway, paid, done.delivered)
    payment = payment_of(paid, to_admin=is_admin(request), next_action=action)
    enrolment = enrolment_of(row, to_buyer=True)
    headers = {**done.headers, "Location": f"/api/payments/{paid.payment_id}"}
    if paid.failure_code in declines.OF_AMOUNT:
        raise NotChargeable(f"What is to pay {declines.OF_AMOUNT[paid.failure_code]}.")
    if paid.status in {"failed", "canceled"}:
        why = msgspec.structs.asdict(declined(request, paid, payment))
        return answer(PurchaseDeclined(**why, enrolment=enrolment), headers)
    bought = Purchase(enrolment=enrolment, payment=payment)
    if paid.captured_minor and row.status in LIVE | {"revoked"}:
        return Response(bought, status_code=201, headers=headers)
    return Unkept(bought, status_code=202, headers=headers)


HANDLERS = (purchase_course,)
