"""Updating and resuming a subscription. https://docs.stripe.com/api/subscriptions/update"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.resources.billing import (
    discounts,
    invoice_items,
    invoicing,
    lifecycle,
    own_items,
    paying,
    setting_up,
    test_clocks,
)
from api.sandbox.resources.billing.plan import Change, ProrationBehavior, begin_again, work_out
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
from api.sandbox.resources.common import merge_metadata, sent_texts
from api.sandbox.transaction import Transaction

ALLOWED_PENDING = frozenset(
    {
        "items",
        "payment_behavior",
        "proration_behavior",
        "proration_date",
        "billing_cycle_anchor",
        "trial_end",
        "off_session",
        "collection_method",
        "add_invoice_items",
    }
)
"""https://docs.stripe.com/billing/subscriptions/pending-updates-reference"""


class PauseCollection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    behavior: Literal["keep_as_draft", "mark_uncollectible", "void"]
    resumes_at: int | None = None


class Update(Fields, frozen=True, kw_only=True):
    payment_behavior: Literal[
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ] = "allow_incomplete"
    billing_cycle_anchor: Literal["now", "unchanged"] = "unchanged"
    proration_date: int | UnsetType = UNSET
    pause_collection: PauseCollection | Literal[""] | UnsetType = UNSET
    cancellation_details: Details | UnsetType = UNSET
    add_invoice_items: tuple[own_items.AddItem, ...] = ()


class Resume(Params, frozen=True, kw_only=True):
    """The sandbox gives nothing back for the time before: a paused subscription was on trial."""

    billing_cycle_anchor: Literal["now", "unchanged"] = "now"
    proration_behavior: ProrationBehavior = "create_prorations"
    proration_date: int | UnsetType = UNSET


def update(tx: Transaction, subscription_id: str, params: Update) -> Object:
    subscription = tx.get("subscription", subscription_id)
    test_clocks.enter(tx, subscription)
    _check(subscription, params)
    plain = _plain_changes(tx, subscription, params)
    own = own_items.asked_for(tx, subscription, params.add_invoice_items)
    if not _changes_plan(params):
        invoice_items.keep(tx, subscription, own)
        kept = _keep(tx, subscription, plain)
        changed = kept["default_payment_method"] != subscription["default_payment_method"]
        return setting_up.begin(tx, kept) if changed else kept
    change = work_out(
        tx,
        subscription,
        items=params.items,
        behavior=params.proration_behavior or "create_prorations",
        proration_date=params.proration_date if isinstance(params.proration_date, int) else None,
        anchor=params.billing_cycle_anchor,
        trial_end=trial_end(tx, params.trial_end),
    )
    if change.invoiced_now:
        drawn = [*invoice_items.drawn_now(tx, subscription, own), *change.entries]
        change = msgspec.structs.replace(change, entries=drawn)
    else:
        invoice_items.keep(tx, subscription, own)
    if subscription["pending_update"]:  # the later wish supersedes the one that waits
        subscription = lifecycle.expire_update(tx, subscription)
    if params.payment_behavior == "pending_if_incomplete" and change.invoiced_now:
        return _change_when_paid(tx, subscription, change)
    subscription = _apply(tx, subscription, change, plain)
    if change.invoiced_now:
        _invoice(tx, subscription, change, params.payment_behavior)
    else:
        invoice_items.keep(tx, subscription, change.entries)
    return tx.get("subscription", subscription_id)


def _check(subscription: Object, params: Update) -> None:
    sent = {name for name in params.__struct_fields__ if _was_sent(params, name)}
    if subscription["status"] in lifecycle.ENDED and sent - {"metadata", "cancellation_details"}:
        raise StripeError(
            "A canceled subscription can only update its cancellation_details and metadata.",
        )
    if subscription["status"] == "incomplete" and _changes_plan(params):
        raise StripeError(
            "The items of an incomplete subscription cannot be changed; its first invoice must be paid first."
        )
    if params.payment_behavior == "pending_if_incomplete" and (refused := sent - ALLOWED_PENDING):
        raise invalid(
            "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass supported params. "
            f"Unsupported: {', '.join(sorted(refused))}.",
            param="payment_behavior",
        )


def _was_sent(params: Update, name: str) -> bool:
    defaults = {"items": (), "add_invoice_items": (), "collection_method": "charge_automatically"}
    if name in ("payment_behavior", "billing_cycle_anchor", "proration_behavior", "off_session"):
        return False
    return getattr(params, name) not in (UNSET, defaults.get(name, UNSET))


def _changes_plan(params: Update) -> bool:
    return bool(params.items) or params.billing_cycle_anchor == "now" or params.trial_end is not UNSET


def _plain_changes(tx: Transaction, subscription: Object, params: Update) -> Object:
    """Fields that change without money."""
    changes: Object = dict(sent_texts(params, "description"))
    changes["metadata"] = merge_metadata(subscription["metadata"], params.metadata)
    if params.default_payment_method is not UNSET:
        method = method_of(tx, subscription["customer"], params.default_payment_method)
        changes["default_payment_method"] = method
    if (redeemed := discounts.change(tx, subscription, params.discounts)) is not None:
        changes["discounts"] = redeemed
    if params.trial_settings is not UNSET:
        changes["trial_settings"] = trial_settings(params.trial_settings)
    settings = payment_settings(subscription["payment_settings"], params.payment_settings)
    changes["payment_settings"] = settings
    changes |= ending(tx, params, lifecycle.period_end(subscription))
    if params.cancellation_details is not UNSET:
        before = changes.get("cancellation_details", subscription["cancellation_details"])
        changes["cancellation_details"] = details(before, params.cancellation_details)
    if isinstance(params.pause_collection, PauseCollection):
        changes["pause_collection"] = msgspec.to_builtins(params.pause_collection)
    elif params.pause_collection == "":
        changes["pause_collection"] = None
    return changes


