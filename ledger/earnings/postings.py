"""The entries of payouts, of what comes back of them, and of what instructors owe the platform. Pure.

What they earn is posted by the facts of payments, which know of all whose the money is.
"""

from __future__ import annotations

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.earnings.events import EarningsAccrued, PayoutTransferred, TransferReversed
from ledger.entries import Entries, Posting, legs, party_legs
from ledger.message import Event


def postings(event: Event) -> tuple[Posting, ...]:
    match event:
        case EarningsAccrued():
            return _owed(event.user_id, event.currency, 0, event.receivable_change_minor)
        case PayoutTransferred() | TransferReversed():
            entry = event.balance_transaction
            fee = entry.amount_minor - entry.net_minor
            return (
                *legs(
                    entry.currency,
                    (chart.STRIPE_AVAILABLE, entry.net_minor),
                    (chart.PROCESSING_FEES, fee),
                ),
                *_owed(event.user_id, entry.currency, entry.amount_minor, event.receivable_change_minor),
            )
        case _:
            return ()


def _owed(user_id: str, currency: str, came_minor: int, receivable_minor: int) -> tuple[Posting, ...]:
    """`came_minor` is what came to the platform, below zero for what left. What is owed changes by it, in
    1210 first.
    """
    return party_legs(
        currency,
        (chart.INSTRUCTOR_RECEIVABLE, receivable_minor, user_id),
        (chart.INSTRUCTOR_PAYABLE, -came_minor - receivable_minor, user_id),
    )


def balance_transaction(event: Event) -> BalanceTransaction | None:
    match event:
        case PayoutTransferred() | TransferReversed():
            return event.balance_transaction
        case _:
            return None


def source(event: Event) -> str:
    return event.payment_id if isinstance(event, EarningsAccrued) else ""


ENTRIES = Entries(
    descriptions={
        EarningsAccrued: "What an instructor owes back",
        PayoutTransferred: "Payout to an instructor",
        TransferReversed: "Payout to an instructor, taken back",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
