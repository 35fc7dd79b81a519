"""Paying on a page of Stripe's, for those who collect no cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.checkout.bodies import NewCheckout, check_one
from api.checkout.places import check_places
from api.checkout.resources import NOTHING_TO_PAY, Checkout, status_of
from api.checkout.wishes import Call, wished
from api.enrolments.buying import run_guarded
from api.http.body import IdempotencyKey, known_shape
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.payments.answers import next_action_of
from api.payments.resources import Story, fold, payment_of
from api.services import Services, origin_of
from api.stripe.gateway import Delivered
from api.submitting import Submitted
from ledger.coupons.refusals import USE_REFUSALS
from ledger.enrolments.events import EnrolmentActivated, EnrolmentReserved
from ledger.enrolments.refusals import (
    AlreadyEnrolled,
    CourseNotForSale,
    GiftNotPossible,
    GiftToSelf,
    NotChargeable,
    OwnCourse,
    PriceChanged,
    PurchaseInProgress,
)
from ledger.errors import Forbidden, NotFound, Refused
from ledger.licences.events import LicenceCardPaymentReserved
from ledger.licences.refusals import (
    InvalidLicence,
    LicenceExists,
    LicenceInvoiceNotOpen,
    LicenceNotChargeable,
    LicencePaymentInProgress,
    LicencePriceChanged,
)
from ledger.message import Event, Recorded
from ledger.organisations.refusals import OrganisationIsClosed, OrganisationRoleMissing
from ledger.payments.commands import CancelPayment
from ledger.payments.decider import PAYMENT
from ledger.payments.events import PaymentInitiated
from ledger.payments.refusals import InvalidAmount, InvalidCurrency, PaymentNotCancelable
from ledger.payments.stream import stream_of
from ledger.store import Store

TAGS = ["checkout"]
_WAITS = ResponseSpec(
    Checkout,
    description="Stripe has not answered yet (`opening`): send the same request again, with the same key",
    generate_examples=False,
)


class ExpireIt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


@post(
    "/api/checkout",
    operation_id="openCheckout",
    summary="Have something paid on a page of Stripe's",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="The page is open at `url`, or nothing is to pay",
    responses=responses(
        NotFound,
        Forbidden,
        InvalidCurrency,
        InvalidAmount,
        GiftToSelf,
        GiftNotPossible,
        OwnCourse,
        AlreadyEnrolled,
        PurchaseInProgress,
        CourseNotForSale,
        NotChargeable,
        PriceChanged,
        InvalidLicence,
        LicenceExists,
        LicenceInvoiceNotOpen,
        LicenceNotChargeable,
        LicencePaymentInProgress,
        LicencePriceChanged,
        OrganisationIsClosed,
        OrganisationRoleMissing,
        StripeUnavailable,
        *USE_REFUSALS,
    )
    | {202: _WAITS},
)
async def open_checkout(
    data: JSONBody[NewCheckout],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Checkout]:
    """For an hour, in which what is bought is held. By the same rules as with a card, and what is paid there
    is the same payment. What was taken is told by webhook, so look at the checkout once the buyer is back:
    the success address alone proves nothing.
    """
    check_one(data)
    check_places(services.settings, (("success_url", data.success_url), ("cancel_url", data.cancel_url)))

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Any:
            return await (await wished(services, request, data))(command_id)

        try:
            done = await services.submitter.submit_once(command_id, make, origin_of(request), begins=True)
        except Refused:
            if (had := await _taken_up(services, request, command_id)) is not None:
                return had
            raise
        return await _opened(services, request, done, services.id_of("pay", command_id))

    if data.course is not None:
        return await run_guarded(services, request, idempotency_key, data, data.course, work)
    return await services.idempotency.run(request, idempotency_key, data, work)


async def _taken_up(services: Services, request: Call, command_id: str) -> Response[Any] | None:
    """The answer where it was paid by this very request: a ledger that was restored to a time before it has
    its payment from Stripe, and nothing that asked for it.
    """
    facts = await services.store.read_stream(stream_of(services.id_of("pay", command_id)))
    if not facts:
        return None
    return await _shown(services, request, facts, Submitted((), facts[-1].position, repeated=True))


async def _opened(services: Services, request: Call, done: Submitted, payment_id: str) -> Response[Any]:
    """By what the payment has now, wherever the steps to it were cut: there the worker goes on."""
    asked = _asked(done.recorded)
    if isinstance(asked, EnrolmentActivated):
        return Response(NOTHING_TO_PAY, status_code=201, headers=done.headers)
    facts = await services.store.read_stream(stream_of(asked.payment_id if asked else payment_id))
    if facts:
        return await _shown(services, request, facts, done.seen(max(done.position, facts[-1].position)))
    assert asked is not None
    expires_at = asked.page.expires_at if asked.page else None
    waits = Checkout(
        checkout_id=asked.payment_id, status="opening", url=None, expires_at=expires_at, payment=None
    )
    return Unkept(waits, status_code=202, headers=done.headers)


_Asked = EnrolmentActivated | EnrolmentReserved | LicenceCardPaymentReserved | PaymentInitiated


def _asked(recorded: Sequence[Recorded]) -> _Asked | None:
    events: list[Event] = [one.event for one in recorded]
    return next((one for one in events if isinstance(one, _Asked)), None)


async def _shown(
    services: Services, request: Call, facts: Sequence[Recorded], done: Submitted
) -> Response[Any]:
    """Not kept, as the address of the page is a credential."""
    story = fold(facts)
    shown = await _checkout(services, request, story, done.delivered)
    headers = {**done.headers, "Location": f"/api/checkout/{story.payment.payment_id}"}
    return Unkept(shown, status_code=202 if shown.status == "opening" else 201, headers=headers)


async def _checkout(services: Services, request: Call, story: Story, delivered: Delivered) -> Checkout:
    row = story.payment
    action = await next_action_of(services.gateway, row, delivered)
    return Checkout(
        checkout_id=row.payment_id,
        status=status_of(row.status),
        url=(action.redirect_url or None) if action else None,
        expires_at=row.page_ends_at,
        payment=payment_of(row, to_admin=is_admin(request)),
    )


@get(
    "/api/checkout/{checkout_id:str}",
    operation_id="getCheckout",
    summary="How a checkout stands",
    tags=TAGS,
    responses=responses(NotFound, StripeUnavailable),
)
async def get_checkout(
    checkout_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[Checkout]:
    """The caller's own, by the ledger; the address of its page is asked of Stripe while it is open."""
    facts = await _own(services, request, checkout_id)
    shown = await _checkout(services, request, fold(facts), Delivered())
    headers = {"Ledger-Position": str(facts[-1].position), "Cache-Control": "no-store"}
    return Response(shown, headers=headers)


