"""A purchase from its reservation to the money at Stripe and back, through the store and the outbox."""

from __future__ import annotations

from typing import Any

from api.stripe.payments.surplus import FIRST_PAUSE
from ledger.enrolments.commands import ExpireReservation
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.purchasing import RESERVATION_LASTS
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.ids import new_id
from ledger.message import Command, Origin
from ledger.payments.commands import RequestRefund
from tests.api.stripe.world import WORKER, Bench, World
from tests.ledger.enrolment_examples import ANN, OF, request_return, reserve

BUYER = Origin(actor=ANN, roles=frozenset({"student"}))
ADMIN = Origin(actor="usr_admin", roles=frozenset({"admin"}))
ASKS = "pm_card_threeDSecure2Required"


async def send(world: World, command: Command, origin: Origin = BUYER) -> None:
    await world.store.handle(command, origin)
    await heard(world)


async def heard(world: World) -> None:
    """All is delivered, and every webhook has come."""
    await world.settle()
    await world.receive(await world.events())


async def buy(world: World, number: int = 1, card: str = "pm_card_visa") -> None:
    await send(world, reserve(number, effective_at=world.clock.now(), payment_method_id=card))


async def enrolment(world: World) -> Enrolment:
    return await world.store.state(ENROLMENT, stream_of("crs_1", ANN))


async def row(world: World) -> dict[str, Any]:
    [found] = await world.rows("SELECT status, payment_id, refund_id FROM enrolments")
    return found


async def balances(world: World) -> dict[str, int]:
    found = await world.rows("SELECT account, party, debit_minor - credit_minor AS amount FROM balances")
    return {f"{one['account']} {one['party']}".strip(): one["amount"] for one in found if one["amount"]}


async def test_a_course_is_had_once_its_money_is_captured(world: World) -> None:
    await buy(world)
    assert await row(world) == {"status": "active", "payment_id": "pay_1", "refund_id": ""}
    assert await balances(world) == {"1010": 9680, "6000": 320, "2100 usr_ivy": -7000, "4030": -3000}


async def test_a_decline_leaves_nothing_behind_and_the_next_card_pays(world: World) -> None:
    await buy(world, 1, "pm_card_visa_chargeDeclined")
    assert (await row(world))["status"] == "released"
    await buy(world, 2)
    assert await row(world) == {"status": "active", "payment_id": "pay_2", "refund_id": ""}


async def test_what_was_held_too_long_cannot_be_paid_any_more(world: World) -> None:
    await buy(world, 1, ASKS)
    late = world.clock.now() + RESERVATION_LASTS
    await send(
        world, ExpireReservation(**OF, command_id="cmd_late", effective_at=late, enrolment_id="enr_1"), WORKER
    )
    assert (await row(world))["status"] == "released"
    assert (await world.payment("pay_1")).status == "canceled"


async def test_who_confirms_before_it_is_canceled_has_the_course(world: World, bench: Bench) -> None:
    await buy(world, 1, ASKS)
    bench.pass_challenge((await world.payment("pay_1")).payment_intent_id)
    late = world.clock.now() + RESERVATION_LASTS
    expire = ExpireReservation(**OF, command_id="cmd_late", effective_at=late, enrolment_id="enr_1")
    await send(world, expire, WORKER)
    assert (await row(world))["status"] == "active"


async def test_a_return_gives_the_money_back_and_takes_the_access(world: World) -> None:
    await buy(world)
    wish = request_return(new_id("re"))
    await world.store.handle(wish, BUYER)
    assert (await enrolment(world)).returning == wish.refund_id
    await heard(world)
    assert await row(world) == {"status": "revoked", "payment_id": "pay_1", "refund_id": ""}
    held = await balances(world)
    assert {name: held.get(name, 0) for name in ("2100 usr_ivy", "4030", "4900")} == {
        "2100 usr_ivy": 0,
        "4030": -3000,
        "4900": 3000,
    }
    assert await world.stripe_in_books() == await world.stripe_balance()


async def paid_twice(world: World, bench: Bench) -> str:
    """The refund of the first payment, which bounced once the course was bought again: one too many."""
    await buy(world)
    refund = RequestRefund(
        command_id=new_id("cmd"),
        effective_at=world.clock.now(),
        payment_id="pay_1",
        refund_id="re_1",
        amount_minor=None,
        reason="requested_by_customer",
        by_admin=True,
        user_id="usr_admin",
        note="asked for",
    )
    await send(world, refund, ADMIN)
    assert (await row(world))["status"] == "revoked"
    await buy(world, 2)
    await bounce(world, bench, "re_1")
    return "re_1"


async def bounce(world: World, bench: Bench, refund_id: str) -> None:
    bench.fail_refund((await world.payment("pay_1")).refunds[refund_id].stripe_refund_id)
    await heard(world)
    await heard(world)


async def test_a_refund_that_bounces_after_the_course_was_bought_again_is_given_back_once_more(
    world: World, bench: Bench
) -> None:
    await paid_twice(world, bench)
    assert await row(world) == {"status": "active", "payment_id": "pay_2", "refund_id": ""}
    paid = await world.payment("pay_1")
    assert [one.status for one in paid.refunds.values()] == ["failed", "succeeded"]
    assert (await enrolment(world)).attempts["pay_1"].surplus
    assert (await balances(world))["2100 usr_ivy"] == -7000
    assert await world.stripe_in_books() == await world.stripe_balance()


async def test_a_surplus_whose_own_refund_bounces_is_given_back_after_a_pause(
    world: World, bench: Bench
) -> None:
    first = await paid_twice(world, bench)
    [second] = {*(await world.payment("pay_1")).refunds} - {first}
    await bounce(world, bench, second)
    assert len((await world.payment("pay_1")).refunds) == 2
    [why] = await world.settle()
    assert "asked for again at" in why
    bench.advance(FIRST_PAUSE, world)
    await heard(world)
    paid = await world.payment("pay_1")
    assert [one.status for one in paid.refunds.values()] == ["failed", "failed", "succeeded"]
    assert await world.stripe_in_books() == await world.stripe_balance()
