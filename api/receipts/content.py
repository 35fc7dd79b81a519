"""What stands on a receipt, ready to be set: every number of it as text, and nothing that must be decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from api.organisations.branding import Brand
from ledger.money import format_minor


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    description: str
    period_start: datetime | None = None
    period_end: datetime | None = None
    """Of service; None for what is had at once."""
    amount_minor: int
    """Without tax; below zero for a discount, or for time that was paid and is not used."""


class ReceiptCredit(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt stays as it was, and this says what was given back since: by a credit note, by a refund, or
    by the cardholder's bank.
    """

    kind: Literal["credit_note", "refund", "dispute"] = "credit_note"
    number: str = ""
    """Of a credit note."""
    credited_at: datetime
    amount_minor: int
    """With tax."""
    on_its_way: bool = False

    @property
    def label(self) -> str:
        match self.kind:
            case "credit_note":
                return f"Credit note {self.number} of {day(self.credited_at)}"
            case "refund" if self.on_its_way:
                return f"Refund asked for on {day(self.credited_at)}, on its way"
            case "refund":
                return f"Refund of {day(self.credited_at)}"
            case "dispute":
                return f"Taken back by the cardholder's bank, disputed on {day(self.credited_at)}"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """`number` has no gap: it is the rank among all invoices that were paid, or all payments."""

    number: int
    about: Literal["Invoice", "Payment"] = "Invoice"
    reference: str
    """The invoice's number, or the payment's id."""
    seller: tuple[str, ...]
    customer: tuple[str, ...]
    paid_at: datetime
    currency: str
    lines: tuple[ReceiptLine, ...]
    tax_minor: int | None
    """None where it says nothing of tax."""
    total_minor: int
    charged_minor: int
    """By card; the rest of the total came out of the customer's credit, but for the next."""
    off_stripe_minor: int = 0
    """Said to be paid elsewhere."""
    credits: tuple[ReceiptCredit, ...] = ()
    brand: Brand | None = None
    """Of the customer's organisation. It stands above, and who sold it is the seller all the same."""

    @property
    def name(self) -> str:
        """Such as R-000042; P-000042 for a payment, whose numbers are a series of their own."""
        return f"{'R' if self.about == 'Invoice' else 'P'}-{self.number:06d}"

    @property
    def left_minor(self) -> int:
        """What of the total was not given back."""
        return self.total_minor - sum(credit.amount_minor for credit in self.credits)

    @property
    def has_periods(self) -> bool:
        return any(line.period_start is not None for line in self.lines)

    @property
    def file_name(self) -> str:
        """Without its ending."""
        return f"receipt-{self.name}"


class Sum(msgspec.Struct, frozen=True):
    label: str
    amount: str
    strong: bool = False


def amount(amount_minor: int, receipt: Receipt) -> str:
    return format_minor(amount_minor, receipt.currency)


def day(at: datetime) -> str:
    """In UTC, as the books have it."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def period(line: ReceiptLine) -> str:
    if line.period_start is None or line.period_end is None:
        return ""
    if line.period_start >= line.period_end:
        return day(line.period_start)
    return f"{day(line.period_start)} \N{EN DASH} {day(line.period_end)}"


def sums(receipt: Receipt) -> Sequence[Sum]:
    """Below the lines, in their order."""
    return tuple(_sums(receipt))


def _paid(receipt: Receipt) -> Iterator[Sum]:
    """By card only what a card was charged."""
    on, charged, elsewhere = day(receipt.paid_at), receipt.charged_minor, receipt.off_stripe_minor
    credit = receipt.total_minor - charged - elsewhere
    if credit:
        yield Sum(
            "From credit" if charged or elsewhere else f"Paid out of credit on {on}", amount(credit, receipt)
        )
    if elsewhere:
        yield Sum(f"Paid otherwise, as told on {on}", amount(elsewhere, receipt))
    if charged:
        how = "Paid by card" if receipt.about == "Invoice" else "Paid"
        yield Sum(f"{how} on {on}", amount(charged, receipt))


def _sums(receipt: Receipt) -> Iterator[Sum]:
    if receipt.tax_minor:
        yield Sum("Subtotal", amount(receipt.total_minor - receipt.tax_minor, receipt))
        yield Sum("Tax", amount(receipt.tax_minor, receipt))
    yield Sum("Total", amount(receipt.total_minor, receipt), strong=True)
    yield from _paid(receipt)
    for credit in receipt.credits:
        yield Sum(credit.label, amount(-credit.amount_minor, receipt))
    if receipt.credits:
        what = "credit notes" if receipt.about == "Invoice" else "what was given back"
        yield Sum(f"Total less {what}", amount(receipt.left_minor, receipt), strong=True)
