"""The entries of a payout to the bank. Pure."""

from __future__ import annotations

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.entries import Entries, Posting, moved, transfer
from ledger.message import Event
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid


def postings(event: Event) -> tuple[Posting, ...]:
    match event:
        case PayoutInitiated(balance_transaction=entry):
            return moved(entry, chart.STRIPE_AVAILABLE, chart.PAYOUTS_IN_TRANSIT, chart.PROCESSING_FEES)
        case PayoutPaid():
            return transfer(event.currency, event.amount_minor, chart.BANK, chart.PAYOUTS_IN_TRANSIT)
        case PayoutFailed(balance_transaction=entry):
            came_from = chart.BANK if event.was_paid else chart.PAYOUTS_IN_TRANSIT
            return moved(entry, chart.STRIPE_AVAILABLE, came_from, chart.PROCESSING_FEES)
        case _:
            return ()


def balance_transaction(event: Event) -> BalanceTransaction | None:
    match event:
        case PayoutInitiated() | PayoutFailed():
            return event.balance_transaction
        case _:
            return None


def source(event: Event) -> str:
    return event.payout_id if isinstance(event, PayoutPaid) else ""


ENTRIES = Entries(
    descriptions={
        PayoutInitiated: "Payout to the bank",
        PayoutPaid: "Payout arrived at the bank",
        PayoutFailed: "Payout that failed, returned to Stripe",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
