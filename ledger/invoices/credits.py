"""What a credit takes back: of what is deferred, of what is recognised, and of the tax. Pure."""

from __future__ import annotations

from ledger.invoices.commands import CreditSnapshot
from ledger.invoices.events import CreditUndone, InvoiceCredited, LineCredit
from ledger.invoices.recognition import apportion
from ledger.invoices.state import Invoice, Line
from ledger.money import round_half_up


def credited(snapshot: CreditSnapshot, credit_id: str, invoice: Invoice) -> InvoiceCredited:
    """Over all lines in proportion; of each line its earned part is taken from what is recognised, so that
    what is left goes on in its straight line, as if less had been sold from the start. What is given back
    beyond what the lines have left was sold by nothing: it is contra income like what was earned, and so is,
    the other way, what they have too much since unused time was given that nobody had paid.
    """
    tax, shares = _shares(snapshot, credit_id, invoice)
    lines = tuple(
        _line_credit(line_id, line, share)
        for (line_id, line), share in zip(invoice.lines.items(), shares, strict=True)
        if share
    )
    deferred = sum(one.deferred_minor for one in lines)
    return InvoiceCredited(
        subscription_id=invoice.subscription_id,
        user_id=invoice.user_id,
        credit_id=credit_id,
        stripe_credit_note_id=snapshot.stripe_credit_note_id,
        number=snapshot.number,
        amount_minor=snapshot.amount_minor,
        invoice_currency=invoice.currency,
        currency=invoice.settlement_currency,
        deferred_minor=deferred,
        recognised_minor=_owed(snapshot, tax + sum(shares), invoice) - tax - deferred,
        tax_minor=tax,
        lines=lines,
        stripe_refund_id=snapshot.stripe_refund_id,
        reason=snapshot.reason,
    )


def _owed(snapshot: CreditSnapshot, taken_minor: int, invoice: Invoice) -> int:
    """To the customer, in the currency of settlement: to the unit what is given back, where that is one."""
    same = invoice.currency == invoice.settlement_currency
    return snapshot.amount_minor if same else taken_minor


def undone(credit_id: str, invoice: Invoice) -> CreditUndone:
    """What bounced of a credit, back to where it was taken from: all of it, or its part of each line.

    Of a service that has ended nothing is deferred any more, so that it is earned.
    """
    credit = invoice.credits[credit_id]
    part, whole = min(credit.bounced_minor, credit.booked_minor), credit.booked_minor
    tax = round_half_up(credit.tax_minor * part, whole) if whole > 0 else credit.tax_minor
    shares = [one.deferred_minor + one.recognised_minor for one in credit.lines]
    given = apportion(shares, part - tax) if sum(shares) > 0 else (0,) * len(shares)
    lines = tuple(
        _line_undone(one, share, service_ended=invoice.service_ended)
        for one, share in zip(credit.lines, given, strict=True)
    )
    deferred = sum(one.deferred_minor for one in lines)
    return CreditUndone(
        subscription_id=invoice.subscription_id,
        user_id=invoice.user_id,
        credit_id=credit_id,
        amount_minor=round_half_up(credit.amount_minor * part, whole) if whole > 0 else credit.amount_minor,
        currency=invoice.settlement_currency,
        deferred_minor=deferred,
        recognised_minor=part - tax - deferred,
        tax_minor=tax,
        lines=lines,
    )


def _line_undone(credit: LineCredit, share: int, *, service_ended: bool) -> LineCredit:
    whole = credit.deferred_minor + credit.recognised_minor
    if service_ended:
        recognised = share
    elif whole == 0:
        recognised = 0
    else:
        sign = 1 if whole > 0 else -1
        recognised = round_half_up(sign * share * credit.recognised_minor, sign * whole)
    return LineCredit(line_id=credit.line_id, deferred_minor=share - recognised, recognised_minor=recognised)


def _shares(snapshot: CreditSnapshot, credit_id: str, invoice: Invoice) -> tuple[int, tuple[int, ...]]:
    """Tax, and each line's share, in the currency of settlement. All that is left comes out to the unit."""
    booked = tuple(line.booked_minor for line in invoice.lines.values())
    sold, tax = sum(booked), invoice.tax_booked_minor
    known = invoice.credits.get(credit_id)
    left = invoice.total_minor - invoice.noted_minor + (known.noted_minor if known else 0)
    if snapshot.amount_minor >= left:
        return tax, booked
    part = round_half_up((sold + tax) * snapshot.amount_minor, left)
    if snapshot.without_note and sold > 0:
        *of_lines_alone, of_tax = apportion((*booked, tax), part)
        return of_tax, tuple(of_lines_alone)
    of_tax = min(tax, round_half_up((sold + tax) * snapshot.tax_minor, left))
    of_lines = min(max(part - of_tax, 0), max(sold, 0))
    return of_tax, apportion(booked, of_lines) if sold > 0 else (0,) * len(booked)


def _line_credit(line_id: str, line: Line, share: int) -> LineCredit:
    if line.booked_minor == 0:
        return LineCredit(line_id=line_id, deferred_minor=share, recognised_minor=0)
    sign = 1 if line.booked_minor > 0 else -1
    recognised = round_half_up(sign * share * line.recognised_minor, sign * line.booked_minor)
    return LineCredit(line_id=line_id, deferred_minor=share - recognised, recognised_minor=recognised)
