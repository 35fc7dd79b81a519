"""What buying a course asks of the rules, whichever way it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from msgspec import Meta

from api.coupons.resources import CouponCode, normal
from api.courses.resources import PriceMinor, UserId
from api.enrolments.discounts import discounted
from api.enrolments.offers import offer_of
from api.http.auth import Principal
from api.http.guessing import guess
from api.http.idempotency import Work
from api.http.problems import ApiError
from api.payments import cards
from api.services import Services
from api.words import NO_NUL
from ledger.coupons.refusals import retold
from ledger.enrolments.commands import ReserveEnrolment
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.events import EnrolmentReleased
from ledger.enrolments.purchasing import check_buyer, sale_of
from ledger.enrolments.stream import stream_of
from ledger.errors import LedgerError
from ledger.hosted import HostedPage
from ledger.message import Recorded

CourseIdText = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=NO_NUL, examples=["crs_01a205584d6b710d80172542ae7daa18"]),
]
Call = Request[Principal, Any, State]


class CourseToBuy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `expected_price_minor` a price that has changed since it was shown is refused: it is what is to
    pay, after the `coupon`. `gift_to` is the user who is to have the course; left out, the caller is.
    """

    course_id: CourseIdText
    expected_price_minor: PriceMinor | None = None
    gift_to: UserId | None = None
    coupon: CouponCode | None = None


class PurchaseEnded(ApiError):
    """The purchase that was asked for with this key ended before its payment was begun."""

    code = "purchase_ended"
    remedy = "Nothing was charged: buy the course again, with a new key."
    passing = False


async def run_guarded(
    services: Services, request: Call, key: str, body: msgspec.Struct, wanted: CourseToBuy, work: Work
) -> Response[Any]:
    """As a request of that key and body: few codes, and people to give to, may be tried."""
    if wanted.coupon is None and wanted.gift_to is None:
        return await services.idempotency.run(request, key, body, work)
    with guess(services.coupon_guesses, request.user.id) as made:

        async def judged(command_id: str) -> Response[Any]:
            with made.judged():
                return await work(command_id)

        return await services.idempotency.run(request, key, body, judged)


async def reservation(
    services: Services,
    user: Principal,
    body: CourseToBuy,
    command_id: str,
    *,
    card: str = "",
    page: HostedPage | None = None,
) -> ReserveEnrolment:
    """Without an expected price it is bought at whatever it costs now. What the buyer has is told before a
    coupon is looked at, and what is wrong with the coupon next: no answer but its own tells of one.
    """
    plain = await _without_coupon(services, user, body, command_id)
    plain = msgspec.structs.replace(
        plain,
        payment_method_id=card,
        stripe_customer_id=await cards.customer_paying(services.store, user.id, card, page),
        page=page,
    )
    if body.coupon is None:
        return plain
    stream = stream_of(plain.course_id, plain.learner_id)
    check_buyer(plain, await services.store.state(ENROLMENT, stream))
    code, now = normal(body.coupon), services.now()
    offer = await discounted(services.store, plain.course_id, plain.offer, code, plain.buyer_id, now)
    to_pay, expected = sale_of(plain.course_id, offer).charged_minor, body.expected_price_minor
    return msgspec.structs.replace(
        plain, offer=offer, coupon=code, expected_minor=to_pay if expected is None else expected
    )


async def _without_coupon(
    services: Services, user: Principal, body: CourseToBuy, command_id: str
) -> ReserveEnrolment:
    offer = await offer_of(services, body.course_id, user)
    expected = body.expected_price_minor
    return ReserveEnrolment(
        command_id=command_id,
        effective_at=services.now(),
        enrolment_id=services.id_of("enr", command_id),
        payment_id=services.id_of("pay", command_id),
        course_id=body.course_id,
        learner_id=body.gift_to or user.id,
        buyer_id=user.id,
        offer=offer,
        expected_minor=sale_of(body.course_id, offer).charged_minor if expected is None else expected,
        expected_currency=offer.currency,
        gift=body.gift_to is not None,
    )


def why_ended(facts: Sequence[Recorded], payment_id: str) -> LedgerError:
    """Why nothing was to be paid: what the coupon refused, or time."""
    events = (one.event for one in facts)
    released = (
        event for event in events if isinstance(event, EnrolmentReleased) and event.payment_id == payment_id
    )
    refusal = retold(next((event.reason for event in released), ""))
    return refusal or PurchaseEnded("This purchase ended before its payment was begun. Nothing was charged.")
