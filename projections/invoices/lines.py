"""The lines of invoices, and how much of each is sold and earned: `evolve` of the invoice, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from ledger.invoices.events import InvoiceFinalized, LineAmount, LineCredit
from projections.engine.buffers import Rows
from projections.engine.tables import Row, Table


class InvoiceLineRow(Row):
    line_id: str
    stripe_invoice_id: str
    line_number: int
    """From 1, in the order of the invoice."""
    description: str
    amount_minor: int
    """Without tax, in `currency`, the invoice's; negative for time that was paid and is not used."""
    tax_minor: int
    currency: str
    period_start: datetime
    period_end: datetime
    proration: bool
    booked_minor: int
    """What the line sells, less what was credited of it, in the currency of settlement."""
    recognised_minor: int
    """How much of that is earned."""
    position: int

    @property
    def deferred_minor(self) -> int:
        return self.booked_minor - self.recognised_minor


INVOICE_LINES = Table("invoice_lines", InvoiceLineRow, ("line_id",))

Lines = Sequence[InvoiceLineRow]


def begin(event: InvoiceFinalized, position: int) -> list[InvoiceLineRow]:
    return [
        InvoiceLineRow(
            line_id=line.line_id,
            stripe_invoice_id=event.stripe_invoice_id,
            line_number=number,
            description=line.description,
            amount_minor=line.amount_minor,
            tax_minor=line.tax_minor,
            currency=event.currency,
            period_start=line.period_start,
            period_end=line.period_end,
            proration=line.proration,
            booked_minor=0,
            recognised_minor=0,
            position=position,
        )
        for number, line in enumerate(event.lines, start=1)
    ]


def book(rows: Rows[InvoiceLineRow], amounts: Iterable[LineAmount]) -> None:
    for one in amounts:
        rows.change(one.line_id).booked_minor = one.amount_minor


def recognise(rows: Rows[InvoiceLineRow], amounts: Iterable[LineAmount]) -> None:
    for one in amounts:
        rows.change(one.line_id).recognised_minor += one.amount_minor


def credit(rows: Rows[InvoiceLineRow], credits_: Iterable[LineCredit]) -> None:
    for one in credits_:
        line = rows.change(one.line_id)
        line.booked_minor -= one.deferred_minor + one.recognised_minor
        line.recognised_minor -= one.recognised_minor


def sell_more(rows: Rows[InvoiceLineRow], amounts: Iterable[LineAmount]) -> None:
    for one in amounts:
        rows.change(one.line_id).booked_minor += one.amount_minor


def sell_again(rows: Rows[InvoiceLineRow], credits_: Iterable[LineCredit]) -> None:
    for one in credits_:
        line = rows.change(one.line_id)
        line.booked_minor += one.deferred_minor + one.recognised_minor
        line.recognised_minor += one.recognised_minor


def first_open_day(lines: Lines, *not_before: date | None) -> date | None:
    """The first day (UTC) on which something deferred is earned; None when nothing is deferred.

    Lines are looked at one by one: one that sells and one that gives back may cancel each other out today.
    """
    starts = [line.period_start.astimezone(UTC).date() for line in lines if line.deferred_minor]
    if not starts:
        return None
    return max([min(starts), *(day for day in not_before if day is not None)])
