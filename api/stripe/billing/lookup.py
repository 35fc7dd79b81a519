"""Reading Stripe's present state of subscriptions and invoices. Raises as `lookup.py` does.

Raw, as `lookup.payment_intent` is: the SDK's objects would be built only to be taken apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from stripe import StripeClient

from api.stripe.billing.objects import (
    CreditNote,
    Invoice,
    InvoiceItem,
    InvoicePayment,
    Line,
    Lines,
    PresentInvoice,
    Subscription,
    SubscriptionItem,
    SubscriptionItems,
)
from api.stripe.objects import Charge, Dispute, PaymentIntent, Refund, SetupIntent, id_of, parse_dict
from api.stripe.payments import lookup
from api.stripe.payments.lookup import PAGE, patiently

T = TypeVar("T")

RECENT = 12
"""So many of a subscription's newest invoices are looked at: a year of months that nobody saw."""


class PresentSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription with its newest invoices, as last fetched, newest first."""

    subscription: Subscription
    invoices: list[Invoice]
    details: list[PresentInvoice]
    """Of its latest invoice, when that was asked for, and of all that are owed."""
    observed_at: datetime
    waiting: list[InvoiceItem] = []
    """What waits for its next invoice, as prorations of a change in the dashboard, newest first."""


async def get(client: StripeClient, path: str, kind: type[T], **params: Any) -> T:
    answer = await patiently(lambda: client.raw_request_async("get", path, **params))
    return parse_dict(answer.data, kind)


async def post(client: StripeClient, path: str, kind: type[T], key: str, **params: Any) -> T:
    """With the idempotency key `key`, so that `params` must be the same for it at any time."""
    answer = await patiently(lambda: client.raw_request_async("post", path, **params, idempotency_key=key))
    return parse_dict(answer.data, kind)


async def ask(client: StripeClient, path: str, kind: type[T], **params: Any) -> T:
    """A POST that changes nothing, and so needs no key."""
    answer = await patiently(lambda: client.raw_request_async("post", path, **params))
    return parse_dict(answer.data, kind)


async def listed(client: StripeClient, path: str, kind: type[T], **params: Any) -> list[T]:
    """All of them."""
    return [one async for one in each(client, path, kind, **params)]


async def each(client: StripeClient, path: str, kind: type[T], **params: Any) -> AsyncIterator[T]:
    """All of them, page after page."""
    more: dict[str, Any] = {}
    while True:
        page = await get(client, path, _Page, limit=PAGE, **params, **more)
        for item in page.data:
            yield parse_dict(item, kind)
        if not page.has_more or not page.data:
            return
        more = {"starting_after": page.data[-1]["id"]}


class _Page(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]
    has_more: bool = False


def path_of(kind: str, object_id: str, action: str = "") -> str:
    return f"/v1/{kind}/{quote(object_id, safe='')}{action}"


async def subscription(client: StripeClient, stripe_subscription_id: str) -> Subscription:
    """With all of its items, and the coupons of its discounts."""
    path = path_of("subscriptions", stripe_subscription_id)
    found = await get(
        client, path, Subscription, expand=["discounts.source.coupon.applies_to", "pending_setup_intent"]
    )
    if not found.items.has_more:
        return found
    items = await listed(client, "/v1/subscription_items", SubscriptionItem, subscription=found.id)
    return msgspec.structs.replace(found, items=SubscriptionItems(data=items))


async def find_subscription(
    client: StripeClient, customer_id: str, subscription_id: str
) -> Subscription | None:
    """The customer's that carries our id, ended ones included."""
    found = await listed(client, "/v1/subscriptions", Subscription, customer=customer_id, status="all")
    return next((one for one in found if one.metadata.get("subscription_id") == subscription_id), None)


async def subscriptions_of_price(client: StripeClient, price_id: str) -> list[Subscription]:
    """All that are not over."""
    return await listed(client, "/v1/subscriptions", Subscription, price=price_id)


async def present_subscription(
    client: StripeClient, stripe_subscription_id: str, now: datetime, *, with_latest: bool = False
) -> PresentSubscription:
    """`now` is our clock's time, when this is called."""
    (found, items), page = await asyncio.gather(
        _with_what_waits(client, stripe_subscription_id),
        get(
            client,
            "/v1/invoices",
            _Page,
            subscription=stripe_subscription_id,
            limit=RECENT,
            expand=["data.payments"],
        ),
    )
    invoices = [parse_dict(item, Invoice) for item in page.data]
    latest = id_of(found.latest_invoice) if with_latest else ""
    wanted = [one for one in invoices if one.owed or one.id == latest]
    details = await asyncio.gather(*(hanging_on(client, one) for one in wanted))
    return PresentSubscription(
        subscription=found, invoices=invoices, details=list(details), observed_at=now, waiting=items
    )


