"""What an organisation's order and the enrolments of its members ask of each other: in the ledger alone, not
of Stripe.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from api.stripe.delivery import Delivered, Tools, as_worker
from ledger import effects
from ledger.effects import FollowOrderedCourse, OrderEffect, RevokeOrderedCourse
from ledger.enrolments.commands import DeclineMember, EnrolMember, RevokeOrdered
from ledger.message import Command, Origin
from ledger.orders.commands import SettleOrderItem
from ledger.orders.decider import ORDER
from ledger.orders.state import Order
from ledger.orders.stream import stream_of
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.stream import stream_of as organisation_stream

NOT_A_MEMBER = "not_a_member"
Outcome = Literal["given", "declined", "returned"]


async def deliver(tools: Tools, effect: OrderEffect, origin: Origin) -> Delivered:
    """Once, however often this is delivered."""
    now = tools.clock.now()
    match effect:
        case effects.EnrolMember():
            command = await _enrol(tools, effect, now)
        case FollowOrderedCourse():
            outcome = msgspec.convert(effect.outcome, Outcome)
            command = SettleOrderItem(
                command_id=f"settle_order_item:{effect.item_id}:{outcome}",
                effective_at=now,
                order_id=effect.order_id,
                item_id=effect.item_id,
                outcome=outcome,
                reason=effect.reason,
            )
        case RevokeOrderedCourse():
            command = RevokeOrdered(
                command_id=f"revoke_ordered:{effect.item_id}",
                effective_at=now,
                course_id=effect.course_id,
                learner_id=effect.learner_id,
                order_id=effect.order_id,
            )
    if command is None:
        return Delivered()
    return Delivered(await tools.store.handle(command, as_worker(origin)))


async def _enrol(tools: Tools, effect: effects.EnrolMember, now: datetime) -> Command | None:
    """Nothing where the item fell out of its order meanwhile. Who left the organisation before it was given
    has no course of it.
    """
    order: Order = await tools.store.state(ORDER, stream_of(effect.order_id))
    item, line = order.items.get(effect.item_id), order.lines.get(effect.course_id)
    if item is None or line is None or item.status not in {"ordered", "given"}:
        return None
    command_id = f"enrol_member:{effect.item_id}"
    of: dict[str, Any] = {
        "effective_at": now,
        "course_id": effect.course_id,
        "learner_id": effect.learner_id,
        "order_id": effect.order_id,
    }
    organisation = await tools.store.state(ORGANISATION, organisation_stream(order.org_id))
    is_member = effect.learner_id in organisation.members
    if not is_member and not await tools.store.find_command(command_id):
        return DeclineMember(command_id=f"decline_member:{effect.item_id}", **of, reason=NOT_A_MEMBER)
    return EnrolMember(command_id=command_id, **of, sale=line.sale, currency=order.currency)
