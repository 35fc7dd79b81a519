"""The commands that a fact about an organisation's order asks of earnings: of each line what it shares out,
or takes back. Pure, and once for each instructor, as those of a sale.
"""

from __future__ import annotations

from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.terms import Kind, Reckoning, Recovery, available_on
from ledger.message import Recorded
from ledger.orders.events import OrderItemCredited, OrderPaid
from ledger.orders.state import Order
from ledger.orders.terms import LineChange
from ledger.split import Sale, by_user, shared


def asked_of_order(
    fact: Recorded, order: Order, recovery: Recovery = "netting"
) -> tuple[AccrueEarnings, ...]:
    """`order` is as it is now, or at any time after the fact: of it only that is taken which changes no
    more.
    """
    event = fact.event
    if not isinstance(event, OrderPaid | OrderItemCredited):
        return ()
    return tuple(
        command
        for change in event.changes
        if change.course_id in order.lines
        for command in _of_line(fact, event, change, order, recovery)
    )


def _of_line(
    fact: Recorded, event: OrderPaid | OrderItemCredited, change: LineChange, order: Order, recovery: Recovery
) -> list[AccrueEarnings]:
    """What is shared out is available so long after it was paid. What is taken back has the day of what was
    shared first, so that nothing of it is available any longer than it was.
    """
    shared_at = fact.metadata.effective_at
    first = order.first_shared_at or shared_at
    amounts, kind = by_user(change.split), _kind(change)
    return [
        AccrueEarnings(
            command_id=f"accrue_earnings:{fact.stream}:{fact.version}:{change.course_id}:{user_id}",
            effective_at=shared_at,
            user_id=user_id,
            currency=event.currency,
            kind=kind,
            amount_minor=amount,
            available_on=available_on(shared_at if amount > 0 else first),
            course_id=change.course_id,
            cause_position=fact.position,
            reckoning=_reckoning(order.lines[change.course_id].sale, change, user_id, event.currency),
            recovery=recovery,
        )
        for user_id, amount in amounts.items()
    ]


def _kind(change: LineChange) -> Kind:
    return "sale" if change.shared_minor > 0 else "refund"


def _reckoning(sale: Sale, change: LineChange, user_id: str, currency: str) -> Reckoning:
    """Of all that is shared out of the line after it, without tax."""
    total = change.shared_total_minor
    left = shared(sale, total, currency)
    amounts = by_user(left)
    return Reckoning(
        price_currency=currency,
        basis_minor=total - left.tax_minor,
        share_bp=sale.share_bp,
        part_bp={part.user_id: part.part_bp for part in sale.instructors}.get(user_id, 0),
        instructors_minor=sum(amounts.values()),
        kept_minor=amounts.get(user_id, 0),
    )
