"""What the time to come of a subscription is still worth: as much as is still paid of it. Pure.

Each line of each paid invoice has its part of the time after a moment, by the second. Of an invoice of which
money went back, be it a credit, a refund or what a dispute withdrew, all of its lines count so much less, as
they do in the books. A line that gives back unused time counts below zero, so that an upgrade's invoice and
the one it took from come to the new plan's worth together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from ledger.invoices.state import Invoice
from ledger.money import round_half_up
from ledger.subscriptions.proration import seg


class TakenTime(msgspec.Struct, frozen=True, kw_only=True):
    """What a change takes off for time that was paid with this invoice, in its currency, with its tax."""

    stripe_invoice_id: str
    amount_minor: int


class PaidTime(msgspec.Struct, frozen=True, kw_only=True):
    """Of the time after a moment."""

    minor: int
    """What is still paid of it, without tax."""
    lines: int
    """So many lines were rounded for it."""
    reduced: bool
    """Money went back of one of the invoices, so that the price does not say what is paid."""


def paid_time(invoices: Iterable[Invoice], at: datetime) -> PaidTime:
    """By the paid ones among a subscription's invoices."""
    total = lines = 0
    reduced = False
    for invoice in invoices:
        if invoice.status != "paid":
            continue
        rests = [
            seg(one.amount_minor, at, one.period_start, one.period_end) for one in invoice.lines.values()
        ]
        lines += sum(rest != 0 for rest in rests)
        rest, sold, kept = sum(rests), invoice.total_minor, invoice.kept_minor
        if kept < sold:
            reduced = reduced or any(rests)
            rest = _share(rest, kept, sold)
        total += rest
    return PaidTime(minor=max(total, 0), lines=lines, reduced=reduced)


def _share(rest: int, kept: int, sold: int) -> int:
    return round_half_up(rest * kept, sold) if rest >= 0 else -round_half_up(-rest * kept, sold)


def unused(by_price_minor: int, paid: PaidTime | None) -> int:
    """What an upgrade takes off: by the price, as Stripe prorates, and never more than is still paid.

    As long as nothing went back the two differ by what the lines were rounded by, and the price counts.
    """
    if paid is None or by_price_minor <= paid.minor:
        return by_price_minor
    if not paid.reduced and by_price_minor - paid.minor <= paid.lines:
        return by_price_minor
    return paid.minor


def up_to(amount_minor: int, takes: Iterable[TakenTime]) -> tuple[TakenTime, ...]:
    """No more of them than comes to `amount_minor`."""
    found: list[TakenTime] = []
    for one in takes:
        part = min(one.amount_minor, amount_minor)
        if part > 0:
            found.append(TakenTime(stripe_invoice_id=one.stripe_invoice_id, amount_minor=part))
            amount_minor -= part
    return tuple(found)


def allot(amount_minor: int, invoices: Sequence[Invoice], at: datetime, taker: str) -> tuple[TakenTime, ...]:
    """From which invoices that is taken: the newest that sold time after `at` first, of each what is left.

    What `taker` has of them counts as left. The remainder, if there is one, is of no invoice.
    """
    found: list[TakenTime] = []
    selling = [one for one in invoices if one.status == "paid" and one.sells_after(at)]
    for invoice in sorted(selling, key=lambda one: one.begins_at, reverse=True):
        part = min(amount_minor, invoice.takeable_minor(taker))
        if part > 0:
            found.append(TakenTime(stripe_invoice_id=invoice.stripe_invoice_id, amount_minor=part))
            amount_minor -= part
    return tuple(found)
