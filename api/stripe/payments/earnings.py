"""What a sale's facts ask of its instructors' earnings: all of it in the ledger, and nothing of Stripe."""

from __future__ import annotations

from api.stripe.delivery import Delivered, Postponed, Tools, as_worker
from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.following import asked, must_be_told
from ledger.earnings.following_orders import asked_of_order
from ledger.effects import FollowEarnings
from ledger.message import Origin, Recorded
from ledger.orders.decider import ORDER
from ledger.orders.stream import KIND as ORDER_STREAM
from ledger.payments.decider import PAYMENT
from ledger.payments.state import Payment
from ledger.payments.stream import KIND
from ledger.store import Store


async def deliver(tools: Tools, effect: FollowEarnings, origin: Origin, cause: Recorded | None) -> Delivered:
    """Once for each instructor, however often this is delivered. One fact is read where none is at hand, and
    the payment's whole stream for a fact of 0.2.0, and for the settlement of what is disputed since.
    """
    fact = cause or await _fact(tools.store, effect)
    outcome = None
    for command in await _asked(tools, fact):
        outcome = await tools.store.handle(command, as_worker(origin))
    return Delivered(outcome)


async def _asked(tools: Tools, fact: Recorded) -> tuple[AccrueEarnings, ...]:
    if ORDER_STREAM.has(fact.stream):
        order = await tools.store.state(ORDER, fact.stream)
        return asked_of_order(fact, order, tools.recovery)
    payment, earlier = Payment(), list[Recorded]()
    if KIND.has(fact.stream):
        payment = await tools.store.state(PAYMENT, fact.stream)
        earlier = await _up_to(tools.store, fact) if must_be_told(fact, payment) else []
    return asked(fact, payment, earlier, tools.recovery)


async def _fact(store: Store, effect: FollowEarnings) -> Recorded:
    found = await store.read(effect.position - 1, 1)
    if not found or found[0].stream != effect.stream:
        raise Postponed(f"the ledger has no fact of {effect.stream} at {effect.position}")
    return found[0]


async def _up_to(store: Store, fact: Recorded) -> list[Recorded]:
    return [one for one in await store.read_stream(fact.stream) if one.version <= fact.version]
