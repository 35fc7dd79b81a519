"""What somebody changes in Stripe's dashboard: followed, or said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.subscriptions.changes import what_it_means, what_to_do
from ledger.subscriptions.refusals import BilledOtherwise
from projections.queries.revenue import mrr
from tests.api.stripe.subscribers import DAY, Subscribers, agrees_with_stripe, downgrade, price
from tests.api.stripe.world import Bench, World


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


class Dashboard:
    """Somebody at Stripe's dashboard, with the subscription of a user of ours."""

    def __init__(self, people: Subscribers, subscription_id: str) -> None:
        self.people, self.subscription_id = people, subscription_id

    @property
    def _stripe(self) -> Any:
        return self.people.world.client.v1

    async def change(self, **wish: Any) -> None:
        at_stripe = await self.people.at_stripe(self.subscription_id)
        await self._stripe.subscriptions.update_async(at_stripe["id"], wish)
        await self.people.hear()

    async def set_plan(self, **wish: Any) -> None:
        at_stripe = await self.people.at_stripe(self.subscription_id)
        item = at_stripe["items"]["data"][0]["id"]
        how = wish.pop("proration_behavior", "always_invoice")
        await self.change(items=[{"id": item, **wish}], proration_behavior=how)

    async def add(self, price_id: str, quantity: int = 1) -> str:
        at_stripe = await self.people.at_stripe(self.subscription_id)
        params: Any = {"subscription": at_stripe["id"], "price": price_id, "quantity": quantity}
        made = await self._stripe.subscription_items.create_async(params)
        await self.people.hear()
        return str(made.id)

    async def take_away(self, item: str) -> None:
        await self._stripe.subscription_items.delete_async(item)
        await self.people.hear()

    async def price(self, amount: int = 500, interval: str = "month", **more: Any) -> str:
        params: Any = {
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": interval, "interval_count": more.pop("count", 1)},
            "product_data": {"name": "Support"},
            **more,
        }
        return str((await self._stripe.prices.create_async(params)).id)


async def bring_in(people: Subscribers) -> int:
    await people.world.project()
    found = await mrr(people.world.conn, people.world.clock.now() + DAY)
    return sum(one.mrr_minor for one in found)


@pytest.fixture
async def ann(people: Subscribers) -> Dashboard:
    subscription_id = await people.subscribe()
    await people.live(10, step=10)
    return Dashboard(people, subscription_id)


async def test_of_three_the_revenue_the_renewal_and_an_upgrade_are_of_three(
    people: Subscribers, ann: Dashboard
) -> None:
    await ann.set_plan(quantity=3)
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.price_minor, known.quantity, known.interval_minor) == ("pro", 999, 3, 2_997)
    assert await bring_in(people) == 2_997
    await people.live(20, step=10)
    assert [row["total_minor"] for row in await people.invoices()][-1] == 2_997
    told = await people.preview(ann.subscription_id, "enterprise")
    assert told.total_minor == told.ours.charge_minor
    await people.change(ann.subscription_id, "enterprise")
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.interval_minor, known.change) == ("enterprise", 3 * 9_900, None)
    await people.hear()
    assert [row["total_minor"] for row in await people.invoices()][-1] == told.ours.charge_minor
    assert await bring_in(people) == 3 * 9_900
    await agrees_with_stripe(people)


@pytest.mark.parametrize("behind_s", [0, 5])
@pytest.mark.parametrize("percent_off", [0, 50])
async def test_what_a_quantity_is_to_cost_yet_is_paid_with_the_upgrade_and_counts_as_paid(
    people: Subscribers, ann: Dashboard, percent_off: int, behind_s: int
) -> None:
    """The dashboard bills the rest of the period with the next invoice, unless it is told otherwise. Our
    clock may be behind Stripe's.
    """
    people.bench.advance(timedelta(seconds=behind_s))
    if percent_off:
        terms: Any = {"percent_off": percent_off, "duration": "forever"}
        coupon = await people.world.client.v1.coupons.create_async(terms)
        await ann.change(discounts=[{"coupon": coupon.id}])
    await ann.set_plan(quantity=3, proration_behavior="create_prorations")
    told = await people.preview(ann.subscription_id, "enterprise")
    anew = told.ours.used_anew_minor
    assert (told.ours.given_back_minor, told.total_minor) == (0, anew - 642), (
        "of one month of one, 642 are left"
    )
    await people.change(ann.subscription_id, "enterprise")
    await people.hear()
    upgrade = await people.invoice((await people.invoices())[-1]["stripe_invoice_id"])
    assert (upgrade.total_minor, upgrade.takes_minor, upgrade.overgiven) == (anew - 642, 642, False)
    [first, _] = await people.invoices()
    assert (await people.invoice(first["stripe_invoice_id"])).taken_minor == 642
    await agrees_with_stripe(people)


