"""Several changes that wait for one invoice: each takes off what the one before it sold. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.invoices.events import InvoiceLine


def given_back_at_once(lines: Iterable[InvoiceLine]) -> frozenset[str]:
    """Ids of the lines that the very invoice takes off again for the time to come, and of those that do it.
    They are about no other invoice.

    A change may be prorated from a moment before the one that it takes off: whoever asked for it chose the
    moment, by a clock of their own. What was sold before it is looked at first.
    """
    changes = [one for one in lines if one.proration and not one.correction]
    changes.sort(key=lambda one: one.period_start)
    sold = [one for one in changes if one.amount_minor > 0]
    found: set[str] = set()
    for line in (one for one in changes if one.amount_minor <= 0):
        later = [one for one in sold if one.period_start > line.period_start]
        earlier = [one for one in sold if one.period_start <= line.period_start]
        before = next((one for one in [*reversed(earlier), *later] if _gives_back(line, one)), None)
        if before is not None:
            sold.remove(before)
            found |= {before.line_id, line.line_id}
    return frozenset(found)


def _gives_back(line: InvoiceLine, sold: InvoiceLine) -> bool:
    """At the very price, but for what either is rounded by: what it costs a second is the same."""
    if line.period_end != sold.period_end:
        return False
    given_s, sold_s = (int((one.period_end - one.period_start).total_seconds()) for one in (line, sold))
    return (
        sold_s > 0 and abs(sold.amount_minor * given_s + line.amount_minor * sold_s) <= sold_s + given_s / 2
    )
