"""Paying on a page of Stripe's, for those who collect no cards."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.checkout.bodies import NewCheckout, check_one, kind_of
from api.checkout.places import check_places
from api.checkout.refused import BODIES, refused
from api.checkout.resources import Checkout
from api.checkout.showing import seen
from api.checkout.unbegun import CheckoutEnded, unbegun
from api.checkout.wishes import Call, end_of, prefix_of, wished
from api.enrolments.buying import PurchaseEnded, run_guarded
from api.http.body import IdempotencyKey
from api.http.idempotency import Unkept
from api.http.preconditions import IDEMPOTENT
from api.http.problems import StripeUnavailable, within
from api.http.promises import responses
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.trial_cards import TrialNeedsCard
from ledger.coupons.refusals import USE_REFUSALS
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
from ledger.licences.refusals import (
    InvalidLicence,
    LicenceExists,
    LicenceInvoiceNotOpen,
    LicenceNotChargeable,
    LicencePaymentInProgress,
    LicencePriceChanged,
)
from ledger.message import Command
from ledger.organisations.refusals import OrganisationIsClosed, OrganisationRoleMissing
from ledger.payments.refusals import InvalidAmount, InvalidCurrency, PaymentNotCancelable
from ledger.subscriptions.refusals import InvalidPrice, SubscriptionExists, TrialUsed, UnknownTier

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
        UnknownTier,
        InvalidPrice,
        SubscriptionExists,
        TrialUsed,
        TrialNeedsCard,
        PurchaseEnded,
        CheckoutEnded,
        StripeUnavailable,
        *USE_REFUSALS,
        bodies=BODIES,
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

    within(request, kind_of(data))

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Command:
            return await (await wished(services, request, data))(command_id)

        checkout_id = services.id_of(prefix_of(data), command_id)
        try:
            done = await services.submitter.submit_once(command_id, make, origin_of(request), begins=True)
        except Refused:
            # a ledger that was restored to a time before it has from Stripe what this very request paid
            with suppress(NotFound):
                had = await seen(services, request, checkout_id)
                return _answer(had.checkout, Submitted((), had.position, repeated=True))
            raise
        return await _opened(services, request, data, done, checkout_id)

    if data.course is not None:
        return await run_guarded(services, request, idempotency_key, data, data.course, work)
    return await services.idempotency.run(request, idempotency_key, data, work)


async def _opened(
    services: Services, request: Call, data: NewCheckout, done: Submitted, checkout_id: str
) -> Response[Any]:
    """By what its stream has now, wherever the steps to it were cut: there the worker goes on."""
    try:
        found = await seen(services, request, checkout_id, done.delivered)
    except NotFound:
        shown = await unbegun(services, checkout_id, done.recorded)
        if shown.status == "complete":
            return Response(shown, status_code=201, headers=done.headers)
        return _answer(shown, done)
    done = done.seen(max(done.position, found.position))
    if found.checkout.status == "failed" and not found.had_page:
        return refused(request, data, found.checkout, done.headers)
    return _answer(found.checkout, done)


def _answer(shown: Checkout, done: Submitted) -> Response[Any]:
    """Not kept, as the address of the page is a credential."""
    headers = {**done.headers, "Location": f"/api/checkout/{shown.checkout_id}"}
    return Unkept(shown, status_code=202 if shown.status == "opening" else 201, headers=headers)


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
    found = await seen(services, request, checkout_id)
    headers = {"Ledger-Position": str(found.position), "Cache-Control": "no-store"}
    return Response(found.checkout, headers=headers)


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

    async def work(command_id: str) -> Response[Any]:
        async def make() -> Command:
            status = (await seen(services, request, checkout_id)).checkout.status
            if status not in {"opening", "open", "over"}:
                raise PaymentNotCancelable(f"This checkout is {status}: there is no page of it to be ended.")
            return end_of(checkout_id, command_id, services.now(), request.user.id)

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        found = await seen(services, request, checkout_id)
        waits = found.checkout.status in {"opening", "open", "processing"}
        headers = done.seen(found.position).headers
        return Unkept(found.checkout, status_code=202 if waits else 200, headers=headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


HANDLERS = (open_checkout, get_checkout, expire_checkout)