async def _with_what_waits(
    client: StripeClient, stripe_subscription_id: str
) -> tuple[Subscription, list[InvoiceItem]]:
    """Stripe lists items by their customer alone."""
    found = await subscription(client, stripe_subscription_id)
    return found, [] if found.ended_at is not None else await waiting(client, found)


async def present_invoice(
    client: StripeClient, invoice_id: str, *, with_credits: bool = False, with_disputes: bool = False
) -> PresentInvoice:
    found = await get(client, path_of("invoices", invoice_id), Invoice, expand=["payments"])
    return await hanging_on(client, found, with_credits=with_credits, with_disputes=with_disputes)


async def hanging_on(
    client: StripeClient, invoice: Invoice, *, with_credits: bool = False, with_disputes: bool = False
) -> PresentInvoice:
    """Credit notes and disputes are asked for when wanted, or when there is a sign of some."""
    payments = invoice.payments.data if invoice.payments else []
    ids = [id_of(one.payment.payment_intent) for one in payments if one.payment.payment_intent]
    bare = [id_of(one.payment.charge) for one in payments if one.payment.charge]
    invoice, intents, charges, without_intent = await asyncio.gather(
        _with_all_lines(client, invoice),
        asyncio.gather(*(_intent(client, one) for one in ids)),
        asyncio.gather(*(_charges(client, one) for one in ids)),
        asyncio.gather(*(_charge(client, one) for one in bare)),
    )
    made = [*(charge for some in charges for charge in some), *without_intent]
    credited = invoice.post_payment_credit_notes_amount or invoice.pre_payment_credit_notes_amount
    with_credits = with_credits or bool(credited) or any(charge.amount_refunded for charge in made)
    with_disputes = with_disputes or any(charge.disputed for charge in made)
    notes, refunds, disputes = await asyncio.gather(
        credit_notes(client, invoice.id) if with_credits else _none(),
        asyncio.gather(*(lookup.refunds(client, one) for one in ids if with_credits)),
        asyncio.gather(*(lookup.disputes(client, one) for one in ids if with_disputes)),
    )
    return PresentInvoice(
        invoice=invoice,
        intents=list(intents),
        charges=made,
        credit_notes=notes,
        refunds=_flat(refunds),
        disputes=_flat(disputes),
    )


async def credit_notes(client: StripeClient, invoice_id: str) -> list[CreditNote]:
    return await listed(client, "/v1/credit_notes", CreditNote, invoice=invoice_id)


async def waiting(client: StripeClient, found: Subscription) -> list[InvoiceItem]:
    """What goes on the subscription's next invoice beside what that is made for."""
    items = await listed(
        client, "/v1/invoiceitems", InvoiceItem, customer=id_of(found.customer), pending=True
    )
    return [one for one in items if one.currency == found.currency and one.subscription_id in ("", found.id)]


async def invoice_of_payment_intent(client: StripeClient, payment_intent_id: str) -> str:
    """Empty when the payment is of no invoice."""
    paid_by = {"type": "payment_intent", "payment_intent": payment_intent_id}
    found = await listed(client, "/v1/invoice_payments", InvoicePayment, payment=paid_by)
    return id_of(found[0].invoice) if found else ""


async def invoices_of(client: StripeClient, stripe_subscription_id: str) -> list[Invoice]:
    """All of a subscription's, newest first."""
    return await listed(client, "/v1/invoices", Invoice, subscription=stripe_subscription_id)


async def setup_intent(client: StripeClient, setup_intent_id: str) -> SetupIntent:
    return await get(client, path_of("setup_intents", setup_intent_id), SetupIntent)


async def _with_all_lines(client: StripeClient, invoice: Invoice) -> Invoice:
    """Stripe embeds the first ten."""
    if not invoice.lines.has_more:
        return invoice
    lines = await listed(client, path_of("invoices", invoice.id, "/lines"), Line)
    return msgspec.structs.replace(invoice, lines=Lines(data=lines))


async def _intent(client: StripeClient, payment_intent_id: str) -> PaymentIntent:
    return await get(client, path_of("payment_intents", payment_intent_id), PaymentIntent)


async def _charge(client: StripeClient, charge_id: str) -> Charge:
    return await get(client, path_of("charges", charge_id), Charge, expand=["balance_transaction"])


async def _charges(client: StripeClient, payment_intent_id: str) -> list[Charge]:
    return await listed(
        client,
        "/v1/charges",
        Charge,
        payment_intent=payment_intent_id,
        expand=["data.balance_transaction"],
    )


async def _none() -> list[CreditNote]:
    return []


Found = TypeVar("Found", Refund, Dispute)


def _flat(found: list[list[Found]]) -> list[Found]:
    return [one for some in found for one in some]
