"""What is remembered of one invoice of a licence, and how its money moves."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ledger.licences.events import (
    LicenceCredited,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceInvoiceReopened,
    LicenceWrittenOff,
)
from ledger.licences.recognition import Deferral
from ledger.message import Instant


class Invoice(Struct, frozen=True):
    number: str
    kind: str
    term: int
    net_minor: int
    tax_minor: int
    """Both as they were written."""
    issued_at: Instant
    due_at: Instant
    deferral: Deferral
    open_net_minor: int
    open_tax_minor: int
    sold_minor: int
    """Of the net what is neither credited nor written off."""
    owed_tax_minor: int
    """The same of the tax."""
    paid_minor: int = 0
    credits: int = 0
    lost_minor: int = 0
    """Written off of what was earned, and not come back; then of what was not, and of the tax."""
    lost_deferred_minor: int = 0
    lost_tax_minor: int = 0
    paying: str = ""
    """The payment by card that is under way for it; empty for none."""
    reopened_at: Instant | None = None
    """The last time; and when it was last written off."""
    written_off_at: Instant | None = None

    @property
    def open_minor(self) -> int:
        """Its part of account 1100."""
        return self.open_net_minor + self.open_tax_minor

    @property
    def written_off_minor(self) -> int:
        return self.lost_minor + self.lost_deferred_minor + self.lost_tax_minor

    @property
    def settled_minor(self) -> int:
        """Paid of what stands of it."""
        return self.sold_minor + self.owed_tax_minor - self.open_minor

    @property
    def unpaid_minor(self) -> int:
        """What money can still come for: what was written off, too."""
        return self.open_minor + self.written_off_minor

    def unpaid_since(self, amount_minor: int) -> Instant:
        """From when on so much of it can have been paid, so that at no date more is paid than was open."""
        moments = [self.issued_at, self.reopened_at]
        if self.written_off_minor and amount_minor > self.open_minor:
            moments.append(self.written_off_at)
        return max(one for one in moments if one is not None)

    @property
    def earned_minor(self) -> int:
        """What stands of the net and is recognised."""
        return self.sold_minor - self.deferral.left_minor


def written(event: LicenceInvoiced) -> Invoice:
    return Invoice(
        number=event.number,
        kind=event.kind,
        term=event.term,
        net_minor=event.net_minor,
        tax_minor=event.tax_minor,
        issued_at=event.issued_at,
        due_at=event.due_at,
        deferral=Deferral(event.period_start, event.period_end, event.net_minor),
        open_net_minor=event.net_minor,
        open_tax_minor=event.tax_minor,
        sold_minor=event.net_minor,
        owed_tax_minor=event.tax_minor,
    )


def paid(invoice: Invoice, event: LicenceInvoicePaid) -> Invoice:
    back = event.loss_minor + event.tax_minor + event.deferred_minor
    settled = event.amount_minor - back
    return replace(
        invoice,
        paid_minor=invoice.paid_minor + event.amount_minor,
        open_net_minor=invoice.open_net_minor - settled + event.open_tax_minor,
        open_tax_minor=invoice.open_tax_minor - event.open_tax_minor,
        sold_minor=invoice.sold_minor + event.loss_minor + event.deferred_minor,
        owed_tax_minor=invoice.owed_tax_minor + event.tax_minor,
        lost_minor=invoice.lost_minor - event.loss_minor,
        lost_deferred_minor=invoice.lost_deferred_minor - event.deferred_minor,
        lost_tax_minor=invoice.lost_tax_minor - event.tax_minor,
        deferral=_moved(invoice, event.deferred_minor, event.at),
    )


def reopened(invoice: Invoice, event: LicenceInvoiceReopened) -> Invoice:
    return replace(
        invoice,
        paid_minor=invoice.paid_minor - event.amount_minor,
        open_net_minor=invoice.open_net_minor + event.amount_minor - event.tax_minor,
        open_tax_minor=invoice.open_tax_minor + event.tax_minor,
        reopened_at=event.at or invoice.reopened_at,
    )


def credited(invoice: Invoice, event: LicenceCredited) -> Invoice:
    return replace(
        invoice,
        credits=invoice.credits + 1,
        open_net_minor=invoice.open_net_minor - event.receivable_minor + event.open_tax_minor,
        open_tax_minor=invoice.open_tax_minor - event.open_tax_minor,
        sold_minor=invoice.sold_minor - event.deferred_minor - event.recognised_minor,
        owed_tax_minor=invoice.owed_tax_minor - event.tax_minor,
        deferral=_moved(invoice, -event.deferred_minor, event.at),
    )


def written_off(invoice: Invoice, event: LicenceWrittenOff) -> Invoice:
    return replace(
        invoice,
        open_net_minor=0,
        open_tax_minor=0,
        sold_minor=invoice.sold_minor - event.deferred_minor - event.loss_minor,
        owed_tax_minor=invoice.owed_tax_minor - event.tax_minor,
        lost_minor=invoice.lost_minor + event.loss_minor,
        lost_deferred_minor=invoice.lost_deferred_minor + event.deferred_minor,
        lost_tax_minor=invoice.lost_tax_minor + event.tax_minor,
        written_off_at=event.at,
        deferral=_moved(invoice, -event.deferred_minor, event.at),
    )


def _moved(invoice: Invoice, by_minor: int, at: datetime) -> Deferral:
    return invoice.deferral.changed(by_minor, at) if by_minor else invoice.deferral
