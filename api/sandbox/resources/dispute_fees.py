"""What Stripe takes for a dispute beside the disputed amount, and gives back of it when that is won.

The fee for one that is received is part of the withdrawal, and where it is given back, of the reversal. The
fee for countering it is a balance transaction of its own that names the dispute, and so is its return (the
sandbox's choice: `balance_transactions` of a dispute are documented as two at most, one for each way).
https://support.stripe.com/questions/dispute-fees-faq
"""

from __future__ import annotations

from api.sandbox.errors import Object
from api.sandbox.money import add_balance_transaction
from api.sandbox.transaction import Transaction

RECEIVED = "Dispute fee"
COUNTERED = "Dispute countered fee"
_COUNTERED = "balance_transaction.countered"


def returned(tx: Transaction, dispute: Object) -> int:
    """How much of what was taken with the withdrawal comes back, in the currency of the charge."""
    fees = tx.world.dispute_fees
    taken = any(one["fee"] > 0 for one in dispute["balance_transactions"])
    return fees.received if taken and fees.returns_received else 0


def charge_countered(tx: Transaction, dispute: Object) -> list[Object]:
    """What was booked for it: nothing where no such fee is taken."""
    amount = tx.world.dispute_fees.countered
    return [_book(tx, dispute, -amount, dispute["balance_transactions"][0]["currency"])] if amount else []


def countered(tx: Transaction, dispute: Object) -> list[Object]:
    """What was booked before this transaction."""
    return tx.all("balance_transaction", "countered", dispute["id"])


def return_countered(tx: Transaction, dispute: Object, taken: list[Object]) -> None:
    """As much as was taken, whatever the fee is by now."""
    for booked in taken:
        _book(tx, dispute, -booked["amount"], booked["currency"])


def _book(tx: Transaction, dispute: Object, amount: int, currency: str) -> Object:
    booked = add_balance_transaction(
        tx,
        kind="stripe_fee",
        category="fee",
        amount=amount,
        currency=currency,
        source=dispute["id"],
        description=COUNTERED,
    )
    tx.link(_COUNTERED, dispute["id"], booked["id"])
    return booked
