"""How money moves through the lines of an order: what is open is paid by each in its part, and what is paid
is shared out once the members have their courses. Pure; each fact carries what it changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ledger import money
from ledger.orders.state import Line, Order, moved
from ledger.orders.terms import LineChange
from ledger.split import SettledSplit, shared


def paying(order: Order, amount_minor: int) -> dict[str, LineChange]:
    """By course, as much as each line's part of what is open. At most that may be paid."""
    return {
        course_id: LineChange(course_id=course_id, paid_minor=part)
        for course_id, part in _parts(amount_minor, order.lines).items()
    }


def crediting(order: Order, course_id: str) -> dict[str, LineChange]:
    """One item of that course. What was paid for it pays what is open of other lines."""
    line = order.lines[course_id]
    sale = line.sale
    over = max(sale.charged_minor - line.open_minor, 0)
    change = LineChange(
        course_id=course_id, net_minor=-sale.basis_minor, tax_minor=-sale.tax_minor, paid_minor=-over
    )
    others = {one: other for one, other in order.lines.items() if one != course_id}
    moves = min(over, sum(other.open_minor for other in others.values()))
    more = {one: LineChange(course_id=one, paid_minor=part) for one, part in _parts(moves, others).items()}
    return {course_id: change, **more}


def writing_off(order: Order) -> dict[str, LineChange]:
    """What is not paid; and all of it where nobody had anything of it, so that what was paid is owed back."""
    return {course_id: _lost(order, course_id, line) for course_id, line in order.lines.items()}


def _lost(order: Order, course_id: str, line: Line) -> LineChange:
    if not order.released:
        return LineChange(
            course_id=course_id,
            net_minor=-line.net_minor,
            tax_minor=-line.tax_minor,
            paid_minor=-line.paid_minor,
        )
    kept_tax = shared(line.sale, line.paid_minor, order.currency).tax_minor
    return LineChange(
        course_id=course_id,
        net_minor=line.paid_minor - kept_tax - line.net_minor,
        tax_minor=kept_tax - line.tax_minor,
    )


def _parts(amount_minor: int, lines: Mapping[str, Line]) -> dict[str, int]:
    """None is more than what is open of its line, since together they are not."""
    opens = {course_id: line.open_minor for course_id, line in lines.items() if line.open_minor}
    if not amount_minor:
        return {}
    return {one: part for one, part in money.split(amount_minor, opens).items() if part}


def open_after(order: Order, changes: Mapping[str, LineChange]) -> int:
    """What is open of the order once it has changed so."""
    moves = sum(one.net_minor + one.tax_minor - one.paid_minor for one in changes.values())
    return order.open_minor + moves


def shared_out(order: Order, changes: Mapping[str, LineChange], *, released: bool) -> tuple[LineChange, ...]:
    """With what is shared out of each line after it: all that is paid once the courses are had, nothing
    before. In the order of the lines.
    """
    found = (_shared(order, one, changes.get(one), released=released) for one in order.lines)
    return tuple(one for one in found if one is not None)


def _shared(order: Order, course_id: str, change: LineChange | None, *, released: bool) -> LineChange | None:
    line = order.lines[course_id]
    change = change or LineChange(course_id=course_id)
    paid = moved(line, change).paid_minor
    more = paid - line.shared_minor if released else 0
    if not more:
        return change if change != LineChange(course_id=course_id) else None
    return replace(
        change, shared_minor=more, shared_total_minor=paid, split=_split(line, paid, order.currency)
    )


def _split(line: Line, total_minor: int, currency: str) -> SettledSplit:
    before = shared(line.sale, line.shared_minor, currency)
    return shared(line.sale, total_minor, currency).since(before)
