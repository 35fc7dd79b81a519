"""What Stripe does with an account's balance by itself: its fees, what it corrects, what it holds in reserve.

None of it has an object of its own here, and no event tells of it: only balance transactions do.
https://docs.stripe.com/reports/balance-transaction-types
"""

from __future__ import annotations

from api.sandbox.errors import Object, StripeError
from api.sandbox.money import add_balance_transaction
from api.sandbox.transaction import Transaction

RESERVED = "risk_reserved"
_HELD = "balance_transaction.reserved"


def charge_fee(tx: Transaction, amount: int, currency: str, description: str) -> Object:
    """Billed apart from charges, such as for an account's cards or reports: out of what is available."""
    return add_balance_transaction(
        tx,
        kind="stripe_fee",
        category="fee",
        amount=-amount,
        currency=currency,
        source=None,
        description=description,
    )


def adjust(tx: Transaction, amount: int, currency: str) -> Object:
    """A correction, of either sign; it can take the balance below zero."""
    return add_balance_transaction(
        tx,
        kind="adjustment",
        category="other_adjustment",
        amount=amount,
        currency=currency,
        source=None,
    )


def reserve(tx: Transaction, amount: int, currency: str) -> Object:
    """Held when `amount` is above zero, else released. Each is two balance transactions, one of the payments
    balance and one of the reserved balance; the first is answered.
    """
    if amount < 0 and -amount > held(tx, currency):
        raise StripeError(f"Only {held(tx, currency)} of {currency} (minor units) are held in reserve.")
    kind = "reserve_hold" if amount > 0 else "reserve_release"
    moved = [
        add_balance_transaction(
            tx,
            kind=kind,
            category="risk_reserved_funds",
            amount=signed,
            currency=currency,
            source=None,
            balance_type=balance,
        )
        for signed, balance in ((-amount, "payments"), (amount, RESERVED))
    ]
    tx.link(_HELD, currency, moved[1]["id"])
    return moved[0]


def held(tx: Transaction, currency: str) -> int:
    """In minor units."""
    return sum(booked["net"] for booked in tx.all("balance_transaction", "reserved", currency))
