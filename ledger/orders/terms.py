"""What an order is made of. Facts keep all of it as it was decided with."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ledger.ids import derived_id
from ledger.split import Sale, SettledSplit

PREPAID = 0
"""Days until it is due, of an order whose courses are had once it is paid."""


NoTerms = Literal["", "no_licence", "in_grace", "overdue"]


class Terms(Struct, frozen=True, kw_only=True):
    """How late an organisation may pay."""

    most_days: int
    """After the invoice; 0 is first."""
    why_none: NoTerms = ""
    """Why that is 0."""


class OrderedItem(Struct, frozen=True, gc=False):
    """One course for one member."""

    item_id: str
    learner_id: str


class OrderedLine(Struct, frozen=True, kw_only=True):
    """One course, for so many members."""

    sale: Sale
    """Of one of them, with its tax on top."""
    items: tuple[OrderedItem, ...]


class LeftOut(Struct, frozen=True, gc=False):
    """Somebody who was named and for whom the course was not ordered."""

    course_id: str
    learner_id: str
    reason: str
    """The code of what would have refused a purchase of theirs."""


class ItemOf(Struct, frozen=True, gc=False):
    """What an effect needs of an item."""

    item_id: str
    course_id: str
    learner_id: str


class LineChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a fact adds to the sums of one line, by its course. All of them can be below zero."""

    course_id: str
    net_minor: int = 0
    """To what is sold, without tax."""
    tax_minor: int = 0
    """To its tax."""
    paid_minor: int = 0
    """To what is paid of both."""
    shared_minor: int = 0
    """To how much of what is paid is shared out between instructors and platform."""
    shared_total_minor: int = 0
    """All that is shared out of the line after it."""
    split: SettledSplit | None = None
    """Whose `shared_minor` is; None where nothing of it changes."""


def item_id_of(order_id: str, course_id: str, learner_id: str) -> str:
    return derived_id("oit", order_id, course_id, learner_id)