def _keep(tx: Transaction, subscription: Object, changes: Object) -> Object:
    if (at := changes.get("cancel_at")) is not None:
        tx.later(at, "cancel_at", subscription["id"])
    resumes = (changes.get("pause_collection") or {}).get("resumes_at")
    if resumes is not None:
        tx.later(resumes, "resume_collection", subscription["id"])
    return lifecycle.note(tx, subscription, **changes)


def _apply(tx: Transaction, subscription: Object, change: Change, plain: Object) -> Object:
    began = change.trial_end is not None and change.trial_end > tx.now
    status = subscription["status"]
    if began:
        status = "trialing"
    elif status == "trialing":
        status = "active"
    ends = lifecycle.period_end({"items": {"data": change.items}})
    if plain.get("cancel_at_period_end", subscription["cancel_at_period_end"]):
        plain = {**plain, "cancel_at": ends}
    updated = _keep(
        tx,
        subscription,
        {
            **plain,
            "items": lifecycle.item_list(subscription["id"], change.items),
            "billing_cycle_anchor": change.anchor,
            "trial_end": change.trial_end,
            "trial_start": subscription["trial_start"] or (tx.now if began else None),
            "status": status,
        },
    )
    lifecycle.index_items(tx, updated, subscription["items"]["data"])
    if change.moved:
        lifecycle.plan_ahead(tx, updated)
    return updated


def _invoice(tx: Transaction, subscription: Object, change: Change, behavior: str) -> None:
    """The change is made, whether it is paid or not, unless the call is to fail then."""
    invoice = _draw_up(tx, subscription, change)
    if invoice["status"] == "open" and behavior != "default_incomplete":
        collect(tx, invoice, refuse=behavior == "error_if_incomplete")
    elif invoice["status"] == "open":
        lifecycle.note(tx, subscription, status="past_due")


def _draw_up(tx: Transaction, subscription: Object, change: Change) -> Object:
    drawn = [*invoice_items.waiting(tx, subscription), *change.entries]
    invoice = invoicing.draft(tx, subscription, drawn, reason="subscription_update")
    lifecycle.note(tx, subscription, latest_invoice=invoice["id"])
    return invoicing.finalize(tx, invoice)


def _change_when_paid(tx: Transaction, subscription: Object, change: Change) -> Object:
    """The items stay as they are until the invoice is paid: for 23 hours at most, and never longer than the
    period.
    """
    expires = min(tx.now + lifecycle.EXPIRES_S, lifecycle.period_end(subscription))
    pending = {
        "billing_cycle_anchor": change.anchor if change.moved else None,
        "discount": None,
        "discounts": None,
        "expires_at": expires,
        "metadata": None,
        "subscription_items": change.items,
        "trial_end": change.trial_end if change.trial_end != subscription["trial_end"] else None,
        "trial_from_plan": None,
    }
    tx.notes["updating"] = subscription["id"]
    before = subscription
    subscription = tx.update(subscription, pending_update=pending)
    invoice = _draw_up(tx, subscription, change)
    if invoice["status"] == "open":
        collect(tx, invoice, refuse=False)
    subscription = tx.get("subscription", subscription["id"])
    if subscription["pending_update"]:
        tx.later(expires, "expire_pending_update", subscription["id"])
        tx.emit("customer.subscription.updated", subscription, {"pending_update": before["pending_update"]})
    return subscription


def collect(tx: Transaction, invoice: Object, *, refuse: bool) -> None:
    """Be paid now, with the customer present. A failure is the call's only when it is to `refuse` it, and
    then nothing was done at all.
    """
    try:
        paying.collect(tx, invoice, on_session=True)
    except StripeError as error:
        if refuse:
            error.keeps_work = False
            raise
        if error.error["type"] != "card_error":
            paying.fail(tx, invoice)
        return
    if refuse and (unfinished := paying.needs_action(tx, invoice, "subscription", keeps_work=False)):
        raise unfinished


def resume(tx: Transaction, subscription_id: str, params: Resume) -> Object:
    """Back from `paused`, when the invoice of the new period is paid."""
    subscription = tx.get("subscription", subscription_id, param="subscription")
    test_clocks.enter(tx, subscription)
    if subscription["status"] != "paused":
        raise StripeError(
            f"Only paused subscriptions can be resumed; {subscription_id} has status "
            f"{subscription['status']}."
        )
    change = begin_again(tx, subscription, anchor=params.billing_cycle_anchor)
    updated = lifecycle.note(
        tx,
        subscription,
        items=lifecycle.item_list(subscription_id, change.items),
        billing_cycle_anchor=change.anchor,
    )
    lifecycle.plan_ahead(tx, updated)
    tx.later(tx.now + lifecycle.EXPIRES_S, "expire_resumption", subscription_id)
    invoice = _draw_up(tx, updated, change)
    if invoice["status"] == "open":
        collect(tx, invoice, refuse=False)
    return tx.get("subscription", subscription_id)
