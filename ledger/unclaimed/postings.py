"""The entries of what nothing of ours has posted. Pure."""

from __future__ import annotations

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.chart import CHART, Account
from ledger.entries import Entries, Posting, legs, transfer
from ledger.message import Event
from ledger.unclaimed.events import (
    MovementClaimed,
    MovementExplained,
    MovementExplanationWithdrawn,
    MovementFound,
    MovementFundsAvailable,
)
from ledger.unclaimed.treatment import cash


def postings(event: Event) -> tuple[Posting, ...]:
    match event:
        case MovementFound(balance_transaction=entry):
            sums = (entry.amount_minor, entry.net_minor)
            where = cash(entry, event.balance_type)
            return legs(entry.currency, *_standing(where, account_of(event.against), *sums))
        case MovementFundsAvailable():
            return transfer(event.currency, event.net_minor, chart.STRIPE_AVAILABLE, chart.STRIPE_PENDING)
        case MovementExplained():
            return _explained(event, 1)
        case MovementExplanationWithdrawn():
            return _explained(event, -1)
        case MovementClaimed():
            where = CHART.get(event.cash, chart.STRIPE_AVAILABLE)
            stood = _standing(where, account_of(event.account), event.amount_minor, event.net_minor)
            return legs(event.currency, *((account, -amount) for account, amount in stood))
        case _:
            return ()


def account_of(number: str) -> Account:
    """One that is not in the chart any more leaves it unexplained."""
    return CHART.get(number, chart.UNEXPLAINED)


def _standing(
    where: Account, account: Account, amount_minor: int, net_minor: int
) -> tuple[tuple[Account, int], ...]:
    """How a movement stands in the books: what nobody knows is unexplained with its fee, which is one of
    whatever it turns out to be; the account of what is known has the gross.
    """
    against_minor = net_minor if account == chart.UNEXPLAINED else amount_minor
    return (
        (where, net_minor),
        (chart.PROCESSING_FEES, against_minor - net_minor),
        (account, -against_minor),
    )


def _explained(event: MovementExplained | MovementExplanationWithdrawn, sign: int) -> tuple[Posting, ...]:
    """Out of 1090, in place of cash; the other way round when `sign` is -1."""
    stands = _standing(chart.UNEXPLAINED, account_of(event.account), event.amount_minor, event.net_minor)
    return legs(event.currency, *((account, sign * amount) for account, amount in stands))


def balance_transaction(event: Event) -> BalanceTransaction | None:
    return event.balance_transaction if isinstance(event, MovementFound) else None


def source(event: Event) -> str:
    follow = MovementFundsAvailable | MovementExplained | MovementExplanationWithdrawn | MovementClaimed
    return event.balance_transaction_id if isinstance(event, follow) else ""


ENTRIES = Entries(
    descriptions={
        MovementFound: "Moved at Stripe by nothing of ours",
        MovementFundsAvailable: "Its hold is over",
        MovementExplained: "Explained by finance",
        MovementExplanationWithdrawn: "An explanation withdrawn",
        MovementClaimed: "It was ours: taken back here",
    },
    postings=postings,
    balance_transaction=balance_transaction,
    source=source,
)
