"""What happens to subscriptions as time goes by and as their invoices are paid or not.
https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.sandbox.errors import Object
from api.sandbox.resources.billing import invoice_items, invoicing, paying, payments
from api.sandbox.resources.billing.entries import Entry, natural_period, regular, unused
from api.sandbox.resources.common import changed
from api.sandbox.transaction import Transaction

ENDED = ("canceled", "incomplete_expired")
RENEWS = ("trialing", "active", "past_due", "unpaid")
EXPIRES_S = 23 * 3600
"""For a first payment, a pending update and a resumption."""
TRIAL_NOTICE_S = 3 * 86_400
ITEM = "item"
"""Link of subscriptions, by the ids of their items."""
NO_DETAILS = {"comment": None, "feedback": None, "feedback_option": None, "reason": None}


def note(tx: Transaction, subscription: Object, **changes: Any) -> Object:
    """Change it and tell of it, if it is a change."""
    before = tx.get("subscription", subscription["id"])
    updated = tx.update(before, **changes)
    if previous := changed(before, updated):
        tx.emit("customer.subscription.updated", updated, previous)
    return updated


def item_list(subscription_id: str, items: Sequence[Object]) -> Object:
    return {
        "object": "list",
        "data": list(items),
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription_id}",
    }


def index_items(tx: Transaction, subscription: Object, before: Sequence[Object] = ()) -> None:
    """Have the subscription found by those of its items that were not among `before`."""
    known = {item["id"] for item in before}
    for item in subscription["items"]["data"]:
        if item["id"] not in known:
            tx.link(f"subscription.{ITEM}", item["id"], subscription["id"])


def with_present_prices(tx: Transaction, subscription: Object) -> Object:
    """As it is shown: with what was changed of its items' prices since, such as metadata."""
    items = subscription["items"]
    data = [with_present_price(tx, item) for item in items["data"]]
    return {**subscription, "items": {**items, "data": data}}


def with_present_price(tx: Transaction, item: Object) -> Object:
    gone = item.get("deleted")
    return item if gone else {**item, "price": tx.get("price", item["price"]["id"])}


def period_end(subscription: Object) -> int:
    return int(subscription["items"]["data"][0]["current_period_end"])


def plan_ahead(tx: Transaction, subscription: Object) -> None:
    """The end of the period, and of a trial the notice of it."""
    end = period_end(subscription)
    tx.later(end, "billing_cycle", subscription["id"])
    if subscription["status"] == "trialing":
        tx.later(max(tx.now, end - TRIAL_NOTICE_S), "trial_will_end", subscription["id"])


def notice_trial_end(tx: Transaction, subscription_id: str) -> None:
    """Not when the trial ended, or got another end, meanwhile."""
    subscription = tx.get("subscription", subscription_id)
    if subscription["status"] == "trialing" and subscription["trial_end"] - tx.now <= TRIAL_NOTICE_S:
        tx.emit("customer.subscription.trial_will_end", subscription)


def cycle(tx: Transaction, subscription_id: str) -> None:
    """The period ended: renew, or end, or pause. Nothing when the period was moved meanwhile."""
    subscription = tx.get("subscription", subscription_id)
    if subscription["status"] not in RENEWS or period_end(subscription) > tx.now:
        return
    if subscription["pending_update"]:
        subscription = expire_update(tx, subscription)
    if subscription["cancel_at"] and subscription["cancel_at"] <= tx.now:
        end(tx, subscription, "canceled")
    elif subscription["status"] == "trialing" and _ends_without_method(tx, subscription):
        _end_unpaid_trial(tx, subscription)
    else:
        _renew(tx, subscription)


def _ends_without_method(tx: Transaction, subscription: Object) -> bool:
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    return behavior != "create_invoice" and paying.default_method(tx, subscription) is None


def _end_unpaid_trial(tx: Transaction, subscription: Object) -> None:
    if subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel":
        end(tx, subscription, "canceled")
        return
    paused = note(tx, subscription, status="paused")
    tx.emit("customer.subscription.paused", paused)


def _renew(tx: Transaction, subscription: Object) -> None:
    before = subscription["items"]["data"]
    ended = before[0]["current_period_start"], before[0]["current_period_end"]
    start, stop = natural_period(before[0], subscription["billing_cycle_anchor"], ended[1])
    items = [{**item, "current_period_start": start, "current_period_end": stop} for item in before]
    waiting = [*invoice_items.waiting(tx, subscription), *invoice_items.loose(tx, subscription)]
    drawn = [*waiting, *(regular(tx, item, start, stop) for item in items)]
    collection = subscription["pause_collection"]
    kept = subscription["status"] == "unpaid" or bool(
        collection and collection["behavior"] == "keep_as_draft"
    )
    invoice = invoicing.draft(
        tx, subscription, drawn, reason="subscription_cycle", period=ended, auto_advance=not kept
    )
    subscription = note(
        tx,
        subscription,
        items=item_list(subscription["id"], items),
        status="active" if subscription["status"] == "trialing" else subscription["status"],
        latest_invoice=invoice["id"],
    )
    plan_ahead(tx, subscription)
    if kept:
        return
    wait = tx.world.settings.invoice_draft_s
    if wait:
        tx.update(invoice, automatically_finalizes_at=tx.now + wait)
        tx.later(tx.now + wait, "finalize_invoice", invoice["id"])
    else:
        advance(tx, invoice)


