"""Reading Stripe's present state. Every function raises `stripe.StripeError` or `UnexpectedAnswer`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import stamina
import stripe
from stripe import ListObject, StripeClient
from stripe.params import (
    EventListParams,
    EventListParamsCreated,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
)
from stripe.params.checkout import SessionListParams

from api.stripe.objects import (
    Charge,
    CheckoutSession,
    Dispute,
    PaymentIntent,
    Payout,
    Refund,
    StripeEvent,
    id_of,
    parse,
    parse_dict,
)
from api.stripe.payments.snapshots import PresentState

T = TypeVar("T")
Item = TypeVar("Item", bound=stripe.StripeObject)

PAGE = 100
"""Stripe's maximum for one page of a list."""
MOST_TYPES = 20
"""Stripe's maximum of event types to ask for at once. https://docs.stripe.com/api/events/list"""

WITH_CHARGE = ["latest_charge.balance_transaction"]
WITH_ENTRIES = ["balance_transaction", "failure_balance_transaction"]


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Again with backoff and jitter when Stripe says 429, which the SDK does not retry by itself."""
    async for attempt in stamina.retry_context(
        on=stripe.RateLimitError, attempts=4, timeout=10.0, wait_initial=0.2, wait_max=2.0
    ):
        with attempt:
            return await call()
    raise AssertionError("stamina returns or raises")


async def every(page: ListObject[Item]) -> AsyncIterator[Item]:
    """Each item of a list, page after page."""
    while True:
        for item in page:
            yield item
        if not page.has_more:
            return
        page = await patiently(page.next_page_async)


async def payment_intent(client: StripeClient, payment_intent_id: str) -> PaymentIntent:
    path = f"/v1/payment_intents/{quote(payment_intent_id, safe='')}"
    answer = await patiently(lambda: client.raw_request_async("get", path, expand=WITH_CHARGE))
    return parse_dict(answer.data, PaymentIntent)


async def checkout_session(client: StripeClient, session_id: str) -> CheckoutSession:
    answer = await patiently(lambda: client.v1.checkout.sessions.retrieve_async(session_id))
    return parse(answer, CheckoutSession)


async def find_checkout_session(
    client: StripeClient, name: str, our_id: str, *, since: datetime, until: datetime
) -> CheckoutSession | None:
    """The session that carries our id under `name`, among all those created in the window."""
    params: SessionListParams = {
        "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
        "limit": PAGE,
    }
    page = await patiently(lambda: client.v1.checkout.sessions.list_async(params))
    async for item in every(page):
        session = parse(item, CheckoutSession)
        if (session.metadata or {}).get(name) == our_id:
            return session
    return None


async def create_payment_intent(
    client: StripeClient, params: PaymentIntentCreateParams, idempotency_key: str
) -> PaymentIntent:
    """As it is now, when Stripe repeats an earlier answer to the same key: that tells how it was then.

    Raw, as `payment_intent` is: two calls in three are one of these, and building the SDK's objects only
    to take them apart costs as much as all the rest of a call.
    """
    answer = await patiently(
        lambda: client.raw_request_async(
            "post", "/v1/payment_intents", **params, idempotency_key=idempotency_key
        )
    )
    made = parse_dict(answer.data, PaymentIntent)
    return await payment_intent(client, made.id) if is_replay(answer.headers) else made


def is_replay(headers: Mapping[str, str]) -> bool:
    """https://docs.stripe.com/api/idempotent_requests"""
    return any(name.lower() == "idempotent-replayed" for name in headers)


async def hanging_on(
    client: StripeClient, intent: PaymentIntent, *, with_refunds: bool, with_disputes: bool
) -> PresentState:
    """The PaymentIntent with its refunds and disputes, each list asked for only when wanted."""
    found, contested = await asyncio.gather(
        refunds(client, intent.id) if with_refunds else _nothing(),
        disputes(client, intent.id) if with_disputes else _nothing(),
    )
    return PresentState(payment_intent=intent, refunds=found, disputes=contested)


async def _nothing() -> list[Any]:
    return []


async def refunds(client: StripeClient, payment_intent_id: str) -> list[Refund]:
    page = await patiently(
        lambda: client.v1.refunds.list_async(
            {
                "payment_intent": payment_intent_id,
                "limit": PAGE,
                "expand": [f"data.{path}" for path in WITH_ENTRIES],
            }
        )
    )
    return [parse(item, Refund) async for item in every(page)]


async def refund(client: StripeClient, refund_id: str, expand: list[str]) -> Refund:
    answer = await patiently(lambda: client.v1.refunds.retrieve_async(refund_id, {"expand": expand}))
    return parse(answer, Refund)


async def disputes(client: StripeClient, payment_intent_id: str) -> list[Dispute]:
    page = await patiently(
        lambda: client.v1.disputes.list_async({"payment_intent": payment_intent_id, "limit": PAGE})
    )
    return [parse(item, Dispute) async for item in every(page)]


async def payout(client: StripeClient, payout_id: str) -> Payout:
    answer = await patiently(lambda: client.v1.payouts.retrieve_async(payout_id, {"expand": WITH_ENTRIES}))
    return parse(answer, Payout)


async def payment_intent_of_charge(client: StripeClient, charge_id: str) -> str:
    """Empty for a charge made without a PaymentIntent, which is none of ours."""
    answer = await patiently(lambda: client.v1.charges.retrieve_async(charge_id))
    return id_of(parse(answer, Charge).payment_intent)


async def find_payment_intent(
    client: StripeClient, payment_id: str, *, since: datetime, until: datetime, customer_id: str = ""
) -> PaymentIntent | None:
    """The PaymentIntent that carries our id, among all those created in the window.

    By the list, not by Stripe's search: search lags writes by up to a minute, so it may deny a charge
    that exists. https://docs.stripe.com/search#data-freshness
    """
    params: PaymentIntentListParams = {
        "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
        "limit": PAGE,
        "expand": [f"data.{path}" for path in WITH_CHARGE],
    }
    if customer_id:
        params["customer"] = customer_id
    page = await patiently(lambda: client.v1.payment_intents.list_async(params))
    async for item in every(page):
        intent = parse(item, PaymentIntent)
        if (intent.metadata or {}).get("payment_id") == payment_id:
            return intent
    return None


async def find_refund(client: StripeClient, payment_intent_id: str, refund_id: str) -> Refund | None:
    """The refund that carries our id."""
    for refund in await refunds(client, payment_intent_id):
        if (refund.metadata or {}).get("refund_id") == refund_id:
            return refund
    return None


async def events(
    client: StripeClient, *, since: datetime, until: datetime | None = None, types: Sequence[str] = ()
) -> AsyncIterator[StripeEvent]:
    """Stripe's events of the window, newest first; of all types, or of up to `MOST_TYPES` named ones.

    Stripe keeps 30 days.
    """
    created: EventListParamsCreated = {"gte": int(since.timestamp())}
    if until is not None:
        created["lte"] = int(until.timestamp())
    params: EventListParams = {"created": created, "limit": PAGE}
    if types:
        params["types"] = list(types)
    page = await patiently(lambda: client.v1.events.list_async(params))
    async for item in every(page):
        yield parse(item, StripeEvent)
