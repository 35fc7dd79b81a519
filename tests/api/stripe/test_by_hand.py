"""Invoices that are made by hand at Stripe: of our subscription they are followed, others are foreign."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.stripe.accountant import Accountant
from tests.api.stripe.subscribers import Subscribers, agrees_with_stripe
from tests.api.stripe.world import Bench, World


@pytest.fixture
def people(world: World, bench: Bench) -> Subscribers:
    subscribers = Subscribers(world, bench)
    subscribers.set_out()
    return subscribers


class Support:
    def __init__(self, world: World) -> None:
        self._stripe: Any = world.client.v1

    async def bills(self, customer: str, amount: int, **more: Any) -> Any:
        """A draft with one item."""
        owner = {"customer": customer} | more
        item = {"amount": amount, "currency": "usd", "description": "Help with the migration"}
        await self._stripe.invoice_items.create_async(owner | item)
        return await self._stripe.invoices.create_async(owner | {"pending_invoice_items_behavior": "include"})

    async def stranger(self) -> str:
        return str((await self._stripe.customers.create_async()).id)

    async def collects(self, draft: Any) -> None:
        await self._stripe.invoices.finalize_invoice_async(draft.id)
        card = await self._stripe.payment_methods.attach_async("pm_card_visa", {"customer": draft.customer})
        await self._stripe.invoices.pay_async(draft.id, {"payment_method": card.id})

    async def credits(self, draft: Any, amount: int) -> None:
        params = {"invoice": draft.id, "amount": amount, "refund_amount": amount}
        await self._stripe.credit_notes.create_async(params)


async def test_one_of_our_subscription_is_followed_as_its_invoice(world: World, people: Subscribers) -> None:
    support = Support(world)
    subscription_id = await people.subscribe()
    before = await people.state(subscription_id)
    at_stripe = await people.at_stripe(subscription_id)
    draft = await support.bills(at_stripe["customer"], 4_500, subscription=at_stripe["id"])
    await people.hear()
    await support.collects(draft)
    await people.hear()
    [found] = [row for row in await people.invoices() if row["stripe_invoice_id"] == draft.id]
    assert (found["status"], found["total_minor"]) == ("paid", 4_500)
    assert found["subscription_id"] == subscription_id
    await support.credits(draft, 500)
    await people.hear()
    now = await people.state(subscription_id)
    assert (now.tier, now.interval_minor, now.status) == (before.tier, before.interval_minor, before.status)
    await agrees_with_stripe(people)
    assert await Accountant(world).sweep() == 0


async def test_what_its_own_discounts_and_those_of_its_items_take_is_in_the_books(
    world: World, people: Subscribers
) -> None:
    stripe: Any = world.client.v1
    at_stripe = await people.at_stripe(await people.subscribe())
    owner = {"customer": at_stripe["customer"], "subscription": at_stripe["id"]}
    tenth, off = [
        (await stripe.coupons.create_async(terms)).id
        for terms in ({"percent_off": 10}, {"amount_off": 500, "currency": "usd"})
    ]
    item = {"amount": 4_500, "currency": "usd", "discounts": [{"coupon": tenth}]}
    await stripe.invoice_items.create_async(owner | item)
    draft = await stripe.invoices.create_async(
        owner | {"pending_invoice_items_behavior": "include", "discounts": [{"coupon": off}]}
    )
    await Support(world).collects(draft)
    await people.hear()
    [found] = [row for row in await people.invoices() if row["stripe_invoice_id"] == draft.id]
    assert (found["status"], found["total_minor"]) == ("paid", 3_550)
    await agrees_with_stripe(people)
    assert await Accountant(world).sweep() == 0


async def test_one_of_a_customer_alone_is_anothers_and_its_money_is_unexplained(
    world: World, people: Subscribers
) -> None:
    support = Support(world)
    await people.subscribe()
    ours = await people.invoices()
    await support.collects(await support.bills(await support.stranger(), 1_200))
    await support.collects(await support.bills(await people.customer("usr_1"), 800))
    await people.hear()
    accountant = Accountant(world)
    await accountant.sweep()
    assert await people.invoices() == ours
    assert sorted(row["amount_minor"] for row in await accountant.unclaimed()) == [800, 1_200]
    await accountant.check()
