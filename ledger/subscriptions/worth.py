"""What the time to come of a subscription is still worth: as much as is still paid of it. Pure.

Each line that a paid invoice sold has its part of the time after a moment, by the second. Of an invoice of
which money went back, be it a credit, a refund or what a dispute withdrew, all of them count so much less, as
they do in the books. One whose unused time a change of plan took off has none left: what was paid of it is
in what the change's own invoice sold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from ledger.invoices.remainder import taker_of
from ledger.invoices.state import Invoice
from ledger.money import round_to_step, step_minor
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
    """By as much it may differ from the price, as each line was rounded."""
    reduced: bool
    """Money went back of one of the invoices, so that the price does not say what is paid."""
    waits: int = 0
    """What is invoiced for it with the change, as it waits at Stripe for the next invoice."""
    takes: tuple[TakenTime, ...] = ()
    """Which invoices paid it, with their tax."""
    taker: str = ""
    """How they call a change that takes it."""


def paid_time(invoices: Iterable[Invoice], at: datetime, *, but: str = "") -> PaidTime:
    """By the paid ones among a subscription's invoices, as if the change `but` took nothing of them."""
    total = lines = 0
    reduced = False
    for invoice in invoices:
        if invoice.status != "paid" or invoice.is_taken(but):
            continue
        sold = [one for one in invoice.lines.values() if one.sells]
        currency = invoice.currency
        rests = [seg(one.amount_minor, at, one.period_start, one.period_end, currency) for one in sold]
        lines += sum(rest > 0 for rest in rests) * step_minor(currency)
        kept = max(0, invoice.sold_minor - invoice.given_minor)
        if invoice.given_minor and any(rests):
            reduced = True
            total += round_to_step(sum(rests) * kept, invoice.sold_minor, currency)
        else:
            total += sum(rests)
    return PaidTime(minor=total, lines=lines, reduced=reduced)


def what_is_paid(invoices: Sequence[Invoice], at: datetime, waits: str = "") -> PaidTime:
    """With what a change at `at` takes of which of a subscription's invoices, newest first; `waits` is the
    one that it supersedes.
    """
    paid = paid_time(invoices, at, but=waits)
    same = sum(one.takes_from == at for one in invoices)
    taker = taker_of(int(at.timestamp()), same)
    return msgspec.structs.replace(paid, takes=allot(paid.minor, invoices, at, waits), taker=taker)


def with_waiting(paid: PaidTime, minor: int) -> PaidTime:
    """With what waits at Stripe to be charged for that time: the change's own invoice takes it along."""
    return msgspec.structs.replace(paid, minor=max(0, paid.minor + minor))


def unused(by_price_minor: int, paid: PaidTime | None) -> int:
    """What an upgrade takes off: by the price, as Stripe prorates, and never more than is still paid.

    As long as nothing went back the two differ by what the lines were rounded by, and the price counts.
    """
    if paid is None or not is_dearer(by_price_minor, paid):
        return by_price_minor
    return max(0, paid.minor + paid.waits)


def is_dearer(by_price_minor: int, paid: PaidTime) -> bool:
    """Whether the price says more than what is paid, by more than what the lines were rounded by."""
    beyond = by_price_minor - paid.minor - paid.waits
    return beyond > (0 if paid.reduced else paid.lines)


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
    """From which of `invoices`, newest first, that is taken: of each that sold time after `at` what is left.

    What `taker` has of them counts as left. A remainder is of no invoice: it was never paid.
    """
    found: list[TakenTime] = []
    for invoice in (one for one in invoices if one.status == "paid" and one.sells_after(at)):
        part = min(amount_minor, invoice.takeable_minor(taker))
        if part > 0:
            found.append(TakenTime(stripe_invoice_id=invoice.stripe_invoice_id, amount_minor=part))
            amount_minor -= part
    return tuple(found)
