"""Each fact about money as one balanced entry, by its domain's `postings.py`. Pure; what is not in a balance
transaction is not posted.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.balance import BalanceTransaction
from ledger.domains import DOMAINS
from ledger.entries import Entries, Posting
from ledger.message import Event, Recorded

_ENTRIES: Mapping[type[Event], Entries] = {
    event: domain.entries
    for domain in DOMAINS
    if domain.entries is not None
    for event in domain.entries.descriptions
}
"""By kind of fact. One that is not here moves no money."""


def postings(recorded: Recorded) -> tuple[Posting, ...]:
    """The entry of a fact: empty when it moves no money, else legs that add up to zero per currency."""
    event = recorded.event
    entries = _ENTRIES.get(type(event))
    return () if entries is None else entries.postings(event)


def balance_transaction(event: Event) -> BalanceTransaction | None:
    """The one that `event` posts: each of Stripe's is posted by exactly one event."""
    entries = _ENTRIES.get(type(event))
    return None if entries is None else entries.balance_transaction(event)


def source(event: Event) -> str:
    """The Stripe object behind an entry: its balance transaction, else what changed; empty for no entry."""
    entries = _ENTRIES.get(type(event))
    if entries is None:
        return ""
    entry = entries.balance_transaction(event)
    return entries.source(event) if entry is None else entry.balance_transaction_id


def description(event: Event) -> str:
    """What a reader of the journal sees beside an entry; empty for a fact without one."""
    entries = _ENTRIES.get(type(event))
    return "" if entries is None else entries.descriptions[type(event)]
