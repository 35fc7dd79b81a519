"""Several changes that wait for one invoice: each takes off what the one before it sold. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.invoices.events import InvoiceLine
from ledger.invoices.recognition import earned


def given_back_at_once(lines: Iterable[InvoiceLine]) -> frozenset[str]:
    """Ids of the lines that the very invoice takes off again for the time to come, and of those that do it.
    They are about no other invoice.
    """
    sold: list[InvoiceLine] = []
    found: set[str] = set()
    for line in sorted(lines, key=lambda one: one.period_start):
        if line.correction or not line.proration:
            continue
        if line.amount_minor > 0:
            sold.append(line)
            continue
        before = next((one for one in reversed(sold) if _gives_back(line, one)), None)
        if before is not None:
            sold.remove(before)
            found |= {before.line_id, line.line_id}
    return frozenset(found)


def _gives_back(line: InvoiceLine, sold: InvoiceLine) -> bool:
    """All that is unused of `sold`, but for what either is rounded by."""
    rest = sold.amount_minor - earned(
        sold.amount_minor, sold.period_start, sold.period_end, line.period_start
    )
    return line.period_end == sold.period_end and abs(rest + line.amount_minor) <= 1