@pytest.mark.parametrize(("of", "worth", "anew"), [("pro", 499, 9_900), ("enterprise", 999, 4_950)])
async def test_a_coupon_limited_to_a_plan_takes_of_that_plan_alone(
    people: Subscribers, ann: Dashboard, of: str, worth: int, anew: int
) -> None:
    if of == "enterprise":
        await people.subscribe("enterprise", user_id="usr_2")  # so that it is a product at Stripe
    terms: Any = {"percent_off": 50, "duration": "forever", "applies_to": {"products": [f"liberation_{of}"]}}
    coupon = await people.world.client.v1.coupons.create_async(terms)
    await ann.change(discounts=[{"coupon": coupon.id}])
    await people.live(21, step=7)
    renewed = (await people.invoices())[-1]
    assert renewed["total_minor"] == (await people.state(ann.subscription_id)).paid_minor == worth
    told = await people.preview(ann.subscription_id, "enterprise")
    assert told.total_minor == told.ours.charge_minor
    await people.change(ann.subscription_id, "enterprise")
    await people.live(31, step=31)
    assert (await people.invoices())[-1]["total_minor"] == anew
    known = await people.state(ann.subscription_id)
    assert known.after_discounts(9_900, "enterprise") == anew
    await agrees_with_stripe(people)


async def test_a_quantity_that_is_discounted_is_upgraded_at_what_was_billed(
    people: Subscribers, ann: Dashboard
) -> None:
    terms: Any = {"percent_off": 50, "duration": "forever"}
    coupon = await people.world.client.v1.coupons.create_async(terms)
    await ann.change(discounts=[{"coupon": coupon.id}])
    await ann.set_plan(quantity=3)
    told = await people.preview(ann.subscription_id, "enterprise")
    assert (told.ours.unused_minor, told.total_minor) == (963, told.ours.charge_minor)
    await agrees_with_stripe(people)


async def test_a_downgrade_of_three_is_of_three_and_a_quantity_counts_while_it_waits(
    people: Subscribers, ann: Dashboard
) -> None:
    await people.change(ann.subscription_id, "enterprise")
    await people.asks(downgrade(people, ann.subscription_id, "pro"))
    await ann.set_plan(quantity=3)
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.interval_minor) == ("enterprise", 3 * 9_900)
    assert known.change is not None
    await people.live(20, step=10)
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.interval_minor, known.change) == ("pro", 2_997, None)


async def test_what_is_billed_beside_the_plan_counts_and_leaves_the_plan_as_it_is(
    people: Subscribers, ann: Dashboard
) -> None:
    item = await ann.add(await ann.price(500), quantity=2)
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.quantity, known.other_items, known.interval_minor) == ("pro", 1, 1, 1_999)
    assert await bring_in(people) == 1_999
    told = await people.preview(ann.subscription_id, "enterprise")
    assert told.total_minor == told.ours.charge_minor + told.waited_minor
    assert told.waited_minor > 0, "what was added goes on the invoice of the upgrade"
    assert told.ours.given_back_minor == 0, "and so it is paid with it, and taken off there"
    await people.change(ann.subscription_id, "enterprise")
    await people.hear()
    assert (await people.invoices())[-1]["total_minor"] == told.total_minor
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.interval_minor) == ("enterprise", 10_900)
    await ann.take_away(item)
    known = await people.state(ann.subscription_id)
    assert (known.other_items, known.interval_minor) == (0, 9_900)
    await agrees_with_stripe(people)


async def test_of_two_plans_the_higher_is_the_plan_whichever_came_first(
    people: Subscribers, ann: Dashboard
) -> None:
    await ann.add(await ann.price(9_000, metadata={"tier": "enterprise"}))
    known = await people.state(ann.subscription_id)
    assert (known.tier, known.price_minor, known.others_minor) == ("enterprise", 9_000, 999)
    assert await bring_in(people) == 9_999


