"""The other side of transfers: a payment in the connected account, and its refund when one is reversed.

https://docs.stripe.com/connect/separate-charges-and-transfers
"""

from __future__ import annotations

from api.sandbox.clock import DAY_S
from api.sandbox.errors import Object
from api.sandbox.money import add_balance_transaction
from api.sandbox.resources.common import address
from api.sandbox.resources.connect import countries, paying_out
from api.sandbox.resources.refunds import note_on_charge
from api.sandbox.transaction import Transaction

_NOBODY: Object = {"address": address({}), "email": None, "name": None, "phone": None, "tax_id": None}


def receive(tx: Transaction, account: Object, transfer: Object, available_on: int) -> Object:
    """The payment that a transfer arrives as, available then or, for a recipient, a day later."""
    if countries.is_recipient(account):
        available_on += DAY_S
    with tx.acting_for(account["id"]):
        payment_id = tx.new_id("py_")
        booked = add_balance_transaction(
            tx,
            kind="payment",
            category="charge",
            amount=transfer["amount"],
            currency=transfer["currency"],
            source=payment_id,
            available_on=available_on,
        )
        payment = tx.add(_shape(tx, payment_id, transfer, booked["id"]))
    paying_out.plan(tx, account, available_on)
    return payment


def _shape(tx: Transaction, payment_id: str, transfer: Object, booked: str) -> Object:
    nothing = dict.fromkeys(
        (
            *("application", "application_fee", "application_fee_amount", "calculated_statement_descriptor"),
            *("customer", "description", "failure_balance_transaction", "failure_code", "failure_message"),
            *("on_behalf_of", "outcome", "payment_intent", "payment_method", "receipt_email"),
            *("receipt_number", "receipt_url", "review", "shipping", "statement_descriptor"),
            *("statement_descriptor_suffix", "transfer_data", "transfer_group"),
        )
    )
    return nothing | {
        "id": payment_id,
        "object": "charge",
        "amount": transfer["amount"],
        "amount_captured": transfer["amount"],
        "amount_refunded": 0,
        "balance_transaction": booked,
        "billing_details": _NOBODY,
        "captured": True,
        "created": tx.now,
        "currency": transfer["currency"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_method_details": {"type": "stripe_account", "stripe_account": {}},
        "radar_options": {},
        "refunded": False,
        "source_transfer": transfer["id"],
        "status": "succeeded",
    }


def give_back(tx: Transaction, transfer: Object, reversal_id: str, amount: int) -> Object:
    """The refund of the payment, which takes a reversal's `amount` from what is available at once."""
    with tx.acting_for(transfer["destination"]):
        payment = tx.get("charge", transfer["destination_payment"])
        refund_id = tx.new_id("pyr_")
        booked = add_balance_transaction(
            tx,
            kind="payment_refund",
            category="refund",
            amount=-amount,
            currency=transfer["currency"],
            source=refund_id,
            description="REFUND FOR PAYMENT",
        )
        note_on_charge(tx, payment, amount)
        return tx.add(
            {
                "id": refund_id,
                "object": "refund",
                "amount": amount,
                "balance_transaction": booked["id"],
                "charge": payment["id"],
                "created": tx.now,
                "currency": transfer["currency"],
                "metadata": {},
                "payment_intent": None,
                "payment_method": None,
                "reason": None,
                "receipt_number": None,
                "source_transfer_reversal": reversal_id,
                "status": "succeeded",
                "transfer_reversal": None,
            }
        )
