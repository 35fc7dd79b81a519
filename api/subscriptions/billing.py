"""What the routes of subscriptions share: whom they address, and how they say what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec

from api.http.auth import Principal
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.problems import (
    CardDeclined,
    FieldError,
    Problem,
    StripeUnavailable,
    Unprocessable,
    answer,
    problem,
)
from api.payments import declines
from api.payments.resources import Failure, NextAction, failure
from api.services import Gateway, Services
from api.stripe.gateway import Delivered, Postponed
from api.submitting import Submitted
from api.subscriptions.entitlements import subscriber_of
from api.subscriptions.resources import Subscription, subscription_of
from ledger.catalogue import FREE, Catalogue
from ledger.errors import LedgerError, NotFound
from ledger.invoices.events import InvoiceActionRequired, InvoicePaid, InvoicePaymentFailed
from ledger.invoices.stream import stream_of as invoice_stream
from ledger.store import Store
from ledger.subscriptions import state
from ledger.subscriptions.events import SubscriptionChangeFailed, SubscriptionRequestFailed
from ledger.subscriptions.state import Subscriber
from ledger.subscriptions.stream import stream_of as subscriber_stream

Call = Request[Principal, Any, Any]


class WhyUnpaid(msgspec.Struct, frozen=True):
    """Why an invoice is not paid: its card was declined, or its cardholder must confirm."""

    failed: InvoicePaymentFailed | None = None
    action: bool = False


class SubscriptionDeclined(Problem, kw_only=True):
    """The card was not charged. `subscription` is what stays: with status `incomplete` it waits for another
    card, or to be canceled at once.
    """

    failure: Failure
    subscription: Subscription


WAITS = ResponseSpec(
    Subscription,
    description="Not decided yet: it waits for Stripe, or for its cardholder (see `next_action`)",
    generate_examples=False,
)
DECLINED: Mapping[type[LedgerError], type[Problem]] = {CardDeclined: SubscriptionDeclined}
"""For `bodies=` of `api.http.promises.responses`."""


async def addressed(store: Store, user_id: str) -> tuple[Subscriber, state.Subscription]:
    """The user's live subscription, else their latest one, of which the rules say that it is over. Raises
    `NotFound` when there was never one.
    """
    subscriber = await subscriber_of(store, user_id)
    found = subscriber.live or subscriber.latest
    if found is None:
        raise NotFound("There is no subscription: POST /api/subscriptions/create begins one.")
    return subscriber, found


async def refusal(
    store: Store, user_id: str, request_id: str
) -> SubscriptionRequestFailed | SubscriptionChangeFailed | None:
    """Stripe's, of a request or a change."""
    for fact in reversed(await store.read_stream(subscriber_stream(user_id))):
        match fact.event:
            case SubscriptionRequestFailed(request_id=known) as event if known == request_id:
                return event
            case SubscriptionChangeFailed(change_id=known) as event if known == request_id:
                return event
            case _:
                continue
    return None


async def why_unpaid(store: Store, stripe_invoice_id: str) -> WhyUnpaid:
    """By the latest fact that says so; none when it is paid, or nothing is known of it."""
    if not stripe_invoice_id:
        return WhyUnpaid()
    for fact in reversed(await store.read_stream(invoice_stream(stripe_invoice_id))):
        match fact.event:
            case InvoicePaid():
                return WhyUnpaid()
            case InvoicePaymentFailed() as failed:
                return WhyUnpaid(failed=failed)
            case InvoiceActionRequired():
                return WhyUnpaid(action=True)
            case _:
                continue
    return WhyUnpaid()


async def next_action(gateway: Gateway, stripe_invoice_id: str, delivered: Delivered) -> NextAction:
    """What the cardholder's browser needs, fetched anew when the delivery did not bring it."""
    if not delivered.client_secret:
        try:
            delivered = await gateway.next_invoice_action(stripe_invoice_id)
        except Postponed:
            raise StripeUnavailable(
                f"Invoice {stripe_invoice_id} waits for its cardholder; Stripe does not answer. "
                "Send it again."
            ) from None
    return NextAction(
        type="redirect_to_url" if delivered.next_action_url else "use_stripe_sdk",
        client_secret=delivered.client_secret,
        redirect_url=delivered.next_action_url,
    )


def is_decline(code: str, decline_code: str) -> bool:
    """Whether a card was declined, or the request itself refused."""
    return bool(decline_code) or code == "card_declined" or code in declines.DECLINES


def ok(content: Any, done: Submitted, status: int = 200) -> Response[Any]:
    return Response(content, status_code=status, headers=done.headers)


def price_of(catalogue: Catalogue, tier: str, interval: str, currency: str) -> int:
    """0 for free, which the rules refuse with what to do instead."""
    price = catalogue.price_minor(tier, interval, currency)
    if price is None and tier != FREE:
        raise Unprocessable(
            f"{tier} is not sold by the {interval} in {currency.upper()}: GET /api/plans lists all prices.",
            errors=[FieldError(detail="not for sale so", pointer="/tier")],
        )
    return price or 0


async def unpaid(
    services: Services, request: Call, row: state.Subscription, user_id: str, done: Submitted
) -> Response[Any]:
    """Its invoice is not paid: declined, waiting for the cardholder, or nobody knows yet."""
    found = await why_unpaid(services.store, row.open_invoice_id)
    shown = subscription_of(row, user_id)
    if found.action or (row.status == "incomplete" and done.delivered.client_secret):
        action = await next_action(services.gateway, row.open_invoice_id, done.delivered)
        return Unkept(
            msgspec.structs.replace(shown, next_action=action), status_code=202, headers=done.headers
        )
    if found.failed is not None:
        return declined(request, shown, found.failed.code, found.failed.decline_code, done)
    return ok(shown, done, 202)


def declined(
    request: Call, shown: Subscription, code: str, decline_code: str, done: Submitted
) -> Response[Any]:
    why = failure(code, decline_code, to_admin=is_admin(request))
    common = problem(CardDeclined.code, why.detail, request.url.path)
    declined = SubscriptionDeclined(
        **msgspec.structs.asdict(common),
        failure=why,
        subscription=msgspec.structs.replace(shown, failure=why),
    )
    return answer(declined, done.headers)