@pytest.mark.parametrize(
    ("price_of", "why", "monthly"),
    [
        ({"amount": 700}, "price_without_tier", 700),
        ({"amount": 8_400, "interval": "year"}, "price_without_tier", 700),
        ({"amount": 3_000, "count": 3, "metadata": {"tier": "enterprise"}}, "price_interval", 1_000),
        ({"amount": 700, "interval": "week"}, "price_interval", 3_042),
    ],
)
async def test_a_price_that_is_no_plan_is_said_and_refused_until_it_is_corrected(
    people: Subscribers, ann: Dashboard, price_of: Any, why: str, monthly: int
) -> None:
    await ann.set_plan(price=await ann.price(**price_of))
    known = await people.state(ann.subscription_id)
    named = price_of.get("metadata", {}).get("tier", "pro")
    assert (known.not_followed, known.tier, known.status) == (why, named, "active")
    assert await bring_in(people) == monthly
    with pytest.raises(BilledOtherwise) as refused:
        await people.change(ann.subscription_id, "enterprise")
    assert refused.value.detail == what_it_means(known)
    assert "Stripe's dashboard" in what_to_do(known)
    await agrees_with_stripe(people)
    await ann.set_plan(price=await ann.price(9_900, metadata={"tier": "enterprise"}))
    known = await people.state(ann.subscription_id)
    assert (known.not_followed, known.tier, known.interval_minor) == ("", "enterprise", 9_900)


async def test_a_price_that_is_given_a_tier_is_a_plan_from_then_on(
    people: Subscribers, ann: Dashboard
) -> None:
    named = await ann.price(700)
    await ann.set_plan(price=named)
    assert (await people.state(ann.subscription_id)).not_followed
    await people.world.client.v1.prices.update_async(named, {"metadata": {"tier": "enterprise"}})
    await people.hear()
    known = await people.state(ann.subscription_id)
    assert (known.not_followed, known.tier, known.price_minor) == ("", "enterprise", 700)


async def test_a_trial_that_is_given_longer_or_cut_is_followed(people: Subscribers) -> None:
    subscription_id = await people.subscribe(trial_days=14)
    dashboard = Dashboard(people, subscription_id)
    later = people.bench.now() + 30 * DAY
    await dashboard.change(trial_end=int(later.timestamp()))
    known = await people.state(subscription_id)
    assert (known.status, known.trial_end, known.period_end) == ("trialing", later, later)
    await dashboard.change(trial_end="now")
    known = await people.state(subscription_id)
    assert (known.status, await bring_in(people)) == ("active", price("pro", "month"))
    await agrees_with_stripe(people)


async def test_an_end_that_is_moved_and_taken_back_is_followed(people: Subscribers, ann: Dashboard) -> None:
    for days in (3, 12):
        at = people.bench.now() + days * DAY
        await ann.change(cancel_at=int(at.timestamp()))
        assert (await people.state(ann.subscription_id)).cancel_at == at
    await ann.change(cancel_at="")
    assert (await people.state(ann.subscription_id)).cancel_at is None


async def test_a_period_that_begins_anew_is_followed(people: Subscribers, ann: Dashboard) -> None:
    before = await people.state(ann.subscription_id)
    await ann.change(billing_cycle_anchor="now", proration_behavior="always_invoice")
    known = await people.state(ann.subscription_id)
    assert before.period_start is not None
    assert known.period_start is not None
    assert known.period_start > before.period_start + 9 * DAY
    assert known.anchor_at == known.period_start
    await agrees_with_stripe(people)


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
async def test_collection_that_is_paused_and_resumed_is_followed(
    people: Subscribers, ann: Dashboard, behavior: str
) -> None:
    await ann.change(pause_collection={"behavior": behavior})
    assert ((await people.state(ann.subscription_id)).status, await bring_in(people)) == ("paused", 0)
    await ann.change(pause_collection="")
    assert (await people.state(ann.subscription_id)).status == "active"


async def test_one_that_is_ended_there_is_over_here_and_another_can_begin(
    people: Subscribers, ann: Dashboard
) -> None:
    at_stripe = await people.at_stripe(ann.subscription_id)
    await people.world.client.v1.subscriptions.cancel_async(at_stripe["id"])
    await people.hear()
    assert (await people.state(ann.subscription_id)).status == "canceled"
    people.bench.advance(timedelta(hours=1), people.world)
    assert (await people.state(await people.subscribe())).status == "active"
