"""What a credit note is of, and what it does to its invoice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.resources.billing import invoicing, payments
from api.sandbox.resources.capture import cancel_now
from api.sandbox.resources.common import Text, given
from api.sandbox.transaction import Transaction


class LineParams(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`amount` of a line of the invoice, or `quantity` times `unit_amount` of its own making."""

    type: Literal["invoice_line_item", "custom_line_item"]
    invoice_line_item: str = ""
    amount: Annotated[int, msgspec.Meta(ge=0)] | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1)] | None = None
    unit_amount: Annotated[int, msgspec.Meta(ge=0)] | None = None
    description: Text = UNSET


def lines(tx: Transaction, invoice: Object, asked: Sequence[LineParams], amount: int | None) -> list[Object]:
    """Raises StripeError for more than a line has left. An `amount` alone is one line of its own."""
    if not asked:
        if amount is None:
            raise invalid(
                "One of amount, lines or shipping_cost must be provided.",
                code="parameter_missing",
                param="amount",
            )
        return [_line(tx, "custom_line_item", amount, "Credit")]
    return [_asked_line(tx, invoice, line) for line in asked]


def _asked_line(tx: Transaction, invoice: Object, asked: LineParams) -> Object:
    if asked.type == "custom_line_item":
        if asked.unit_amount is None:
            raise invalid("A custom_line_item needs unit_amount.", param="lines[0][unit_amount]")
        quantity = asked.quantity or 1
        text = given(asked.description) or "Credit"
        custom = _line(tx, asked.type, asked.unit_amount * quantity, text)
        return {**custom, "quantity": quantity, "unit_amount": asked.unit_amount}
    known = next((line for line in invoice["lines"]["data"] if line["id"] == asked.invoice_line_item), None)
    if known is None:
        raise invalid(
            f"Invoice {invoice['id']} has no line {asked.invoice_line_item}.",
            code="resource_missing",
            param="lines[0][invoice_line_item]",
        )
    amount = known["amount"] if asked.amount is None else asked.amount
    left = known["amount"] - _credited(tx, invoice, known["id"])
    if amount > left:
        raise invalid(
            f"The amount ({amount}) is more than what is left to credit of the line ({left}).",
            param="lines[0][amount]",
        )
    line = _line(tx, asked.type, amount, given(asked.description) or known["description"])
    return {**line, "invoice_line_item": known["id"]}


def _line(tx: Transaction, kind: str, amount: int, description: str) -> Object:
    return {
        "id": tx.new_id("cnli_"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": None,
        "tax_rates": [],
        "taxes": [],
        "type": kind,
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _issued(tx: Transaction, invoice: Object) -> list[Object]:
    notes = tx.all("credit_note", "invoice", invoice["id"])
    return [note for note in notes if note["status"] == "issued"]


def _credited(tx: Transaction, invoice: Object, line_id: str) -> int:
    return sum(
        line["amount"]
        for note in _issued(tx, invoice)
        for line in note["lines"]["data"]
        if line.get("invoice_line_item") == line_id
    )


def check_left(tx: Transaction, invoice: Object, total: int, of_refunds: int) -> None:
    """Refunds that were made without a credit note count too, but for those that this one is of. Raises
    StripeError.
    """
    notes = _issued(tx, invoice)
    with_notes = sum(link["amount_refunded"] for note in notes for link in note["refunds"])
    refunded = sum(charge["amount_refunded"] for charge in payments.charges_of(tx, invoice))
    outside = max(0, refunded - with_notes - of_refunds)
    left = invoice["total"] - sum(note["total"] for note in notes) - outside
    if total < 1 or total > left:
        raise StripeError(
            f"The credit note's total ({total}) must be at least 1 and at most what is left to credit of the "
            f"invoice ({left}).",
            param="amount",
        )


def reduce(tx: Transaction, invoice: Object, before_payment: int, after_payment: int) -> None:
    """`before_payment` less is due; an invoice with nothing left to pay is paid."""
    invoice = tx.update(
        invoice,
        pre_payment_credit_notes_amount=invoice["pre_payment_credit_notes_amount"] + before_payment,
        post_payment_credit_notes_amount=invoice["post_payment_credit_notes_amount"] + after_payment,
        amount_due=invoice["amount_due"] - before_payment,
        amount_remaining=invoice["amount_remaining"] - before_payment,
    )
    if not before_payment:
        return
    payment, intent = payments.payment_of(tx, invoice), payments.intent_of(tx, invoice)
    if payment is None or intent is None:
        return
    if invoice["amount_remaining"]:
        tx.update(payment, amount_requested=invoice["amount_remaining"])
        tx.update(intent, amount=invoice["amount_remaining"])
        return
    tx.update(payment, status="canceled")
    if intent["status"] in payments.CANCELABLE:
        cancel_now(tx, intent, "void_invoice")
    invoicing.settle(tx, invoice, 0)