@post(
    "/api/checkout/{checkout_id:str}/expire",
    operation_id="expireCheckout",
    summary="End a checkout",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is `over`, or `complete` when the buyer was faster",
    responses=responses(NotFound, PaymentNotCancelable, StripeUnavailable) | {202: _WAITS},
)
async def expire_checkout(
    checkout_id: FromPath[str],
    data: JSONBody[ExpireIt],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Checkout]:
    """Nobody can pay on its page then, and what it holds can be bought anew."""
    await _own(services, request, checkout_id)

    async def work(command_id: str) -> Response[Any]:
        async def make() -> CancelPayment:
            await _check_waits(services.store, checkout_id)
            return CancelPayment(
                command_id=command_id,
                effective_at=services.now(),
                payment_id=checkout_id,
                user_id=request.user.id,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        facts = await services.store.read_stream(stream_of(checkout_id))
        shown = await _checkout(services, request, fold(facts), Delivered())
        headers = done.seen(facts[-1].position).headers
        waits = shown.status in {"opening", "open", "processing"}
        return Unkept(shown, status_code=202 if waits else 200, headers=headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _check_waits(store: Store, payment_id: str) -> None:
    payment = await store.state(PAYMENT, stream_of(payment_id))
    status = status_of(payment.status)
    if status not in {"opening", "open", "over"}:
        raise PaymentNotCancelable(f"This checkout is {status}: there is no page of it to be ended.")


async def _own(services: Services, request: Call, checkout_id: str) -> Sequence[Recorded]:
    """Somebody else's looks like one that does not exist, and so does a payment by a card."""
    facts = await services.store.read_stream(stream_of(known_shape(checkout_id, "pay_")))
    begun = facts[0].event if facts else None
    if isinstance(begun, PaymentInitiated) and begun.page and begun.user_id == request.user.id:
        return facts
    raise NotFound(f"There is no checkout {checkout_id}.")


HANDLERS = (open_checkout, get_checkout, expire_checkout)
