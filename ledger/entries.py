"""The words of the books: postings, and the few shapes that an entry has. Each domain says in its
`postings.py` which of its facts have one; `journal.py` asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ledger.balance import BalanceTransaction
from ledger.chart import Account
from ledger.message import Event


class Posting(Struct, frozen=True, gc=False):
    """One leg of an entry: `amount_minor` is positive for a debit, negative for a credit, never zero."""

    account: str
    """Its number in the chart."""
    currency: str
    amount_minor: int
    party: str = ""
    """Whose sub-ledger it is in: a user's id, or nobody's."""


class Entries(Struct, frozen=True, kw_only=True):
    """How the facts of one domain stand in the books. The functions are pure, and asked only for facts that
    have a description.
    """

    descriptions: Mapping[type[Event], str]
    """What a reader of the journal sees beside the entry of each kind of fact that moves money."""
    postings: Callable[[Event], tuple[Posting, ...]]
    """Empty when this fact moves no money after all, else legs that add up to zero per currency."""
    balance_transaction: Callable[[Event], BalanceTransaction | None]
    """The one that a fact posts: each of Stripe's is posted by exactly one fact."""
    source: Callable[[Event], str]
    """The Stripe object behind the entry of a fact without a balance transaction; empty for none."""


def moved(
    entry: BalanceTransaction, cash: Account, counterpart: Account, fees: Account
) -> tuple[Posting, ...]:
    """Stripe's balance moves by the net, the counterpart by the gross, and the fee is what is between.

    The fee is derived, so that the entry balances even if Stripe's three figures ever did not.
    """
    return legs(
        entry.currency,
        (cash, entry.net_minor),
        (fees, entry.amount_minor - entry.net_minor),
        (counterpart, -entry.amount_minor),
    )


def transfer(currency: str, amount_minor: int, to: Account, out_of: Account) -> tuple[Posting, ...]:
    return legs(currency, (to, amount_minor), (out_of, -amount_minor))


def legs(currency: str, *amounts: tuple[Account, int]) -> tuple[Posting, ...]:
    """Of nobody's sub-ledger; without those that are zero."""
    return tuple(Posting(account.number, currency, amount) for account, amount in amounts if amount)


def party_legs(currency: str, *amounts: tuple[Account, int, str]) -> tuple[Posting, ...]:
    """Each with its party, or with an empty one; without those that are zero."""
    return tuple(
        Posting(account.number, currency, amount, party) for account, amount, party in amounts if amount
    )
