"""What is invoiced for a licence, and the money that comes for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import reduce

from ledger import money
from ledger.ids import derived_id
from ledger.licences.checks import (
    check_amount,
    check_date,
    check_ids,
    check_reference,
    invoice_of,
    known,
    written,
)
from ledger.licences.commands import InvoiceOverage, RecordLicencePayment
from ledger.licences.events import (
    LicenceCardPaymentEnding,
    LicenceEvent,
    LicenceInvoiced,
    LicenceInvoicePaid,
    Overage,
)
from ledger.licences.overage import billed_by
from ledger.licences.recognising import instant, recognised
from ledger.licences.refusals import (
    AmountExceedsOpen,
    InvalidLicence,
    LicenceInvoiceNotOpen,
    OverageInvoiced,
)
from ledger.licences.state import Licence, evolve, granted_at, month_of
from ledger.licences.terms import INVOICE, NET_DAYS, Billing
from ledger.money import round_half_up
from ledger.subscriptions.proration import boundary

_Events = tuple[LicenceEvent, ...]
_NUMBERED_BY = 8
"""Digits of the licence's id that its invoices' numbers begin with."""


def invoiced(  # noqa: PLR0913 - what an invoice says
    licence: Licence,
    *,
    kind: str,
    term: int,
    net_minor: int,
    currency: str,
    billing: Billing,
    period: tuple[datetime, datetime],
    at: datetime,
    before: int = 0,
    overage: tuple[Overage, ...] = (),
) -> _Events:
    """One invoice, after `before` others of the same decision; none where nothing is owed. Never below zero:
    raises `InvalidLicence`.
    """
    if net_minor < 0:
        raise InvalidLicence(
            f"An invoice never gives back; it would be of {money.format_minor(net_minor, currency)}: "
            "write a credit note of the invoice that was too much."
        )
    if billing.kind != INVOICE or not net_minor:
        return ()
    count = len(licence.invoices) + before + 1
    invoice = LicenceInvoiced(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        invoice_id=derived_id("linv", licence.licence_id, str(count)),
        number=f"{licence.licence_id[-_NUMBERED_BY:].upper()}-{count:04}",
        kind=kind,
        term=term,
        net_minor=net_minor,
        tax_minor=billing.tax_minor(net_minor, currency),
        currency=currency,
        period_start=period[0],
        period_end=period[1],
        issued_at=at,
        due_at=at + timedelta(days=billing.net_days),
        overage=overage,
    )
    return (invoice,)


def invoice_overage(command: InvoiceOverage, licence: Licence) -> _Events:
    """By the grant that ran when the month ended, or when the licence did, and the month's largest limits."""
    start = datetime.combine(command.month, time(), UTC)
    end = boundary(start, "month", 1) if command.month.day == 1 else start
    if command.month.day != 1 or command.effective_at < end:
        raise InvalidLicence("`month` must be the first day of a month that is over.")
    known(licence)
    if month_of(start) in licence.overage_months:
        raise OverageInvoiced(f"The overage of {month_of(start)} is invoiced already.")
    granted = granted_at(licence, end - timedelta(microseconds=1))
    if granted is None or granted.term.starts_at >= end:
        raise InvalidLicence(f"The licence had not begun by the end of {month_of(start)}.")
    overage = _overage(command, licence, (start, end - timedelta(microseconds=1)))
    net = licence.billing if licence.billing.kind == INVOICE else Billing(kind=INVOICE, net_days=NET_DAYS[1])
    return invoiced(
        licence,
        kind="overage",
        term=granted.term.number,
        net_minor=sum(one.amount_minor for one in overage),
        currency=granted.grant.currency,
        billing=net,
        period=(start, end),
        at=command.effective_at,
        overage=overage,
    )


def _overage(
    command: InvoiceOverage, licence: Licence, month: tuple[datetime, datetime]
) -> tuple[Overage, ...]:
    found = []
    for used in command.usage:
        allowance = billed_by(licence, used.metric, *month)
        if allowance is None or allowance.limit is None:
            continue
        if amount := allowance.overage(used.used):
            found.append(
                Overage(metric=used.metric, used=used.used, limit=allowance.limit, amount_minor=amount)
            )
    return tuple(found)


def record_payment(command: RecordLicencePayment, licence: Licence) -> _Events:
    """First what is open. Of what was written off, its share of the tax comes back, then what was lost, then
    what had not been earned.
    """
    check_ids(command.payment_id)
    check_reference(command.reference)
    check_amount("amount_minor", command.amount_minor)
    invoice = invoice_of(licence, command.invoice_id)
    since = invoice.unpaid_since(command.amount_minor)
    check_date("received_on", command.received_on, since, command.effective_at)
    left = invoice.unpaid_minor
    if not left:
        raise LicenceInvoiceNotOpen("Nothing is open of this invoice.")
    if command.amount_minor > left:
        raise AmountExceedsOpen(
            f"{written(left, licence)} of this invoice is not paid; "
            f"{written(command.amount_minor, licence)} was to be recorded."
        )
    facts = paid(
        licence,
        command.invoice_id,
        command.payment_id,
        command.amount_minor,
        command.effective_at,
        reference=command.reference,
        received_on=command.received_on,
    )
    return *facts, *overtaken(reduce(evolve, facts, licence), command.invoice_id)


def paid(
    licence: Licence,
    invoice_id: str,
    payment_id: str,
    amount_minor: int,
    now: datetime,
    *,
    reference: str = "",
    received_on: date,
    by_card: bool = False,
) -> _Events:
    """At most what is not paid of the invoice."""
    invoice = licence.invoices[invoice_id]
    settled = min(amount_minor, invoice.open_minor)
    back = amount_minor - settled
    tax = round_half_up(invoice.lost_tax_minor * back, invoice.written_off_minor) if back else 0
    loss = min(back - tax, invoice.lost_minor)
    at = instant(licence, now)
    fact = LicenceInvoicePaid(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        invoice_id=invoice_id,
        payment_id=payment_id,
        amount_minor=amount_minor,
        currency=licence.currency,
        reference=reference,
        received_on=received_on,
        by_card=by_card,
        open_tax_minor=share(invoice.open_tax_minor, settled, invoice.open_minor),
        loss_minor=loss,
        tax_minor=tax,
        deferred_minor=back - tax - loss,
        at=at,
    )
    return (*(recognised(licence, at) if fact.deferred_minor else ()), fact)


def overtaken(licence: Licence, invoice_id: str, by_payment_id: str = "") -> _Events:
    """The payment by card that is under way for an invoice for which no money can come any more, unless it
    was by that one: it is to be canceled, and is the organisation's credit where it is captured before. One
    for an invoice that is written off goes on, as its money brings that back.
    """
    invoice = licence.invoices[invoice_id]
    card = licence.cards.get(invoice.paying)
    if card is None or card.ending or invoice.unpaid_minor or invoice.paying == by_payment_id:
        return ()
    return (LicenceCardPaymentEnding(licence_id=licence.licence_id, payment_id=invoice.paying),)


def share(of_minor: int, part: int, whole: int) -> int:
    """`of_minor` in the proportion of `part` to `whole`; all of it with the last part."""
    return round_half_up(of_minor * part, whole) if whole else 0
