"""Invoices as they would be. https://docs.stripe.com/api/invoices/create_preview

A change is worked out as its commit does it, so that the same `proration_date` gives the same amounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.billing import (
    discounts,
    invoice_items,
    invoicing,
    lifecycle,
    own_items,
    subscriptions,
    test_clocks,
)
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.billing.entries import Entry, natural_period, regular
from api.sandbox.resources.billing.plan import Change, ItemParams, ProrationBehavior, work_out
from api.sandbox.resources.billing.wishes import trial_end
from api.sandbox.resources.common import Text, given
from api.sandbox.transaction import Transaction


class Wish(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What would be sent to create, update or cancel the subscription."""

    items: tuple[ItemParams, ...] = ()
    billing_cycle_anchor: Text = UNSET
    cancel_at_period_end: bool = False
    cancel_now: bool = False
    proration_behavior: ProrationBehavior = "create_prorations"
    proration_date: int | None = None
    trial_end: Text = UNSET


class Preview(Params, frozen=True, kw_only=True):
    customer: Text = UNSET
    subscription: Text = UNSET
    subscription_details: Wish = Wish()
    preview_mode: Literal["next"] = "next"
    invoice_items: tuple[own_items.PreviewItem, ...] = ()
    currency: Text = UNSET
    discounts: Wishes = UNSET


def preview(tx: Transaction, params: Preview) -> Object:
    subscription_id = given(params.subscription)
    if subscription_id is None:
        return _of_new(tx, params)
    subscription = tx.get("subscription", subscription_id, param="subscription")
    test_clocks.enter(tx, subscription)
    if subscription["status"] in lifecycle.ENDED:
        raise _nothing_comes(subscription["customer"])
    if params.discounts is not UNSET:  # redeemed in a transaction that is thrown away
        tx = tx.world.begin()
        redeemed = discounts.wanted(tx, discounts.subscriber(subscription), params.discounts)
        if redeemed is not None:
            subscription = tx.update(subscription, discounts=redeemed)
    wish = params.subscription_details
    if wish.cancel_now:
        return _canceled(tx, subscription, wish)
    change = work_out(
        tx,
        subscription,
        items=wish.items,
        behavior=wish.proration_behavior,
        proration_date=wish.proration_date,
        anchor=wish.billing_cycle_anchor,
        trial_end=trial_end(tx, wish.trial_end),
    )
    waiting = invoice_items.waiting(tx, subscription)
    scratch = tx.world.begin()
    waiting += [own_items.of_amount(scratch, subscription, one) for one in params.invoice_items]
    if change.invoiced_now:
        return _show(tx, subscription, [*waiting, *change.entries], wish=wish)
    following = _following(tx, subscription, change, wish)
    waiting += invoice_items.loose(tx, subscription)
    drawn = [*waiting, *change.entries, *following]
    if not drawn:
        raise _nothing_comes(subscription["customer"])
    item = subscription["items"]["data"][0]
    period = item["current_period_start"], item["current_period_end"]
    return _show(tx, subscription, drawn, wish=wish, period=period)


def _following(tx: Transaction, subscription: Object, change: Change, wish: Wish) -> list[Entry]:
    """The next whole period, unless none follows."""
    begins = change.items[0]["current_period_end"]
    ends_at = subscription["cancel_at"]
    if wish.cancel_at_period_end or (ends_at is not None and ends_at <= begins):
        return []
    start, stop = natural_period(change.items[0], change.anchor, begins)
    return [regular(tx, item, start, stop) for item in change.items]


def _canceled(tx: Transaction, subscription: Object, wish: Wish) -> Object:
    given_back = lifecycle.unused_time(tx, subscription, wish.proration_date)
    drawn = invoice_items.waiting(tx, subscription)
    if wish.proration_behavior != "none":
        drawn += given_back
    if not drawn:
        raise _nothing_comes(subscription["customer"])
    return _show(tx, subscription, drawn, wish=wish)


def _show(
    tx: Transaction,
    subscription: Object,
    drawn: Sequence[Entry],
    *,
    wish: Wish,
    period: tuple[int, int] | None = None,
) -> Object:
    invoice = invoicing.build(
        tx, subscription, drawn, reason="upcoming", period=period, invoice_id=tx.new_id("upcoming_in_")
    )
    if any(entry.proration for entry in drawn) and invoice["parent"]:
        details = invoice["parent"]["subscription_details"]
        date = tx.now if wish.proration_date is None else wish.proration_date
        with_date = {**details, "subscription_proration_date": date}
        invoice = {**invoice, "parent": {**invoice["parent"], "subscription_details": with_date}}
    attempt = period[1] + tx.world.settings.invoice_draft_s if period else None
    return {**invoice, "next_payment_attempt": attempt}


def _of_new(tx: Transaction, params: Preview) -> Object:
    """The first invoice of a subscription that there is not, made in a transaction that is thrown away."""
    wish = params.subscription_details
    customer_id = given(params.customer)
    if customer_id is None or not wish.items:
        raise invalid(
            "Send `subscription`, or `customer` and `subscription_details[items]`.",
            code="parameter_missing",
            param="subscription",
        )
    anchor = given(wish.billing_cycle_anchor)
    scratch = tx.world.begin()
    customer = scratch.get("customer", customer_id, param="customer", status=400)
    test_clocks.enter(scratch, customer)
    asked = subscriptions.Create(
        customer=customer_id,
        items=wish.items,
        currency=params.currency,
        trial_end=wish.trial_end,
        billing_cycle_anchor=int(anchor) if anchor and anchor.isdecimal() else UNSET,
        proration_behavior=wish.proration_behavior,
        discounts=params.discounts,
    )
    subscription = subscriptions.new(scratch, customer, asked)
    drawn = subscriptions.first_entries(scratch, subscription, asked)
    invoice = _show(scratch, subscription, drawn, wish=wish)
    return {**invoice, "parent": None}


def _nothing_comes(customer_id: str) -> StripeError:
    return StripeError(
        f"No upcoming invoices for customer: {customer_id}", status=404, code="invoice_upcoming_none"
    )


RESOURCE = Resource(
    kind="preview",
    routes=(Route("POST", "/v1/invoices/create_preview", preview, Preview),),
)
"""No kind of object: what it answers with is an invoice."""
