"""What refunds and credit notes have in common: an amount that is given back, or about to be."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Protocol


class GivingBack(Protocol):
    """A row whose status says how far it is."""

    DONE: ClassVar[str]
    UNDER_WAY: ClassVar[frozenset[str]]
    amount_minor: int

    @property
    def status(self) -> str: ...


class MoneyBack(NamedTuple):
    """What went back of one payment or invoice, in minor units."""

    given_minor: int
    under_way_minor: int

    def since(self, before: MoneyBack) -> MoneyBack:
        """By how much each changed since `before`."""
        return MoneyBack(self.given_minor - before.given_minor, self.under_way_minor - before.under_way_minor)


def money_back(row: GivingBack | None) -> MoneyBack:
    """None of either where there is no row yet."""
    if row is None:
        return MoneyBack(0, 0)
    return MoneyBack(
        given_minor=row.amount_minor if row.status == row.DONE else 0,
        under_way_minor=row.amount_minor if row.status in row.UNDER_WAY else 0,
    )
