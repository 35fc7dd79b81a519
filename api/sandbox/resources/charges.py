"""Charges: made by PaymentIntents, and settled to the balance. https://docs.stripe.com/api/charges"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET

from api.sandbox.clock import midnight_after
from api.sandbox.errors import Object
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, first_link, page
from api.sandbox.money import add_balance_transaction, processing_fee
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Hash, Text, amend, given, merge_metadata, retrieve, sent_texts
from api.sandbox.resources.payment_methods import behaviour_of
from api.sandbox.testing_methods import Decline
from api.sandbox.transaction import Transaction

AUTHORIZED_FOR_S = 7 * 86_400


class Update(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"description": 40_000}

    description: Text = UNSET
    receipt_email: Text = UNSET
    metadata: Hash = UNSET


class Listing(CreatedListParams, frozen=True, kw_only=True):
    customer: Text = UNSET
    payment_intent: Text = UNSET


def new(tx: Transaction, intent: Object, method: Object, *, status: str, captured: bool) -> Object:
    """A charge of the whole intent; `status` as Stripe's: succeeded, pending or failed."""
    bank = method["type"] == "us_bank_account"
    paid = status == "succeeded"
    charge_id = tx.new_id("py_" if bank else "ch_")
    return tx.add(
        {
            "id": charge_id,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if paid and captured else 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": None
            if bank
            else (intent["statement_descriptor"] or "SANDBOX"),
            "captured": captured,
            "created": tx.now,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": False,
            "metadata": intent["metadata"],
            "on_behalf_of": None,
            "outcome": _outcome() if status != "failed" else None,
            "paid": paid,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": _details(tx, intent, method, captured=captured),
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None,
            "refunded": False,
            "review": None,
            "shipping": intent["shipping"],
            "source_transfer": None,
            "statement_descriptor": intent["statement_descriptor"],
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": status,
            "transfer_data": None,
            "transfer_group": intent["transfer_group"],
        }
    )


def _outcome() -> Object:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def declined_outcome(decline: Decline) -> Object:
    return _outcome() | {
        "advice_code": "do_not_try_again"
        if decline.decline_code in ("lost_card", "stolen_card")
        else "try_again_later",
        "network_advice_code": None,
        "network_decline_code": "01",
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _details(tx: Transaction, intent: Object, method: Object, *, captured: bool) -> Object:
    kind = method["type"]
    of_method = method[kind]
    if kind == "us_bank_account":
        names = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
        details: Object = {name: of_method[name] for name in names} | {"payment_reference": None}
        return {"type": kind, kind: details}
    shown = (
        "brand",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "regulated_status",
    )
    details = {name: of_method[name] for name in shown} | {
        "amount_authorized": intent["amount"],
        "authorization_code": "123456",
        "checks": of_method["checks"],
        "installments": None,
        "mandate": None,
        "network": of_method["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "three_d_secure": None,
        "wallet": None,
    }
    if not captured:
        details["capture_before"] = tx.now + AUTHORIZED_FOR_S
    return {"type": kind, kind: details}


def settle(tx: Transaction, charge: Object) -> Object:
    """Book a captured charge: its fee, and the net that is pending until the funds are available."""
    method = tx.find(charge["payment_method"])
    bypasses = method is not None and behaviour_of(method).bypasses_pending
    amount, currency = charge["amount_captured"], charge["currency"]
    booked = add_balance_transaction(
        tx,
        kind="payment" if charge["id"].startswith("py_") else "charge",
        category="charge",
        amount=amount,
        currency=currency,
        source=charge["id"],
        fee=processing_fee(amount, currency),
        available_on=tx.now if bypasses else midnight_after(tx.now, tx.world.settings.funds_days + 1),
        description=charge["description"],
    )
    return tx.update(charge, balance_transaction=booked["id"])


def settle_later(tx: Transaction, charge_id: str) -> None:
    """The booking of an `automatic_async` capture, told by charge.updated.
    https://docs.stripe.com/payments/payment-intents/asynchronous-capture
    """
    charge = tx.get("charge", charge_id)
    if charge["balance_transaction"] is None:
        tx.emit("charge.updated", settle(tx, charge), {"balance_transaction": None})


def settled(tx: Transaction, charge: Object) -> Object:
    """The charge with its booking, made now if it was still to come."""
    return charge if charge["balance_transaction"] else settle(tx, charge)


def update(tx: Transaction, charge_id: str, params: Update) -> Object:
    charge = tx.get("charge", charge_id, param="charge")
    changes: Object = dict(sent_texts(params, "description", "receipt_email"))
    changes["metadata"] = merge_metadata(charge["metadata"], params.metadata)
    return amend(tx, charge, changes, "charge.updated")


def listing(tx: Transaction, params: Listing) -> Object:
    intent, customer = given(params.payment_intent), given(params.customer)
    link = first_link("charge", payment_intent=intent, customer=customer)
    return page(
        tx,
        "charge",
        "/v1/charges",
        params,
        link=link,
        matches=lambda charge: customer is None or charge["customer"] == customer,
    )


def refunds_of(tx: Transaction, charge: Object) -> Object:
    """The newest ten refunds, as the included list shows them."""
    refunds = tx.all("refund", "charge", charge["id"])[::-1]
    return {
        "object": "list",
        "url": f"/v1/charges/{charge['id']}/refunds",
        "has_more": len(refunds) > 10,  # noqa: PLR2004  Stripe's page size
        "data": refunds[:10],
    }


RESOURCE = Resource(
    kind="charge",
    routes=(
        Route("GET", "/v1/charges", listing, Listing, connected=True),
        retrieve("charge", "/v1/charges/{id}", "charge", connected=True),
        Route("POST", "/v1/charges/{id}", update, Update),
    ),
    expandable=frozenset(
        {
            "balance_transaction",
            "customer",
            "failure_balance_transaction",
            "payment_intent",
            "payment_method",
            "transfer",
            "review",
            "application_fee",
        }
    ),
    included={"refunds": refunds_of},
    linked=("payment_intent", "customer", "payment_method"),
    jobs={"settle_charge": settle_later},
)
