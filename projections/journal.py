"""The books: every entry with its postings, and the sum of every account."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.journal import description, postings, source
from ledger.message import Recorded
from projections.engine.buffers import Log, Sums, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class EntryRow(Row):
    position: int
    stream: str
    type: str
    effective_at: datetime
    recorded_at: datetime
    description: str
    source: str
    """Id of the Stripe object that it rests on, such as a balance transaction; empty when there is none."""


class PostingRow(Row):
    position: int
    leg: int
    account: str
    party: str
    """Whose sub-ledger: a user's or an instructor's id, or empty."""
    currency: str
    amount_minor: int
    """Debit above zero, credit below."""


class BalanceRow(Row):
    account: str
    party: str
    currency: str
    debit_minor: int
    credit_minor: int


ENTRIES = Table("entries", EntryRow, ("position",))
POSTINGS = Table("postings", PostingRow, ("position", "leg"))
BALANCES = Table("balances", BalanceRow, ("account", "party", "currency"))


class Unbalanced(Exception):
    """An entry whose debits are not its credits. It is not posted, and nothing after it."""


class Journal(Projection):
    NAME: ClassVar[str] = "journal"

    def __init__(self) -> None:
        self._entries = Log(ENTRIES)
        self._postings = Log(POSTINGS)
        self._balances = Sums(BALANCES)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._entries, self._postings, self._balances

    def project(self, recorded: Recorded) -> None:
        legs = postings(recorded)
        if not legs:
            return
        position, sums = recorded.position, dict[str, int]()
        for index, leg in enumerate(legs):
            amount, currency = leg.amount_minor, leg.currency
            sums[currency] = sums.get(currency, 0) + amount
            self._postings.add((position, index, leg.account, leg.party, currency, amount))
            balance = self._balances.of((leg.account, leg.party, currency))
            if amount > 0:
                balance[0] += amount
            else:
                balance[1] -= amount
        if any(sums.values()):
            raise Unbalanced(f"the entry's postings sum to {sums}, not to zero")
        self._entries.add(_entry(recorded))


def _entry(recorded: Recorded) -> tuple[object, ...]:
    event = recorded.event
    return (
        recorded.position,
        recorded.stream,
        event.TYPE,
        recorded.metadata.effective_at,
        recorded.recorded_at,
        description(event),
        source(event),
    )
