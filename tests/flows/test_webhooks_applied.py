"""Webhooks that come twice, late, in any order, or never: the books end up the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from stripe import StripeClient

from api.stripe.delivery import IMPATIENCE
from api.stripe.gateway import Postponed
from api.stripe.objects import StripeEvent, parse_dict
from api.stripe.payments import lookup
from ledger.effects import ApplyWebhook
from ledger.webhooks.decider import SUBSCRIBED
from tests.api.stripe.world import WEBHOOKS, WORKER, Bench, World


def applying(event: StripeEvent) -> ApplyWebhook:
    return ApplyWebhook(
        stripe_event_id=event.id,
        stripe_event_type=event.type,
        object_id=event.data.object.id,
        payment_intent_id=event.data.object.id,
    )


async def results(world: World) -> list[str]:
    return [row["result"] for row in await world.rows(WEBHOOKS)]


async def test_each_event_is_applied_once_and_says_what_it_was_about(world: World) -> None:
    payment_id = await world.pay()
    events = await world.events()
    await world.receive([*events, *events])
    rows = await world.rows(WEBHOOKS)
    assert len(rows) == len(events)
    assert {row["subject"] for row in rows} == {payment_id}
    assert [row["result"] for row in rows].count("applied") == 1


async def test_the_newest_event_first_leaves_nothing_for_the_others(world: World) -> None:
    await world.pay()
    await world.receive(reversed(await world.events()))
    first, *others = await results(world)
    assert (first, set(others)) == ("applied", {"unchanged"})


async def test_anothers_payment_intent_is_ignored_in_plain_sight_and_its_money_is_not(
    world: World, client: StripeClient
) -> None:
    theirs = await client.v1.payment_intents.create_async(
        {
            "amount": 700,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    await world.receive(await world.events())
    rows = await world.rows(WEBHOOKS)
    moved, begun = ("unexplained", theirs.id), ("ignored", theirs.id)
    assert {(row["result"], row["subject"]) for row in rows} == {moved, begun}


async def test_a_payment_that_only_stripe_knows_is_not_dropped(world: World, client: StripeClient) -> None:
    await client.v1.payment_intents.create_async(
        {"amount": 700, "currency": "usd", "metadata": {"payment_id": "pay_of_another_ledger"}}
    )
    [event] = await world.events()
    await world.receive([event])
    assert await results(world) == [""]
    with pytest.raises(Postponed, match="pay_of_another_ledger") as raised:
        await world.gateway.deliver(applying(event), WORKER)
    assert raised.value.tries == IMPATIENCE


async def test_an_object_that_stripe_does_not_know_is_tried_a_while_and_then_shown(world: World) -> None:
    effect = ApplyWebhook(
        stripe_event_id="evt_x",
        stripe_event_type="payment_intent.succeeded",
        object_id="pi_gone",
        payment_intent_id="pi_gone",
    )
    with pytest.raises(Postponed, match="pi_gone") as raised:
        await world.gateway.deliver(effect, WORKER)
    assert raised.value.tries == IMPATIENCE


async def test_a_stripe_that_is_away_is_waited_for(world: World, bench: Bench) -> None:
    payment_id = await world.pay()
    bench.fault("error_before", "/v1/payment_intents/", "GET", times=None)
    events = await world.events()
    await world.receive(events)
    assert set(await results(world)) == {""}
    bench.sandbox.call(bench.sandbox.state.faults.clear)
    assert await world.settle() == []
    assert "" not in await results(world)
    assert (await world.facts(payment_id))[-1] == "settled"


async def test_a_charge_leads_to_its_payment(world: World) -> None:
    payment_id = await world.pay()
    charge_id = (await world.payment(payment_id)).charge_id
    told = parse_dict(
        {
            "id": "evt_legacy",
            "type": "charge.dispute.created",
            "created": int(world.clock.now().timestamp()),
            "livemode": False,
            "data": {"object": {"object": "dispute", "id": "du_1", "charge": charge_id}},
        },
        StripeEvent,
    )
    await world.receive([told])
    [row] = await world.rows(WEBHOOKS)
    assert row["subject"] == payment_id


async def test_events_lost_in_the_middle_are_found(world: World) -> None:
    first = await world.pay()
    second = await world.pay()
    events = await world.events()
    lost = [event for event in events[1:-1] if event.type in SUBSCRIBED]
    assert len(lost) == 3
    await world.receive([events[0], events[-1]])
    missed = await world.catch_up()
    assert [each.stripe_event_id for each in missed] == [event.id for event in lost]
    assert await world.catch_up() == []
    rows = await world.rows("SELECT stripe_event_id, caught_up, result FROM webhooks")
    assert {row["stripe_event_id"] for row in rows if row["caught_up"]} == {event.id for event in lost}
    assert all(row["result"] for row in rows)
    for payment_id in (first, second):
        assert (await world.facts(payment_id))[-1] == "settled"
    assert await world.stripe_in_books() == await world.stripe_balance()


async def test_catching_up_passes_over_what_nobody_follows(world: World, client: StripeClient) -> None:
    await client.v1.customers.create_async({})
    assert await world.catch_up() == []
    assert await results(world) == []


async def test_more_than_a_page_of_lost_events_is_found(world: World, bench: Bench) -> None:
    for _ in range(51):
        await world.pay(amount=1_000)
    bench.advance(timedelta(minutes=1), world)
    missed = await world.catch_up()
    needed = [event for event in await world.events() if event.type in SUBSCRIBED]
    assert len(missed) == len(needed) > 100
    assert await world.stripe_in_books() == await world.stripe_balance()


async def test_stripe_is_asked_for_all_that_an_endpoint_needs_and_for_no_more_than_it_takes_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    events = lookup.events

    def asking(*given: Any, types: tuple[str, ...], **more: Any) -> AsyncIterator[StripeEvent]:
        asked.append(types)
        return events(*given, types=types, **more)

    monkeypatch.setattr(lookup, "events", asking)
    await world.catch_up()
    assert sum(asked, ()) == SUBSCRIBED
    assert max(map(len, asked)) <= 20 < len(SUBSCRIBED)
