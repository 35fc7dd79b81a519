"""What follows between an order and the enrolments of its members: all of it in this ledger."""

from __future__ import annotations

from ledger.effects import Effect, EnrolMember, FollowOrderedCourse, RevokeOrderedCourse
from ledger.enrolments.events import EnrolmentActivated, EnrolmentRevoked, OrderedCourseDeclined
from ledger.enrolments.ordered import RETURNED
from ledger.enrolments.stream import parts_of
from ledger.message import Recorded
from ledger.orders.events import OrderItemRecalled, OrderReleased, OrderWrittenOff
from ledger.orders.terms import ItemOf, item_id_of


def react(  # noqa: PLR0911 - one answer for each fact
    recorded: Recorded,
) -> tuple[Effect, ...]:
    match recorded.event:
        case OrderReleased(order_id=order_id, items=items):
            return tuple(EnrolMember(order_id, one.item_id, one.course_id, one.learner_id) for one in items)
        case OrderWrittenOff(order_id=order_id, ended=items):
            return tuple(_revoke(order_id, one) for one in items)
        case OrderItemRecalled(order_id=order_id, item=item):
            return (_revoke(order_id, item),)
        case EnrolmentActivated(order_id=order_id) if order_id:
            return (_follow(recorded, order_id, "given"),)
        case OrderedCourseDeclined(order_id=order_id, reason=reason):
            return (_follow(recorded, order_id, "declined", reason),)
        case EnrolmentRevoked(cause=cause, cause_id=order_id, reason=reason) if cause == RETURNED:
            return (_follow(recorded, order_id, "returned", reason),)
        case _:
            return ()


def _revoke(order_id: str, item: ItemOf) -> RevokeOrderedCourse:
    return RevokeOrderedCourse(order_id, item.item_id, item.course_id, item.learner_id)


def _follow(recorded: Recorded, order_id: str, outcome: str, reason: str = "") -> FollowOrderedCourse:
    item_id = item_id_of(order_id, *parts_of(recorded.stream))
    return FollowOrderedCourse(order_id, item_id, outcome, reason)
