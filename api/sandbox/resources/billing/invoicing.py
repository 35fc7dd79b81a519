"""An invoice from draft to its end. https://docs.stripe.com/invoicing/overview#invoice-statuses"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from api.sandbox.errors import Object, unexpected_state
from api.sandbox.money import smallest_amount
from api.sandbox.resources.billing import customer_balance, discounts, invoice_items, payments
from api.sandbox.resources.billing.discounts import Wishes
from api.sandbox.resources.billing.entries import Entry, lines
from api.sandbox.transaction import Transaction

_FIRST_ATTEMPT = 1


def draft(
    tx: Transaction,
    subscription: Object,
    entries: Sequence[Entry],
    *,
    reason: str,
    period: tuple[int, int] | None = None,
    auto_advance: bool = True,
    own: Wishes = UNSET,
    **changes: Any,
) -> Object:
    """`period` is the one that ended with a renewal; else the invoice is of this moment. For `alone` of a
    customer, `subscription` stands for one. `own` are discounts in the place of those that it would inherit.
    `changes` are what else it differs in.
    """
    invoice_id = tx.new_id("in_")
    if own is not UNSET:
        shape = {**subscription, "object": "invoice", "id": invoice_id, "discounts": []}
        price = sum(entry.amount for entry in entries)
        redeemed = discounts.wanted(tx, discounts.billed(shape, price), own)
        subscription = discounts.with_own(subscription, redeemed or [])
    built = build(
        tx,
        subscription,
        entries,
        reason=reason,
        period=period,
        auto_advance=auto_advance,
        invoice_id=invoice_id,
    )
    invoice = tx.add(built | changes)
    if subscription["id"]:
        tx.link("invoice.subscription", subscription["id"], invoice["id"])
    discounts.use(tx, subscription, invoice)
    invoice_items.take(tx, entries, invoice["id"])
    tx.emit("invoice.created", invoice)
    return invoice


def build(
    tx: Transaction,
    subscription: Object,
    entries: Sequence[Entry],
    *,
    reason: str,
    period: tuple[int, int] | None = None,
    auto_advance: bool = True,
    invoice_id: str,
) -> Object:
    """A draft that is kept nowhere yet."""
    customer = tx.get("customer", subscription["customer"])
    start, end = period or (tx.now, tx.now)
    return {
        **_constant(),
        **_addressed(customer),
        "discounts": [one for one, _ in discounts.standing(tx, subscription)],
        "id": invoice_id,
        "auto_advance": auto_advance,
        "billing_reason": reason,
        "created": tx.now,
        "currency": subscription["currency"],
        "default_payment_method": None,
        "description": subscription["description"],
        "parent": _parent(subscription),
        "period_end": end,
        "period_start": start,
        "test_clock": subscription["test_clock"],
        **_charged(tx, subscription, invoice_id, lines(tx, invoice_id, subscription, entries)),
    }


def alone(customer: Object, currency: str, description: str | None = None) -> Object:
    """A customer who is billed without a subscription, in the shape of one."""
    return {
        "id": None,
        "currency": currency,
        "customer": customer["id"],
        "description": description,
        "discounts": [],
        "metadata": {},
        "test_clock": customer["test_clock"],
    }


def redraw(tx: Transaction, invoice: Object, subscription: Object, drawn: Sequence[Object]) -> Object:
    """A draft with other lines than it had, and the discounts that it was made with."""
    subscription = discounts.with_own(subscription, invoice["discounts"])
    invoice = tx.update(invoice, **_charged(tx, subscription, invoice["id"], drawn))
    discounts.use(tx, subscription, invoice)
    tx.emit("invoice.updated", invoice)
    return invoice


def discount(tx: Transaction, invoice: Object, subscription: Object, own: Wishes) -> Object:
    """A draft with other discounts than it had."""
    redeemed = discounts.wanted(tx, discounts.billed(invoice, invoice["subtotal"]), own)
    if redeemed is None:
        return invoice
    return redraw(tx, tx.update(invoice, discounts=redeemed), subscription, invoice["lines"]["data"])


def _parent(subscription: Object) -> Object | None:
    if not subscription["id"]:
        return None
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": subscription["metadata"],
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def _charged(tx: Transaction, subscription: Object, invoice_id: str, drawn: Sequence[Object]) -> Object:
    """A draft's lines, and what they come to."""
    drawn = discounts.apply(tx, subscription, drawn)
    subtotal = sum(line["amount"] for line in drawn)
    taken = _taken(drawn)
    total = subtotal - sum(taken.values())
    balance = tx.get("customer", subscription["customer"])["balance"]
    return {
        "lines": {
            "object": "list",
            "data": drawn,
            "has_more": False,
            "total_count": len(drawn),
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": [{"amount": off, "discount": one} for one, off in taken.items()],
        "total_excluding_tax": total,
        **amounts(total, balance, subscription["currency"]),
        "ending_balance": None,
    }


def _taken(drawn: Sequence[Object]) -> dict[str, int]:
    """What each discount takes of all lines together."""
    taken: dict[str, int] = {}
    for one in (one for line in drawn for one in line["discount_amounts"]):
        taken[one["discount"]] = taken.get(one["discount"], 0) + one["amount"]
    return taken


def _addressed(customer: Object) -> Object:
    """Whom it is for, as they are now."""
    return {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
    }


def _constant() -> Object:
    """What no draft here differs in."""
    return {
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox",
        "account_tax_ids": None,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "collection_method": "charge_automatically",
        "custom_fields": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_source": None,
        "default_tax_rates": [],
        "due_date": None,
        "effective_at": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }


def amounts(total: int, balance: int, currency: str) -> Object:
    """What is due when the customer's balance is taken into account. An amount that is too small to charge
    waits in the balance for the next invoice. https://docs.stripe.com/billing/customer/balance
    """
    due = max(0, total + balance)
    ending = min(0, total + balance)
    if 0 < due < smallest_amount(currency):
        due, ending = 0, due
    return {
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": balance,
        "ending_balance": ending,
    }


def finalize(tx: Transaction, invoice: Object) -> Object:
    """Open, with a number and a way to pay it; one with nothing due is paid."""
    customer = tx.get("customer", invoice["customer"])
    sequence = customer["next_invoice_sequence"]
    customer = tx.update(
        customer, next_invoice_sequence=sequence + 1, currency=customer["currency"] or invoice["currency"]
    )
    worked_out = amounts(invoice["total"], customer["balance"], invoice["currency"])
    invoice = tx.update(
        invoice,
        **worked_out,
        status="open",
        number=f"{customer['invoice_prefix']}-{sequence:04}",
        effective_at=tx.now,
        automatically_finalizes_at=None,
        status_transitions={**invoice["status_transitions"], "finalized_at": tx.now},
    )
    moved = worked_out["ending_balance"] - customer["balance"]
    if moved:
        kind = "invoice_too_small" if worked_out["ending_balance"] > 0 else "applied_to_invoice"
        customer_balance.move(
            tx, customer["id"], moved, invoice["currency"], kind=kind, invoice=invoice["id"]
        )
    if invoice["amount_due"]:
        payments.prepare(tx, invoice)
        tx.emit("invoice.finalized", invoice)
        return invoice
    tx.emit("invoice.finalized", invoice)
    return settle(tx, invoice, 0)


def settle(tx: Transaction, invoice: Object, paid: int, *, attempted: bool = True) -> Object:
    """`paid` in minor units came in: all that remained. Not `attempted` here when it came in elsewhere."""
    invoice = tx.update(
        invoice,
        status="paid",
        amount_paid=invoice["amount_paid"] + paid,
        amount_remaining=0,
        attempted=True,
        attempt_count=max(invoice["attempt_count"], _FIRST_ATTEMPT)
        if paid and attempted
        else invoice["attempt_count"],
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": tx.now},
    )
    tx.emit("invoice.paid", invoice)
    tx.emit("invoice.payment_succeeded", invoice)
    return tx.get("invoice", invoice["id"])


def void(tx: Transaction, invoice: Object) -> Object:
    _expect(invoice, ("open", "uncollectible"), "voided")
    payments.give_up(tx, invoice)
    applied = invoice["ending_balance"] - invoice["starting_balance"]
    if applied:
        customer_balance.move(
            tx,
            invoice["customer"],
            -applied,
            invoice["currency"],
            kind="unapplied_from_invoice",
            invoice=invoice["id"],
        )
    invoice = tx.update(
        invoice,
        status="void",
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "voided_at": tx.now},
    )
    tx.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(tx: Transaction, invoice: Object) -> Object:
    """It can still be paid later."""
    _expect(invoice, ("open",), "marked as uncollectible")
    invoice = tx.update(
        invoice,
        status="uncollectible",
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "marked_uncollectible_at": tx.now},
    )
    tx.emit("invoice.marked_uncollectible", invoice)
    return invoice


def _expect(invoice: Object, statuses: tuple[str, ...], done: str) -> None:
    if invoice["status"] not in statuses:
        raise unexpected_state(
            f"You can only have {' or '.join(statuses)} invoices {done}; this one is {invoice['status']}.",
            code="invoice_not_open" if "open" in statuses else "",
        )