def finalize_later(tx: Transaction, invoice_id: str) -> None:
    """The draft's time is over, unless somebody did it by hand."""
    invoice = tx.find(invoice_id)
    if invoice and not invoice.get("deleted") and invoice["status"] == "draft" and invoice["auto_advance"]:
        advance(tx, invoice)


def advance(tx: Transaction, invoice: Object) -> None:
    """Finalize a renewal's draft and be paid for it, or do what a paused collection says instead."""
    subscription = paying.subscription_of(tx, invoice)
    collection = subscription["pause_collection"] if subscription else None
    invoice = invoicing.finalize(tx, invoice)
    if invoice["status"] != "open":
        return
    match collection["behavior"] if collection else "":
        case "void":
            invoicing.void(tx, invoice)
        case "mark_uncollectible":
            invoicing.mark_uncollectible(tx, invoice)
        case _ if invoice["collection_method"] == "send_invoice":
            tx.emit("invoice.sent", invoice)
        case _:
            paying.try_to_collect(tx, invoice)


def end(
    tx: Transaction,
    subscription: Object,
    status: str,
    *,
    details: Object | None = None,
    entries: Sequence[Entry] = (),
    invoice_now: bool = False,
) -> Object:
    """No period follows. Finalized invoices stay open, but nobody tries to collect them any more."""
    subscription = tx.get("subscription", subscription["id"])
    if subscription["pending_update"]:
        subscription = expire_update(tx, subscription)
    if entries and not invoice_now:
        invoice_items.keep(tx, subscription, entries)
    ended = tx.update(
        subscription,
        status=status,
        ended_at=tx.now,
        canceled_at=subscription["canceled_at"] or tx.now,
        cancellation_details=details or subscription["cancellation_details"],
    )
    _stop_collecting(tx, tx.all("invoice", "subscription", subscription["id"]))
    if invoice_now:
        ended = _invoice_last(tx, ended, entries)
    tx.emit("customer.subscription.deleted", ended)
    return ended


def _stop_collecting(tx: Transaction, invoices: Sequence[Object]) -> None:
    for known in invoices:
        invoice = tx.find(known["id"]) or known
        if not invoice.get("deleted") and invoice["status"] in ("draft", "open") and invoice["auto_advance"]:
            tx.update(invoice, auto_advance=False, next_payment_attempt=None)


def _invoice_last(tx: Transaction, subscription: Object, entries: Sequence[Entry]) -> Object:
    drawn = [*invoice_items.waiting(tx, subscription), *entries]
    if not drawn:
        return subscription
    invoice = invoicing.draft(tx, subscription, drawn, reason="subscription_update")
    subscription = tx.update(subscription, latest_invoice=invoice["id"])
    invoice = invoicing.finalize(tx, invoice)
    if invoice["status"] == "open":
        paying.try_to_collect(tx, invoice)
    return subscription


def unused_time(tx: Transaction, subscription: Object, moment: int | None = None) -> list[Entry]:
    """What a cancellation at `moment`, or now, gives back when it is asked to prorate."""
    if subscription["status"] not in ("active", "past_due", "unpaid"):
        return []
    anchor = subscription["billing_cycle_anchor"]
    at = tx.now if moment is None else moment
    return [unused(tx, item, anchor, at) for item in subscription["items"]["data"]]


def cancel_when_due(tx: Transaction, subscription_id: str) -> None:
    """`cancel_at` came within a period. The sandbox gives nothing back then, as if proration was `none`."""
    subscription = tx.get("subscription", subscription_id)
    due = subscription["cancel_at"]
    if subscription["status"] not in ENDED and due is not None and due <= tx.now:
        end(tx, subscription, "canceled")


def expire_incomplete(tx: Transaction, subscription_id: str) -> None:
    subscription = tx.get("subscription", subscription_id)
    if subscription["status"] == "incomplete":
        expire(tx, subscription)


def expire(tx: Transaction, subscription: Object) -> Object:
    """The first invoice was not paid: it is voided, and the subscription never was."""
    subscription = note(tx, subscription, status="incomplete_expired", ended_at=tx.now)
    _void_latest(tx, subscription)
    return subscription


def _void_latest(tx: Transaction, subscription: Object) -> None:
    invoice = tx.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        invoicing.void(tx, invoice)


def expire_resumption(tx: Transaction, subscription_id: str) -> None:
    """The invoice of a resumption was not paid: the subscription stays paused."""
    subscription = tx.get("subscription", subscription_id)
    if subscription["status"] == "paused":
        _void_latest(tx, subscription)


