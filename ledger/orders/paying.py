"""The money of an order: paid in any parts, paid out again, or written off."""

from __future__ import annotations

from ledger.orders.checks import (
    REASON_MAX,
    TEXT_MAX,
    check_amount,
    check_date,
    check_ids,
    check_text,
    known,
    still_open,
    written,
)
from ledger.orders.commands import RecordOrderCreditPaidOut, RecordOrderPayment, WriteOffOrder
from ledger.orders.events import OrderCreditPaidOut, OrderEvent, OrderPaid, OrderWrittenOff
from ledger.orders.giving import released, waiting_of
from ledger.orders.refusals import OrderAmountTooLarge
from ledger.orders.state import KEPT, Order
from ledger.orders.sums import open_after, paying, shared_out, writing_off
from ledger.orders.terms import ItemOf

_Events = tuple[OrderEvent, ...]


def record_payment(command: RecordOrderPayment, order: Order) -> _Events:
    """With the last part of it the members have what was to be paid first."""
    check_ids(command.payment_id)
    check_text("reference", command.reference, TEXT_MAX)
    check_amount(command.amount_minor)
    left = still_open(order)
    check_date(
        "received_on", command.received_on, order.issued_at or command.effective_at, command.effective_at
    )
    if command.amount_minor > left:
        raise OrderAmountTooLarge(
            f"{written(left, order)} of this order is not paid; "
            f"{written(command.amount_minor, order)} was to be recorded."
        )
    waiting = waiting_of(order) if not order.released and command.amount_minor == left else ()
    is_released = order.released or bool(waiting)
    paid = OrderPaid(
        order_id=order.order_id,
        org_id=order.org_id,
        invoice_id=order.invoice_id,
        payment_id=command.payment_id,
        amount_minor=command.amount_minor,
        currency=order.currency,
        reference=command.reference,
        received_on=command.received_on,
        changes=shared_out(order, paying(order, command.amount_minor), released=is_released),
        at=command.effective_at,
    )
    return (paid, *released(order, waiting))


def record_paid_out(command: RecordOrderCreditPaidOut, order: Order) -> _Events:
    check_ids(command.transfer_id)
    check_text("reference", command.reference, TEXT_MAX)
    check_amount(command.amount_minor)
    if command.amount_minor > known(order).owed_minor:
        raise OrderAmountTooLarge(
            f"{written(order.owed_minor, order)} is owed to the organisation by credit notes; record at most "
            "that."
        )
    since = order.owed_since or command.effective_at
    check_date("paid_on", command.paid_on, since, command.effective_at)
    paid = OrderCreditPaidOut(
        order_id=order.order_id,
        org_id=order.org_id,
        transfer_id=command.transfer_id,
        amount_minor=command.amount_minor,
        currency=order.currency,
        reference=command.reference,
        paid_on=command.paid_on,
    )
    return (paid,)


def write_off(command: WriteOffOrder, order: Order) -> _Events:
    """As many of each course as were paid in full are kept, in the order in which they were ordered."""
    check_text("reason", command.reason, REASON_MAX)
    left = still_open(order)
    changes = writing_off(order)
    lost = OrderWrittenOff(
        order_id=order.order_id,
        org_id=order.org_id,
        invoice_id=order.invoice_id,
        currency=order.currency,
        net_minor=-sum(one.net_minor for one in changes.values()),
        tax_minor=-sum(one.tax_minor for one in changes.values()),
        receivable_minor=left - open_after(order, changes),
        changes=tuple(one for one in changes.values() if one.net_minor or one.tax_minor or one.paid_minor),
        ended=_unpaid(order),
        reason=command.reason,
        at=command.effective_at,
    )
    return (lost,)


def _unpaid(order: Order) -> tuple[ItemOf, ...]:
    paid = {
        course_id: line.paid_minor // line.sale.charged_minor if order.released else 0
        for course_id, line in order.lines.items()
    }
    found = []
    for item_id, item in order.items.items():
        if item.status not in KEPT:
            continue
        if paid[item.course_id]:
            paid[item.course_id] -= 1
        else:
            found.append(ItemOf(item_id, item.course_id, item.learner_id))
    return tuple(found)
