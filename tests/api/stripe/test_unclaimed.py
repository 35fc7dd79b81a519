"""The account is not ours alone: whatever moves Stripe's balance is in the books, once."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from api.stripe.movements.objects import Movement
from api.stripe.movements.record import command_of
from ledger.message import Origin
from ledger.unclaimed.commands import ExplainMovement
from tests.api.stripe.accountant import Accountant, Others, every_movement
from tests.api.stripe.world import WORKER, Bench, World

LONG = timedelta(hours=2)
BOSS = Origin(actor="usr_boss", roles=frozenset({"admin"}))


@pytest.fixture
def accountant(world: World) -> Accountant:
    return Accountant(world)


@pytest.fixture
def others(bench: Bench, world: World) -> Others:
    return Others(bench, world)


async def results(world: World) -> dict[str, str]:
    rows = await world.rows("SELECT stripe_event_type, result FROM webhooks ORDER BY position")
    return {row["stripe_event_type"]: row["result"] for row in rows}


async def test_a_foreign_charge_is_unexplained_as_soon_as_its_webhook_comes(
    world: World, accountant: Accountant, others: Others
) -> None:
    charge = (await others.charge())["latest_charge"]
    await world.receive(await world.events())
    assert (await results(world))["payment_intent.succeeded"] == "unexplained"
    [found] = await accountant.unclaimed()
    assert (found["status"], found["source_id"], found["net_minor"]) == ("unexplained", charge, 724)
    assert (await accountant.held("1010"), await accountant.held("1090")) == (724, -724)
    assert await accountant.sweep() == 0
    await accountant.check()


async def test_its_refund_and_its_dispute_are_so_as_well(
    world: World, bench: Bench, accountant: Accountant, others: Others
) -> None:
    charge = (await others.charge(10_000))["latest_charge"]
    await others.refund(charge, 1_000)
    bench.dispute(charge, 2_000)
    await world.receive(await world.events())
    told = await results(world)
    assert (told["refund.created"], told["charge.dispute.created"]) == ("unexplained", "unexplained")
    assert len(await accountant.unclaimed()) == 3
    await accountant.check()


async def test_what_no_webhook_tells_of_is_swept_up_once(
    world: World, accountant: Accountant, others: Others
) -> None:
    await others.charge(description="Ann Lovelace, table 4")
    others.fee(700)
    others.adjust(-300)
    assert await accountant.sweep() == 3
    assert await accountant.sweep() == 0
    await world.receive(await world.events())
    accountant.starts_again()
    assert await accountant.sweep() == 0
    await accountant.check()
    assert await accountant.held("6000") == 700
    assert {row["kind"]: row["description"] for row in await accountant.unclaimed()} == {
        "charge": "",
        "stripe_fee": "Billing: Radar",
        "adjustment": "",
    }


async def test_what_moves_nothing_is_no_movement(accountant: Accountant, others: Others) -> None:
    others.adjust(0)
    assert await accountant.sweep() == 0
    assert await accountant.unclaimed() == []


async def test_what_is_listed_late_with_an_old_date_is_found_by_the_long_look(
    world: World, accountant: Accountant, others: Others
) -> None:
    await accountant.sweep()
    await others.charge()
    await world.conn.execute("UPDATE balance_sweeps SET swept_through = swept_through + interval '2 days'")
    assert await accountant.sweep() == 0, "a short one ends where it has been"
    await world.conn.execute("UPDATE balance_sweeps SET swept_through = swept_through + interval '2 days'")
    accountant.starts_again()
    assert await accountant.sweep() == 1


async def test_without_a_trace_of_earlier_sweeps_all_is_compared_and_nothing_is_posted_twice(
    world: World, bench: Bench, accountant: Accountant, others: Others
) -> None:
    """As where only the facts were restored."""
    await others.charge()
    await accountant.sweep()
    others.fee(100)
    bench.advance(timedelta(days=30), world)
    await world.conn.execute("DELETE FROM balance_sweeps")
    accountant.starts_again()
    assert await accountant.sweep() == 1
    await accountant.check()


async def test_its_funds_become_available_when_stripe_says_so(
    world: World, bench: Bench, accountant: Accountant, others: Others
) -> None:
    await others.charge()
    await accountant.sweep()
    assert (await accountant.held("1010"), await accountant.held("1011")) == (724, 0)
    bench.advance(timedelta(days=5), world)
    await accountant.sweep()
    assert (await accountant.held("1010"), await accountant.held("1011")) == (0, 724)


async def test_a_top_up_is_known_and_no_worry(world: World, accountant: Accountant, others: Others) -> None:
    topup_id = others.top_up(5_000)
    await world.receive(await world.events())
    assert (await results(world))["topup.succeeded"] == "applied"
    assert (await accountant.held("1011"), await accountant.held("1000")) == (5_000, -5_000)
    others.take_back(topup_id)
    await accountant.sweep()
    await accountant.check()
    assert (await accountant.held("1000"), await accountant.held("1090")) == (0, 0)
    assert {row["status"] for row in await accountant.unclaimed()} == {"known"}


async def test_a_reserve_goes_from_one_balance_at_stripe_to_another(
    accountant: Accountant, others: Others
) -> None:
    others.top_up(5_000)
    others.reserve(2_000)
    await accountant.sweep()
    assert (await accountant.held("1011"), await accountant.held("1012")) == (3_000, 2_000)
    others.reserve(-500)
    await accountant.sweep()
    assert (await accountant.held("1011"), await accountant.held("1012")) == (3_500, 1_500)
    assert await accountant.held("1090") == 0
    await accountant.check()


async def test_a_payout_below_zero_and_one_whose_webhook_was_lost_are_payouts(
    bench: Bench, world: World, accountant: Accountant, others: Others
) -> None:
    others.fee(700)
    others.pay_out()
    assert await accountant.sweep() == 1
    await accountant.check()
    assert (await accountant.held("1011"), await accountant.held("1015")) == (0, -700)
    bench.advance(timedelta(days=3), world)
    await world.catch_up()
    assert (await accountant.held("1015"), await accountant.held("1000")) == (0, -700)


async def test_what_is_ours_and_was_lost_is_made_good_and_nobody_claims_it(
    world: World, bench: Bench, accountant: Accountant
) -> None:
    payment_id = await world.pay()
    charge = (await world.payment(payment_id)).charge_id
    await world.client.v1.refunds.create_async({"charge": charge, "amount": 300})
    bench.dispute(charge, 400)
    assert await accountant.sweep() == 0
    await accountant.check()
    assert await accountant.unclaimed() == []
    assert (await world.payment(payment_id)).disputes


async def seen_by_nobody(world: World, bench: Bench) -> str:
    """A payment of ours whose answer and webhooks were lost; Stripe says nothing to whoever asks."""
    bench.fault("error_after", "/v1/payment_intents", times=1)
    bench.fault("error_before", "/v1/payment_intents", method="GET", times=None)
    payment_id = await world.initiate()
    await world.deliver_payment(payment_id)
    return payment_id


async def test_what_names_this_ledger_is_given_time_and_claimed_when_it_comes(
    world: World, bench: Bench, accountant: Accountant
) -> None:
    payment_id = await seen_by_nobody(world, bench)
    assert (await accountant.sweep(), await accountant.sweep()) == (0, 0)
    bench.advance(LONG, world)
    assert await accountant.sweep() == 1
    assert await accountant.held("1090") == -9_680
    await accountant.check()
    bench.advance(timedelta(days=5), world)
    await accountant.sweep()
    assert await accountant.held("1011") == 9_680
    bench.clear()
    await world.receive(await world.events())
    assert await accountant.claim() == 1
    assert await accountant.claim() == 0
    assert (await accountant.held("1090"), await accountant.held("4000")) == (0, -10_000)
    await accountant.check()
    [found] = await accountant.unclaimed()
    assert (found["status"], found["claimed_by"]) == ("claimed", f"payment-{payment_id}")


async def test_what_was_explained_is_taken_back_with_its_explanation(
    world: World, bench: Bench, accountant: Accountant
) -> None:
    await seen_by_nobody(world, bench)
    bench.advance(LONG, world)
    assert await accountant.sweep() == 0, "however old it is, it is left to what catches up first"
    assert await accountant.sweep() == 1
    [found] = await accountant.unclaimed()
    explain = ExplainMovement(
        command_id="explain",
        effective_at=found["created_at"],
        balance_transaction_id=found["balance_transaction_id"],
        account="4010",
        note="A refund",
    )
    await world.store.handle(explain, BOSS)
    assert await accountant.held("4010") == -10_000
    bench.clear()
    await world.receive(await world.events())
    await accountant.claim()
    assert (await accountant.held("4010"), await accountant.held("6000")) == (0, 320)
    await accountant.check()


async def test_what_was_found_just_as_our_own_fact_came_is_claimed_too(
    world: World, accountant: Accountant
) -> None:
    """The tables that a sweep asks may lag, so that our fact is there first."""
    await world.pay()
    await world.receive(await world.events())
    await accountant.claim()
    [listed] = await every_movement(world)
    movement = msgspec.convert(listed, Movement)
    await world.store.handle(command_of(movement), WORKER)
    assert await accountant.held("1090") == -9_680
    assert await accountant.claim() == 1
    assert await accountant.held("1090") == 0
    await accountant.check()


async def test_what_is_another_ledgers_is_nobodys_here_at_once(
    world: World, accountant: Accountant, others: Others
) -> None:
    named = {"payment_id": "pay_1", "user_id": "usr_1", "ledger_id": "another"}
    await others.charge(metadata=named)
    await world.receive(await world.events())
    assert (await results(world))["payment_intent.succeeded"] == "unexplained"
    await accountant.check()


async def test_a_movement_that_stripe_cannot_explain_now_holds_up_no_other(
    world: World, bench: Bench, accountant: Accountant, others: Others
) -> None:
    await others.charge()
    others.fee(100)
    bench.fault("error_before", "/v1/payment_intents", method="GET", times=1)
    assert await accountant.sweep() == 1
    assert await accountant.sweep() == 1
    await accountant.check()
