"""The customer portal: Stripe's page where people look after their subscriptions, cards and invoices."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.checkout.bodies import ReturnPlace
from api.checkout.places import check_places
from api.checkout.wishes import Call
from api.http.body import IdempotencyKey
from api.http.idempotency import Unkept
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, StripeUnavailable
from api.http.promises import responses
from api.services import Services, origin_of
from api.stripe import customers
from api.stripe.gateway import Postponed, RefusedByStripe
from ledger.errors import NotFound


class PortalWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    return_url: ReturnPlace


class PortalLink(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    """A credential: whoever has it is the user there."""


_NOBODY = "Stripe knows nothing of this user: they have no saved card and never subscribed."


class PortalRefused(ApiError):
    """Stripe will open no portal, such as one that nobody configured."""

    code = "portal_refused"
    remedy = "Tell who runs the service: Stripe's dashboard has the settings of the customer portal."
    passing = False


@post(
    "/api/billing-portal",
    operation_id="openBillingPortal",
    summary="Get a link to Stripe's customer portal",
    tags=["checkout"],
    opt={IDEMPOTENT: True},
    response_description="Send the caller there, and nobody else",
    responses=responses(NotFound, PortalRefused, StripeUnavailable),
)
async def open_billing_portal(
    data: JSONBody[PortalWish],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[PortalLink]:
    """Made anew each time, also for a repeat with the same key: a link works for some minutes. What is
    changed there is followed by webhook. 404 for a caller of whom Stripe knows nothing.
    """
    check_places(services.settings, [("return_url", data.return_url)])

    async def work(_: str) -> Response[Any]:
        customer_id = (await customers.customer(services.store, request.user.id)).stripe_customer_id
        if not customer_id:
            raise NotFound(_NOBODY)
        try:
            url = await services.gateway.portal_url(customer_id, data.return_url)
        except RefusedByStripe as why:
            raise await _refused(services, request, customer_id, why) from None
        except Postponed:
            raise StripeUnavailable("Stripe does not answer. Nothing was changed; try again.") from None
        return Unkept(PortalLink(url=url), status_code=201, headers={"Cache-Control": "no-store"})

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _refused(
    services: Services, request: Call, customer_id: str, why: RefusedByStripe
) -> NotFound | PortalRefused:
    """One who was deleted at Stripe is known no more from now on."""
    if why.failure.code == "resource_missing" and why.failure.parameter == "customer":
        await customers.record_gone(services, request.user.id, customer_id, origin_of(request))
        return NotFound(_NOBODY)
    return PortalRefused(f"Stripe opens no portal ({why.failure.code}): is it configured?")


HANDLERS = (open_billing_portal,)