def resume_collection(tx: Transaction, subscription_id: str) -> None:
    subscription = tx.get("subscription", subscription_id)
    collection = subscription["pause_collection"]
    if collection and collection["resumes_at"] is not None and collection["resumes_at"] <= tx.now:
        note(tx, subscription, pause_collection=None)


# pending updates


def expire_pending(tx: Transaction, subscription_id: str) -> None:
    subscription = tx.get("subscription", subscription_id)
    pending = subscription["pending_update"]
    if pending and pending["expires_at"] <= tx.now:
        expire_update(tx, subscription)


def expire_update(tx: Transaction, subscription: Object) -> Object:
    """The change is not made, and its invoice is voided."""
    subscription = note(tx, subscription, pending_update=None)
    tx.emit("customer.subscription.pending_update_expired", subscription)
    _void_latest(tx, subscription)
    return tx.get("subscription", subscription["id"])


def apply_update(tx: Transaction, subscription: Object) -> Object:
    """What waited for its invoice to be paid."""
    pending = subscription["pending_update"]
    before, items = period_end(subscription), subscription["items"]["data"]
    anchor = pending["billing_cycle_anchor"]
    subscription = note(
        tx,
        subscription,
        items=item_list(subscription["id"], pending["subscription_items"]),
        billing_cycle_anchor=subscription["billing_cycle_anchor"] if anchor is None else anchor,
        trial_end=subscription["trial_end"] if pending["trial_end"] is None else pending["trial_end"],
        pending_update=None,
        status="active",
    )
    index_items(tx, subscription, items)
    if period_end(subscription) != before:
        plan_ahead(tx, subscription)
    if tx.notes.get("updating") != subscription["id"]:  # paid at once, it never was pending to anyone
        tx.emit("customer.subscription.pending_update_applied", subscription)
    return subscription


# customers and invoices


def on_customer_deleted(tx: Transaction, customer: Object) -> None:
    for known in tx.all("subscription", "customer", customer["id"]):
        if known["status"] not in ENDED:
            end(tx, known, "canceled")
    _stop_collecting(tx, tx.all("invoice", "customer", customer["id"]))


def _of_latest(tx: Transaction, invoice: Object) -> Object | None:
    """The subscription, when this is its latest invoice: only that one decides about it."""
    subscription = paying.subscription_of(tx, invoice)
    return subscription if subscription and subscription["latest_invoice"] == invoice["id"] else None


def on_paid(tx: Transaction, invoice: Object) -> None:
    subscription = _of_latest(tx, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    _save_method(tx, subscription, invoice)
    if subscription["pending_update"]:
        apply_update(tx, subscription)
    else:
        recover(tx, subscription)


def recover(tx: Transaction, subscription: Object) -> None:
    """In good standing again; a period that ended meanwhile is renewed."""
    if period_end(subscription) <= tx.now:
        tx.later(tx.now, "billing_cycle", subscription["id"])
    if subscription["status"] == "paused":
        tx.emit("customer.subscription.resumed", note(tx, subscription, status="active"))
    elif subscription["status"] in ("incomplete", "past_due", "unpaid"):
        note(tx, subscription, status="active")


def _save_method(tx: Transaction, subscription: Object, invoice: Object) -> None:
    """`save_default_payment_method=on_subscription`: renewals use what the first invoice was paid with."""
    if subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        intent = payments.intent_of(tx, invoice)
        if intent is not None and intent["payment_method"] is not None:
            tx.update(subscription, default_payment_method=intent["payment_method"])


def on_payment_failed(tx: Transaction, invoice: Object) -> None:
    subscription = _of_latest(tx, invoice)
    if subscription is None or subscription["pending_update"]:
        return
    if subscription["status"] in ("active", "trialing"):
        subscription = note(tx, subscription, status="past_due")
    retries = len(tx.world.settings.invoice_retries_s)
    if retries and invoice["next_payment_attempt"] is None and invoice["attempt_count"] > retries:
        _retries_over(tx, subscription)


def _retries_over(tx: Transaction, subscription: Object) -> None:
    becomes = tx.world.settings.after_retries
    if subscription["status"] != "past_due" or becomes == "past_due":
        return
    if becomes == "canceled":
        end(tx, subscription, "canceled", details={**NO_DETAILS, "reason": "payment_failed"})
    else:
        note(tx, subscription, status="unpaid")


def on_closed(tx: Transaction, invoice: Object) -> None:
    """Voided or written off. Stripe says that the latter brings a past due subscription back to active; the
    sandbox takes a voided invoice for the same, but a paused one stays paused.
    """
    subscription = _of_latest(tx, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    if subscription["pending_update"] and invoice["status"] == "void":
        expire_update(tx, subscription)
    elif subscription["status"] == "incomplete":
        expire(tx, subscription)
    elif invoice["status"] == "uncollectible" or subscription["status"] == "past_due":
        recover(tx, subscription)
