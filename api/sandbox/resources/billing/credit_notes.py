"""Credit notes: what of a finalized invoice is taken back. https://docs.stripe.com/api/credit_notes"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, ListParams, first_link, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.billing import crediting, customer_balance, payments, test_clocks
from api.sandbox.resources.billing.invoices import slice_of
from api.sandbox.resources.common import Hash, Text, amend, given, merge_metadata, retrieve, sent_texts
from api.sandbox.resources.refunds import refund_charge
from api.sandbox.transaction import Transaction

Amount = Annotated[int, msgspec.Meta(ge=0)]
AS_REFUND_REASON = frozenset({"duplicate", "fraudulent"})


class RefundParams(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    refund: str
    amount_refunded: Amount | None = None


class Create(Params, frozen=True, kw_only=True):
    """`out_of_band_amount` was given back outside of Stripe; `refunds` are there already."""

    invoice: str
    amount: Amount | None = None
    lines: tuple[crediting.LineParams, ...] = ()
    refund_amount: Amount = 0
    credit_amount: Amount = 0
    out_of_band_amount: Amount = 0
    refunds: tuple[RefundParams, ...] = ()
    reason: Literal["duplicate", "fraudulent", "order_change", "product_unsatisfactory"] | None = None
    memo: Text = UNSET
    metadata: Hash = UNSET
    email_type: Literal["credit_note", "none"] = "credit_note"


class Update(Params, frozen=True, kw_only=True):
    memo: Text = UNSET
    metadata: Hash = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    invoice: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    """First less is due, then what was paid is given back: by a refund, as credit or outside of Stripe."""
    invoice = tx.get("invoice", params.invoice, param="invoice", status=400)
    test_clocks.enter(tx, invoice)
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise StripeError(
            f"You can only create credit notes for open or paid invoices; this one is {invoice['status']}."
        )
    drawn = crediting.lines(tx, invoice, params.lines, params.amount)
    total = sum(line["amount"] for line in drawn)
    if params.amount is not None and params.lines and params.amount != total:
        raise invalid(f"amount ({params.amount}) must equal the sum of the lines ({total}).", param="amount")
    linked = [_linked(tx, asked) for asked in params.refunds]
    of_refunds = sum(link["amount_refunded"] for link in linked)
    crediting.check_left(tx, invoice, total, of_refunds)
    before_payment = min(total, invoice["amount_remaining"])
    after_payment = total - before_payment
    given = params.refund_amount + params.credit_amount + params.out_of_band_amount + of_refunds
    if given != after_payment:
        raise invalid(
            f"The sum of credit amount, refund amount and out of band amount ({given}) must equal the post "
            f"payment amount of the credit note ({after_payment}).",
            param="refund_amount",
        )
    note_id = tx.new_id("cn_")
    if params.refund_amount:
        linked.append(_refund(tx, invoice, params))
    booked = None
    if params.credit_amount:
        booked = customer_balance.move(
            tx,
            invoice["customer"],
            -params.credit_amount,
            invoice["currency"],
            kind="credit_note",
            credit_note=note_id,
        )
    note = _add(tx, note_id, invoice, params, drawn, (before_payment, after_payment), linked, booked)
    crediting.reduce(tx, invoice, before_payment, after_payment)
    tx.emit("credit_note.created", note)
    return note


def _refund(tx: Transaction, invoice: Object, params: Create) -> Object:
    intent = payments.intent_of(tx, invoice)
    if intent is None or intent["status"] != "succeeded":
        raise invalid("The invoice has no payment that could be refunded.", param="refund_amount")
    charge = tx.get("charge", intent["latest_charge"])
    reason = params.reason if params.reason in AS_REFUND_REASON else None
    refund = refund_charge(tx, charge, params.refund_amount, reason=reason, metadata={})
    return _link_of(refund, params.refund_amount)


def _linked(tx: Transaction, asked: RefundParams) -> Object:
    refund = tx.get("refund", asked.refund, param="refunds[0][refund]", status=400)
    return _link_of(refund, refund["amount"] if asked.amount_refunded is None else asked.amount_refunded)


def _link_of(refund: Object, amount: int) -> Object:
    return {
        "amount_refunded": amount,
        "payment_record_refund": None,
        "refund": refund["id"],
        "type": "refund",
    }


def _add(
    tx: Transaction,
    note_id: str,
    invoice: Object,
    params: Create,
    drawn: list[Object],
    split: tuple[int, int],
    linked: list[Object],
    booked: Object | None,
) -> Object:
    before_payment, after_payment = split
    total = before_payment + after_payment
    sequence = len(tx.all("credit_note", "invoice", invoice["id"])) + 1
    kind = "pre_payment" if before_payment else "post_payment"
    return tx.add(
        {
            "id": note_id,
            "object": "credit_note",
            "amount": total,
            "amount_shipping": 0,
            "created": tx.now,
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "customer_balance_transaction": booked["id"] if booked else None,
            "discount_amount": 0,
            "discount_amounts": [],
            "effective_at": tx.now,
            "invoice": invoice["id"],
            "lines": {
                "object": "list",
                "data": drawn,
                "has_more": False,
                "total_count": len(drawn),
                "url": f"/v1/credit_notes/{note_id}/lines",
            },
            "livemode": False,
            "memo": given(params.memo),
            "metadata": merge_metadata({}, params.metadata),
            "number": f"{invoice['number']}-CN-{sequence:02}",
            "out_of_band_amount": params.out_of_band_amount or None,
            "pdf": f"{tx.world.base_url}/no-pdf/{note_id}",  # the sandbox draws none
            "post_payment_amount": after_payment,
            "pre_payment_amount": before_payment,
            "pretax_credit_amounts": [],
            "reason": params.reason,
            "refunds": linked,
            "shipping_cost": None,
            "status": "issued",
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "total": total,
            "total_excluding_tax": total,
            "total_taxes": [],
            "type": "mixed" if before_payment and after_payment else kind,
            "voided_at": None,
        }
    )


def preview(tx: Transaction, params: Create) -> Object:
    """Made in a transaction that is thrown away."""
    return create(tx.world.begin(), params)


def update(tx: Transaction, note_id: str, params: Update) -> Object:
    note = tx.get("credit_note", note_id)
    changes: Object = dict(sent_texts(params, "memo"))
    changes["metadata"] = merge_metadata(note["metadata"], params.metadata)
    return amend(tx, note, changes, "credit_note.updated")


def void(tx: Transaction, note_id: str, _: NoParams) -> Object:
    """More is due again. What gave money back stays, as at Stripe."""
    note = tx.get("credit_note", note_id)
    invoice = tx.get("invoice", note["invoice"])
    test_clocks.enter(tx, invoice)
    if note["status"] == "void" or note["type"] != "pre_payment" or invoice["status"] != "open":
        raise StripeError("You can only void issued credit notes of open invoices that gave nothing back.")
    voided = tx.update(note, status="void", voided_at=tx.now)
    crediting.reduce(tx, invoice, -note["pre_payment_amount"], 0)
    tx.emit("credit_note.voided", voided)
    return voided


def listing(tx: Transaction, params: Listing) -> Object:
    customer, invoice = given(params.customer), given(params.invoice)
    link = first_link("credit_note", invoice=invoice, customer=customer)
    return page(
        tx,
        "credit_note",
        "/v1/credit_notes",
        params,
        link=link,
        matches=lambda note: customer is None or note["customer"] == customer,
    )


def list_lines(tx: Transaction, note_id: str, params: ListParams) -> Object:
    return slice_of(tx.get("credit_note", note_id)["lines"], params, "credit_note_line_item")


RESOURCE = Resource(
    kind="credit_note",
    routes=(
        Route("POST", "/v1/credit_notes", create, Create),
        Route("GET", "/v1/credit_notes", listing, Listing),
        Route("GET", "/v1/credit_notes/preview", preview, Create),
        retrieve("credit_note", "/v1/credit_notes/{id}", "id"),
        Route("POST", "/v1/credit_notes/{id}", update, Update),
        Route("POST", "/v1/credit_notes/{id}/void", void),
        Route("GET", "/v1/credit_notes/{id}/lines", list_lines, ListParams),
    ),
    expandable=frozenset({"customer", "customer_balance_transaction", "invoice"}),
    linked=("invoice", "customer"),
)
