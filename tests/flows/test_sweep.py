"""What is not settled is compared with Stripe each night: once, to its end, and in few calls."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from psycopg import AsyncConnection

from api.background.sweeping import NightlySweep, alone, since
from api.sandbox.server import Sandbox
from api.stripe.delivery import Tools
from api.stripe.sweep.comparing import Pace
from api.stripe.sweep.run import STAGES, latest, try_out
from ledger.ids import new_id
from ledger.payments.commands import RecordPaymentSnapshot
from ledger.store import conninfo
from tests.api.stripe.subscribers import Subscribers
from tests.api.stripe.world import WORKER, Bench, World
from tests.api.support import until

NIGHT = datetime(2027, 3, 1, 2, 30, tzinfo=UTC)
SUCCEEDED = ("payments.succeeded.v1", "payments.settled.v1")


def nightly(world: World) -> NightlySweep:
    return NightlySweep(world.client, world.store, world.clock)


async def confirmed_in_silence(world: World, bench: Bench) -> str:
    """A payment whose cardholder has confirmed it, and nobody has told us."""
    payment_id = await world.pay("pm_card_authenticationRequired")
    bench.pass_challenge((await world.payment(payment_id)).payment_intent_id)
    bench.advance(timedelta(seconds=5), world)
    await world.project()
    return payment_id


async def test_it_runs_once_a_night_and_tells_what_it_recorded(world: World, bench: Bench) -> None:
    bench.advance(NIGHT - bench.now(), world)
    payment_id = await confirmed_in_silence(world, bench)
    assert await nightly(world)(world.conn) == 1
    [sweep] = await latest(world.conn, 9)
    [finding] = sweep.findings
    assert (sweep.sweep_id, sweep.cause, sweep.found, sweep.stages) == ("2027-03-01", "night", 1, len(STAGES))
    assert sweep.finished_at is not None
    assert (finding.kind, finding.subject, finding.recorded) == ("payment", payment_id, SUCCEEDED)
    await confirmed_in_silence(world, bench)
    assert await nightly(world)(world.conn) == 0, "any other worker finds it done"
    bench.advance(timedelta(days=1), world)
    await world.project()
    assert await nightly(world)(world.conn) == 1
    assert [one.sweep_id for one in await latest(world.conn, 9)] == ["2027-03-02", "2027-03-01"]


async def test_the_first_of_a_ledger_waits_for_its_night_and_a_missed_one_is_made_up_for(
    world: World, bench: Bench
) -> None:
    bench.advance(NIGHT + timedelta(hours=5) - bench.now(), world)
    assert (await nightly(world)(world.conn), await latest(world.conn, 9)) == (0, [])
    bench.advance(timedelta(hours=19), world)
    await nightly(world)(world.conn)
    bench.advance(timedelta(hours=30), world)
    await nightly(world)(world.conn)
    assert [one.sweep_id for one in await latest(world.conn, 9)] == ["2027-03-03", "2027-03-02"]


async def test_one_that_was_cut_off_goes_on_where_it_was(world: World, bench: Bench) -> None:
    bench.advance(NIGHT - bench.now(), world)
    await confirmed_in_silence(world, bench)
    bench.fault("error_before", "/v1/refunds", "GET", times=None)
    with pytest.raises(stripe.APIError):
        await nightly(world)(world.conn)
    [sweep] = await latest(world.conn, 9)
    assert (sweep.stages, sweep.found, sweep.finished_at) == (3, 1, None)
    bench.clear()
    bench.fault("error_before", "/v1/subscriptions", "GET", times=None)
    await nightly(world)(world.conn)
    [sweep] = await latest(world.conn, 9)
    assert (sweep.stages, sweep.found, sweep.finished_at is None) == (len(STAGES), 1, False)


async def test_two_do_not_sweep_at_once_and_a_killed_one_holds_up_nobody(
    world: World, database_url: str
) -> None:
    other = await AsyncConnection.connect(conninfo(database_url), autocommit=True)
    async with alone(other) as first:
        async with alone(world.conn) as second:
            assert (first, second) == (True, False)
        pid = other.info.backend_pid
        await other.close()  # as when its process dies

        async def is_gone() -> bool:
            found = await world.conn.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,))
            return await found.fetchone() is None

        await until(is_gone)
        async with alone(world.conn) as third:
            assert third


async def test_a_trial_tells_what_differs_and_records_nothing(world: World, bench: Bench) -> None:
    payment_id = await confirmed_in_silence(world, bench)
    refunded = await world.pay()
    charge = (await world.payment(refunded)).charge_id
    await world.client.v1.refunds.create_async({"charge": charge, "amount": 400})
    bench.dispute((await world.payment(await world.pay())).charge_id)
    bench.advance(timedelta(seconds=5), world)
    await world.project()
    head = await world.store.head()
    tools = Tools(world.store, world.client, world.clock)
    compared, findings = await try_out(tools, world.conn, world.clock.now() - timedelta(days=3), Pace(1000))
    assert {(one.kind, one.recorded) for one in findings} == {
        ("payment", ()),
        ("refund", ()),
        ("dispute", ()),
    }
    assert payment_id in {one.subject for one in findings}
    assert compared >= len(findings)
    assert (await world.store.head(), await latest(world.conn, 9)) == (head, [])


async def test_an_open_dispute_that_is_known_is_no_finding(world: World, bench: Bench) -> None:
    people = Subscribers(world, bench)
    people.set_out()
    await people.subscribe()
    [invoice] = await people.invoices()
    bench.dispute(invoice["charge_id"])
    tools = Tools(world.store, world.client, world.clock)
    now = world.clock.now()
    _, findings = await try_out(tools, world.conn, now - timedelta(days=3), Pace(1000))
    assert {(one.kind, one.subject) for one in findings} == {("invoice", invoice["stripe_invoice_id"])}
    await people.hear()
    assert (await try_out(tools, world.conn, now - timedelta(days=3), Pace(1000)))[1] == []


async def test_what_is_anothers_or_lost_is_left_alone(world: World, bench: Bench) -> None:
    bench.advance(NIGHT - bench.now(), world)
    for metadata in ({}, {"payment_id": new_id("pay"), "ledger_id": world.store.ledger_id, "user_id": "u"}):
        await world.client.v1.payment_intents.create_async(
            {"amount": 700, "currency": "usd", "metadata": metadata}
        )
    assert await nightly(world)(world.conn) == 0
    assert (await latest(world.conn, 1))[0].compared == 0


async def test_a_subscription_that_a_restore_has_lost_is_not_taken_up_in_passing(
    world: World, bench: Bench
) -> None:
    bench.advance(NIGHT - bench.now(), world)
    monthly: Any = {
        "currency": "usd",
        "unit_amount": 999,
        "recurring": {"interval": "month"},
        "product_data": {"name": "Pro"},
    }
    price = await world.client.v1.prices.create_async(monthly)
    customer = await world.client.v1.customers.create_async()
    lost: Any = {
        "customer": customer.id,
        "items": [{"price": price.id}],
        "payment_behavior": "default_incomplete",
        "metadata": {
            "subscription_id": new_id("sub"),
            "user_id": "usr_1",
            "ledger_id": world.store.ledger_id,
        },
    }
    await world.client.v1.subscriptions.create_async(lost)
    assert await nightly(world)(world.conn) == 0
    assert await world.store.read_stream("subscriber-usr_1") == []


async def test_what_stripe_does_not_know_holds_up_no_sweep(world: World, bench: Bench) -> None:
    """As in a ledger of another account."""
    bench.advance(NIGHT - bench.now(), world)
    told: dict[str, Any] = {
        "command_id": new_id("cmd"),
        "effective_at": world.clock.now(),
        "amount_received_minor": 0,
    }
    gone = await world.initiate()
    snapshot = RecordPaymentSnapshot(
        payment_id=gone,
        payment_intent_id="pi_gone",
        status="processing",
        amount_minor=10_000,
        currency="usd",
        **told,
    )
    await world.store.handle(snapshot, WORKER)
    await confirmed_in_silence(world, bench)
    assert await nightly(world)(world.conn) == 1
    assert (await latest(world.conn, 1))[0].finished_at is not None


async def test_what_was_settled_is_not_asked_for_one_by_one(
    world: World, bench: Bench, sandbox: Sandbox
) -> None:
    bench.advance(NIGHT - bench.now(), world)
    for _ in range(5):
        await world.pay()
    bench.advance(timedelta(seconds=5), world)
    await world.receive(await world.events())
    bench.fault("error_before", "/v1/payment_intents/", "GET", times=None)
    assert await nightly(world)(world.conn) == 0
    assert (await latest(world.conn, 1))[0].compared == 5


async def test_after_weeks_without_one_more_is_compared(world: World) -> None:
    now = NIGHT
    assert await since(world.conn, now) == now - timedelta(days=3)
    told = """
        INSERT INTO stripe_sweeps (sweep_id, cause, since, started_at, finished_at)
        VALUES (%s, 'night', %s, %s, %s)
    """
    for days, expected in ((60, 30), (10, 11), (1, 3)):
        at = now - timedelta(days=days)
        await world.conn.execute(told, (f"{at.date()}", at, at, at))
        assert await since(world.conn, now) == now - timedelta(days=expected)


async def test_calls_are_spread_so_that_cardholders_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    pace: Any = Pace(per_second=4)
    for _ in range(4):
        await pace()
    assert slept == [0.25, 0.5, 0.75]
