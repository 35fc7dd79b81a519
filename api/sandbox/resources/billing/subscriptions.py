"""Subscriptions. https://docs.stripe.com/api/subscriptions"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid, missing
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.billing import (
    discounts,
    entries,
    invoice_items,
    invoicing,
    lifecycle,
    paying,
    plan,
    setting_up,
    test_clocks,
    updating,
)
from api.sandbox.resources.billing.entries import Entry
from api.sandbox.resources.billing.wishes import (
    Details,
    Fields,
    details,
    ending,
    method_of,
    payment_settings,
    trial_end,
    trial_settings,
)
from api.sandbox.resources.common import Text, given, merge_metadata, retrieve
from api.sandbox.transaction import Transaction

Status = Literal[
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
]
LONGEST_TRIAL_DAYS = 730
NO_CARD = (
    "This customer has no attached payment source or default payment method. Please consider adding a "
    "default payment method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)


class BillingMode(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    type: Literal["flexible", "classic"]


class Create(Fields, frozen=True, kw_only=True):
    customer: str
    payment_behavior: Literal["allow_incomplete", "default_incomplete", "error_if_incomplete"] = (
        "allow_incomplete"
    )
    billing_cycle_anchor: int | UnsetType = UNSET
    billing_mode: BillingMode | UnsetType = UNSET
    currency: Text = UNSET
    trial_period_days: int | UnsetType = UNSET


class Cancel(Params, frozen=True, kw_only=True):
    invoice_now: bool = False
    prorate: bool = False
    cancellation_details: Details | UnsetType = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    """`status` UNSET shows all but canceled ones, as at Stripe."""

    customer: Text = UNSET
    price: Text = UNSET
    status: Status | UnsetType = UNSET
    test_clock: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    customer = tx.get("customer", params.customer, param="customer", status=400)
    test_clocks.enter(tx, customer)
    subscription = new(tx, customer, params)
    due = first_entries(tx, subscription, params)
    unpaid = params.payment_behavior == "default_incomplete"
    invoice = invoicing.draft(tx, subscription, due, reason="subscription_create")
    if not unpaid and invoice["amount_due"] and paying.default_method(tx, subscription) is None:
        raise StripeError(NO_CARD, code="resource_missing")
    subscription = tx.update(subscription, latest_invoice=invoice["id"])
    tx.emit("customer.subscription.created", subscription)
    lifecycle.plan_ahead(tx, subscription)
    tx.later(tx.now + lifecycle.EXPIRES_S, "expire_incomplete", subscription["id"])
    if subscription["cancel_at"] is not None:
        tx.later(subscription["cancel_at"], "cancel_at", subscription["id"])
    invoice = invoicing.finalize(tx, invoice)
    if invoice["status"] == "open" and not unpaid:
        updating.collect(tx, invoice, refuse=params.payment_behavior == "error_if_incomplete")
    elif invoice["status"] != "open":
        setting_up.begin(tx, tx.get("subscription", subscription["id"]))
    return tx.get("subscription", subscription["id"])


def new(tx: Transaction, customer: Object, params: Create) -> Object:
    """Incomplete until its first invoice is paid, unless it begins with a trial."""
    subscription_id = tx.new_id("sub_")
    items = [
        plan.new_item(tx, subscription_id, asked, start=tx.now, end=tx.now, known=None)
        for asked in params.items
    ]
    plan.check_items(items, (given(params.currency) or "").lower())
    trial = _trial_end(tx, params)
    anchor = _anchor(tx, params, items[0], trial)
    end = _first_period_end(tx, items[0], anchor, trial)
    items = [{**item, "current_period_end": end} for item in items]
    no_settings = {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    }
    subscription: Object = {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": anchor,
        "billing_cycle_anchor_config": None,
        "billing_mode": _billing_mode(params.billing_mode),
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": lifecycle.NO_DETAILS,
        "collection_method": "charge_automatically",
        "created": tx.now,
        "currency": items[0]["price"]["currency"],
        "customer": customer["id"],
        "days_until_due": None,
        "default_payment_method": method_of(tx, customer["id"], params.default_payment_method),
        "default_source": None,
        "default_tax_rates": [],
        "description": given(params.description),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": lifecycle.item_list(subscription_id, items),
        "latest_invoice": None,
        "livemode": False,
        "metadata": merge_metadata({}, params.metadata),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": payment_settings(no_settings, params.payment_settings),
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": tx.now,
        "status": "trialing" if trial else "incomplete",
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": trial,
        "trial_settings": trial_settings(params.trial_settings),
        "trial_start": tx.now if trial else None,
    }
    made = tx.add(subscription | ending(tx, params, end))
    lifecycle.index_items(tx, made)
    return tx.update(made, discounts=discounts.wanted(tx, discounts.subscriber(made), params.discounts) or [])


def _billing_mode(sent: BillingMode | UnsetType) -> Object:
    """Flexible since 2025-09-30. In both modes the sandbox prorates by what the prices are."""
    if isinstance(sent, BillingMode) and sent.type == "classic":
        return {"flexible": None, "type": "classic"}
    return {"flexible": {"proration_discounts": "included"}, "type": "flexible"}


def _trial_end(tx: Transaction, params: Create) -> int | None:
    end = trial_end(tx, params.trial_end)
    days = params.trial_period_days if isinstance(params.trial_period_days, int) else None
    if days is not None:
        if end is not None:
            raise invalid(
                "You may only specify one of these parameters: trial_end, trial_period_days.",
                param="trial_period_days",
            )
        if not 0 <= days <= LONGEST_TRIAL_DAYS:
            raise invalid("trial_period_days must be between 0 and 730.", param="trial_period_days")
        end = tx.now + days * 86_400
    if end is not None and params.trial_end != "now" and end < tx.now:
        raise invalid("trial_end must be in the future.", param="trial_end")
    return end if end is not None and end > tx.now else None


def _anchor(tx: Transaction, params: Create, item: Object, trial: int | None) -> int:
    if not isinstance(params.billing_cycle_anchor, int):
        return trial or tx.now
    anchor = params.billing_cycle_anchor
    _, latest = entries.natural_period(item, tx.now, tx.now)
    if anchor < tx.now or anchor > max(latest, trial or 0):
        raise invalid(
            "billing_cycle_anchor must lie between now and the end of the first natural period.",
            param="billing_cycle_anchor",
        )
    return anchor


def _first_period_end(tx: Transaction, item: Object, anchor: int, trial: int | None) -> int:
    if trial:
        return trial
    return anchor if anchor > tx.now else entries.natural_period(item, anchor, tx.now)[1]


def first_entries(tx: Transaction, subscription: Object, params: Create) -> Sequence[Entry]:
    items = subscription["items"]["data"]
    end = items[0]["current_period_end"]
    if subscription["status"] == "trialing":
        return [entries.trial(tx, item, tx.now, end) for item in items]
    if subscription["billing_cycle_anchor"] > tx.now:
        if params.proration_behavior == "none":
            return []
        return [entries.until_anchor(tx, item, tx.now, end) for item in items]
    return [entries.regular(tx, item, tx.now, end) for item in items]


def cancel(tx: Transaction, subscription_id: str, params: Cancel) -> Object:
    """At once. One that was never paid expires instead (the sandbox's choice, as Stripe's documents leave it
    open); an ended one is as if it was not there, as at Stripe.
    """
    subscription = tx.get("subscription", subscription_id)
    if subscription["status"] in lifecycle.ENDED:
        raise missing("subscription", subscription_id)
    test_clocks.enter(tx, subscription)
    if subscription["status"] == "incomplete":
        return lifecycle.expire(tx, subscription)
    if not params.prorate and not params.invoice_now:
        invoice_items.drop(tx, subscription)
    found = details(
        subscription["cancellation_details"], params.cancellation_details, reason="cancellation_requested"
    )
    lifecycle.end(
        tx,
        subscription,
        "canceled",
        details=found,
        entries=lifecycle.unused_time(tx, subscription) if params.prorate else (),
        invoice_now=params.invoice_now,
    )
    return tx.get("subscription", subscription_id)


def listing(tx: Transaction, params: Listing) -> Object:
    customer, price, clock = given(params.customer), given(params.price), given(params.test_clock)
    status = params.status if isinstance(params.status, str) else ""

    def matches(subscription: Object) -> bool:
        return all(
            (
                _has_status(subscription["status"], status),
                not customer or subscription["customer"] == customer,
                not price or any(i["price"]["id"] == price for i in subscription["items"]["data"]),
                not clock or subscription["test_clock"] == clock,
            )
        )

    link = first_link("subscription", customer=customer)
    return page(tx, "subscription", "/v1/subscriptions", params, link=link, matches=matches)


def _has_status(status: str, asked: str) -> bool:
    match asked:
        case "all":
            return True
        case "ended":
            return status in lifecycle.ENDED
        case "":
            return status != "canceled"
        case _:
            return status == asked


RESOURCE = Resource(
    kind="subscription",
    routes=(
        Route("POST", "/v1/subscriptions", create, Create),
        Route("GET", "/v1/subscriptions", listing, Listing),
        retrieve("subscription", "/v1/subscriptions/{id}", "id"),
        Route("POST", "/v1/subscriptions/{id}", updating.update, updating.Update),
        Route("DELETE", "/v1/subscriptions/{id}", cancel, Cancel),
        Route("POST", "/v1/subscriptions/{id}/resume", updating.resume, updating.Resume),
    ),
    expandable=frozenset(
        {
            "customer",
            "default_payment_method",
            "discounts",
            "latest_invoice",
            "pending_setup_intent",
            "schedule",
            "test_clock",
        }
    ),
    included={"items": lambda _, subscription: subscription["items"]},
    linked=("customer", "pending_setup_intent", "test_clock"),
    present=lifecycle.with_present_prices,
    jobs={
        "billing_cycle": lifecycle.cycle,
        "trial_will_end": lifecycle.notice_trial_end,
        "expire_incomplete": lifecycle.expire_incomplete,
        "expire_pending_update": lifecycle.expire_pending,
        "expire_resumption": lifecycle.expire_resumption,
        "cancel_at": lifecycle.cancel_when_due,
        "resume_collection": lifecycle.resume_collection,
    },
    follows={
        "customer.deleted": lifecycle.on_customer_deleted,
        "customer.subscription.deleted": setting_up.forget,
        "invoice.paid": lifecycle.on_paid,
        "invoice.payment_failed": lifecycle.on_payment_failed,
        "invoice.voided": lifecycle.on_closed,
        "invoice.marked_uncollectible": lifecycle.on_closed,
        "setup_intent.canceled": setting_up.on_concluded,
        "setup_intent.succeeded": setting_up.on_concluded,
    },
)
