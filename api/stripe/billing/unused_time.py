"""What a change of plan takes off for unused time, told to the invoices that paid for it.

It is reserved before Stripe is asked to change the plan, so that the same money cannot be credited meanwhile,
and follows Stripe's invoice from then on: also that of a change in Stripe's dashboard, where the price says
what is unused. A change that is not made, or whose invoice is voided, takes nothing.
"""

from __future__ import annotations

from typing import Any

from api.stripe.billing import catalogue
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.items import plan_item
from api.stripe.billing.objects import Subscription as StripeSubscription
from api.stripe.billing.record import invoice_of, record_invoice, subscription_of
from api.stripe.delivery import IMPATIENCE, Delivered, Postponed, Tools, as_worker, recorder
from ledger.effects import ReturnUnusedTime, SetOffUnusedTime
from ledger.invoices.commands import RecordOvergiven, TakeUnusedTime
from ledger.invoices.remainder import taker_of
from ledger.invoices.state import Invoice
from ledger.message import Origin, Outcome
from ledger.subscriptions.events import SubscriptionChangeRequested
from ledger.subscriptions.stream import stream_of
from ledger.subscriptions.worth import TakenTime, allot, paid_time


def correction(change: SubscriptionChangeRequested, found: StripeSubscription) -> dict[str, Any]:
    """What makes Stripe's proration, which goes by the price, come to what the preview said: a line for the
    same time that takes back what is not paid any more. It goes on the invoice of the change, and waits with
    it for its payment. https://docs.stripe.com/billing/subscriptions/pending-updates-reference
    """
    if not change.given_back_minor:
        return {}
    start, end = moment_of(change, found), plan_item(found).current_period_end
    item = {
        "price_data": {
            "currency": change.currency,
            "product": catalogue.product_of(catalogue.tier_of(plan_item(found).price)),
            "unit_amount": change.given_back_minor,
        },
        "discountable": False,
        "metadata": {catalogue.CORRECTS: change.change_id},
        "period": {
            "start": {"type": "timestamp", "timestamp": start},
            "end": {"type": "timestamp", "timestamp": end},
        },
    }
    return {"add_invoice_items": [item]}


def moment_of(change: SubscriptionChangeRequested, found: StripeSubscription) -> int:
    """As Stripe wants it: within the period that it has now."""
    return max(int(change.proration_at.timestamp()), plan_item(found).current_period_start)


async def reserve(tools: Tools, change: SubscriptionChangeRequested, origin: Origin) -> None:
    """Raises `UnusedTimeGone` when money went back since the change was asked for."""
    for taken in change.takes:
        await _take(
            tools,
            taken,
            change.taker,
            f"unused:{change.change_id}",
            origin,
            strictly=True,
            instead_of=change.instead_of,
        )


async def deliver(tools: Tools, effect: ReturnUnusedTime | SetOffUnusedTime, origin: Origin) -> Delivered:
    if isinstance(effect, ReturnUnusedTime):
        return await _return(tools, effect, origin)
    return await _set_off(tools, effect, origin)


async def _return(tools: Tools, effect: ReturnUnusedTime, origin: Origin) -> Delivered:
    asked = [
        fact.event
        for fact in await tools.store.read_stream(stream_of(effect.user_id))
        if isinstance(fact.event, SubscriptionChangeRequested) and fact.event.change_id == effect.change_id
    ]
    outcome = None
    for change in asked:
        for taken in change.takes:
            nothing = TakenTime(stripe_invoice_id=taken.stripe_invoice_id, amount_minor=0)
            outcome = await _take(tools, nothing, change.taker, f"unused_not:{change.change_id}", origin)
    return Delivered(outcome)


async def _set_off(tools: Tools, effect: SetOffUnusedTime, origin: Origin) -> Delivered:
    taking = await invoice_of(tools, effect.stripe_invoice_id)
    at = taking.takes_from
    if at is None or not taking.subscription_id:
        return Delivered()
    amount = 0 if taking.status == "void" else taking.takes_minor
    earlier = await _earlier(tools, taking, origin)
    taker = taker_of(int(at.timestamp()), sum(one.takes_from == at for one in earlier))
    parts = {one.stripe_invoice_id: one for one in allot(amount, earlier, at, taker)}
    outcome = None
    for invoice in earlier:
        nothing = TakenTime(stripe_invoice_id=invoice.stripe_invoice_id, amount_minor=0)
        part = parts.get(invoice.stripe_invoice_id, nothing)
        if part.amount_minor != invoice.taken.get(taker, 0):
            name = f"unused_by:{effect.stripe_invoice_id}:{taking.status}:{part.amount_minor}"
            outcome = await _take(tools, part, taker, name, origin)
    since = taking.takes_since
    if amount and since is not None and taking.settled:
        over = taking.takes_without_tax_minor - paid_time(earlier, since, but=taker).minor
        if over > len(taking.lines) + len(earlier):  # else it is what lines are rounded by
            outcome = await _record_overgiven(tools, effect.stripe_invoice_id, over, origin)
    return Delivered(outcome)


async def _record_overgiven(tools: Tools, stripe_invoice_id: str, over_minor: int, origin: Origin) -> Outcome:
    command = RecordOvergiven(
        command_id=f"overgiven:{stripe_invoice_id}",
        effective_at=tools.clock.now(),
        stripe_invoice_id=stripe_invoice_id,
        amount_minor=over_minor,
    )
    return await tools.store.handle(command, as_worker(origin))


async def _earlier(tools: Tools, taking: Invoice, origin: Origin) -> list[Invoice]:
    """The subscription's invoices before `taking`, newest first; one that the ledger lacks is recorded."""
    known = await subscription_of(tools, taking.user_id, taking.subscription_id)
    if known is None or not known.stripe_subscription_id:
        raise Postponed(f"the ledger does not know the subscription {taking.subscription_id} yet", IMPATIENCE)
    found = await billing_lookup.invoices_of(tools.stripe, known.stripe_subscription_id)
    ids = [one.id for one in found if one.status != "draft"]
    earlier: list[Invoice] = []
    for one in ids[ids.index(taking.stripe_invoice_id) + 1 :]:
        invoice = await invoice_of(tools, one)
        if not invoice.status:
            present = await billing_lookup.present_invoice(tools.stripe, one)
            await record_invoice(tools, present, recorder(origin, one))
            invoice = await invoice_of(tools, one)
        earlier.append(invoice)
    return earlier


async def _take(tools: Tools, taken: TakenTime, taker: str, key: str, origin: Origin, **how: Any) -> Outcome:
    command = TakeUnusedTime(
        command_id=f"{key}:{taken.stripe_invoice_id}",
        effective_at=tools.clock.now(),
        stripe_invoice_id=taken.stripe_invoice_id,
        taker=taker,
        amount_minor=taken.amount_minor,
        **how,
    )
    return await tools.store.handle(command, as_worker(origin))
