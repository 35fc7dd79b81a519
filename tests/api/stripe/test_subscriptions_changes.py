"""From one plan to another: paid before it is in force, or with the next period."""

from __future__ import annotations

import pytest

from api.stripe.billing.catalogue import Plan
from ledger.money import step_minor
from ledger.subscriptions.commands import RequestChange
from ledger.subscriptions.refusals import IntervalChange, PreviewMismatch
from tests.api.stripe.subscribers import DAY, Subscribers, agrees_with_stripe, downgrade
from tests.api.stripe.world import Bench, World, recorded_by


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


async def test_an_upgrade_is_prorated_and_charged_as_previewed(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.live(14, step=14)
    told = await people.preview(subscription_id, "enterprise")
    assert told.total_minor == told.ours.charge_minor
    await people.change(subscription_id, "enterprise")
    known = await people.state(subscription_id)
    assert (known.tier, known.price_minor, known.change) == ("enterprise", 9_900, None)
    _, charged = await people.invoices()
    assert charged["billing_reason"] == "subscription_update"
    assert charged["total_minor"] == told.ours.charge_minor
    await people.live(20, step=5)
    assert [row["total_minor"] for row in await people.invoices()][2:] == [9_900]
    assert [row["deferred_minor"] for row in await people.invoices()][:2] == [0, 0]
    await agrees_with_stripe(people)


async def test_to_a_year_a_new_period_begins(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.live(10, step=10)
    await people.change(subscription_id, "pro", "year")
    known = await people.state(subscription_id)
    assert (known.interval, known.price_minor) == ("year", 9_990)
    assert known.period_end is not None
    assert known.period_end.date() == people.world.clock.now().date().replace(year=2028)
    await people.hear()
    await agrees_with_stripe(people)


async def test_an_upgrade_that_is_not_paid_is_not_in_force(people: Subscribers) -> None:
    subscription_id = await people.subscribe()
    await people.turn(subscription_id, "pm_card_chargeCustomerFail")
    (delivered,) = await people.change(subscription_id, "enterprise")
    known = await people.state(subscription_id)
    assert known.change is not None
    assert (known.tier, known.status, known.change.status) == ("pro", "active", "pending")
    assert "invoices.payment_failed.v1" in recorded_by(delivered.invoice)
    await people.live(1.5, step=0.5)
    known = await people.state(subscription_id)
    assert (known.tier, known.change) == ("pro", None)
    assert (await people.facts())[-1] == "change_failed"
    await agrees_with_stripe(people)


async def test_a_downgrade_comes_with_the_next_period(people: Subscribers) -> None:
    subscription_id = await people.subscribe("enterprise")
    await people.live(5, step=5)
    await people.asks(downgrade(people, subscription_id, "pro"))
    await people.hear()
    known = await people.state(subscription_id)
    assert (known.tier, known.price_minor) == ("enterprise", 9_900)
    assert len(await people.invoices()) == 1
    await people.live(24, step=6)
    known = await people.state(subscription_id)
    assert (known.tier, known.price_minor, known.change) == ("pro", 999, None)
    assert [row["total_minor"] for row in await people.invoices()] == [9_900, 999]


async def test_a_downgrade_is_withdrawn(people: Subscribers) -> None:
    subscription_id = await people.subscribe("enterprise")
    await people.asks(downgrade(people, subscription_id, "pro"))
    await people.asks(downgrade(people, subscription_id, "enterprise"))
    await people.hear()
    await people.live(30, step=10)
    assert [row["total_minor"] for row in await people.invoices()] == [9_900, 9_900]
    assert "changed" not in await people.facts()


async def test_an_upgrade_instead_of_a_downgrade_credits_what_was_paid(people: Subscribers) -> None:
    subscription_id = await people.subscribe("enterprise")
    await people.asks(downgrade(people, subscription_id, "pro"))
    await people.live(10, step=10)
    told = await people.preview(subscription_id, "enterprise", "year")
    assert told.total_minor is None
    await people.change(subscription_id, "enterprise", "year")
    assert [row["total_minor"] for row in await people.invoices()][-1] == told.ours.charge_minor
    await people.hear()
    assert (await people.facts()).count("changed") == 1
    await agrees_with_stripe(people)


async def test_a_downgrade_to_another_interval_is_refused_and_leaves_all_as_it_was(
    people: Subscribers,
) -> None:
    subscription_id = await people.subscribe("pro", "year")
    with pytest.raises(IntervalChange, match="cancel it for the end of the period"):
        await people.asks(downgrade(people, subscription_id, "pro"))
    known = await people.state(subscription_id)
    assert (known.interval, known.change) == ("year", None)


async def test_a_preview_on_which_stripe_and_we_differ_promises_nothing(
    people: Subscribers, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription_id = await people.subscribe()
    monkeypatch.setattr("api.sandbox.resources.billing.entries.share", lambda *_: 1)
    with pytest.raises(PreviewMismatch, match="nothing was changed"):
        await people.preview(subscription_id, "enterprise")


STEPPED = [("kwd", 3_330, 33_310), ("ugx", 3_777_700, 37_777_100)]


@pytest.mark.parametrize(("currency", "pro", "enterprise"), STEPPED)
async def test_an_upgrade_in_steps_of_its_currency_is_offered_asked_and_charged_in_them(
    people: Subscribers, currency: str, pro: int, enterprise: int
) -> None:
    subscription_id = await people.subscribe(currency=currency, price_minor=pro)
    people.bench.advance(10 * DAY + DAY / 7, people.world)
    plan = Plan("enterprise", "month", currency, enterprise)
    told = await people.world.gateway.preview_change("usr_1", subscription_id, plan, people.world.clock.now())
    assert told.total_minor == told.ours.charge_minor
    assert told.ours.charge_minor % step_minor(currency) == 0
    wish = people.ask(
        RequestChange,
        subscription_id=subscription_id,
        change_id="chg_1",
        tier="enterprise",
        interval="month",
        currency=currency,
        price_minor=enterprise,
        catalogue_version="2026-03",
        proration_at=told.ours.proration_at,
        expected_minor=told.ours.charge_minor,
    )
    await people.asks(wish)
    assert (await people.state(subscription_id)).tier == "enterprise"
    await people.hear()
    assert [row["total_minor"] for row in await people.invoices()] == [pro, told.ours.charge_minor]


WRITTEN = [("jpy", 980, "980 JPY"), ("kwd", 3_330, "3.330 KWD")]


@pytest.mark.parametrize(("currency", "price_minor", "text"), WRITTEN)
async def test_a_line_says_what_the_plan_costs_with_the_currencys_decimals(
    people: Subscribers, currency: str, price_minor: int, text: str
) -> None:
    await people.subscribe(currency=currency, price_minor=price_minor)
    (invoice,) = await people.invoices()
    (line,) = (await people.invoice(invoice["stripe_invoice_id"])).lines.values()
    rows = await people.world.rows("SELECT description FROM invoice_lines")
    assert (line.booked_minor, rows[0]["description"]) == (price_minor, f"1 x Pro (at {text} / month)")
