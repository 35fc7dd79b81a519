"""Disputes of parts of one charge, above what refunds left of it, and what Stripe takes for them: the books
are Stripe's at each step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.sandbox.settings import DisputeFees
from ledger.licences.commands import PurchaseLicence
from tests.api.stripe import test_sales as sales
from tests.api.stripe.accountant import Accountant
from tests.api.stripe.subscribers import Subscribers, agrees_with_stripe
from tests.api.stripe.world import Bench, World
from tests.ledger import licence_examples as licences
from tests.ledger.licence_payments import BOUGHT, CARD, GROSS, MANAGER


@pytest.fixture
def accountant(world: World) -> Accountant:
    return Accountant(world)


@pytest.fixture
async def charge_fees(bench: Bench) -> AsyncIterator[None]:
    """1500 for a dispute and 700 for answering it; both come back when it is won."""
    state = bench.sandbox.state
    fees = DisputeFees(countered=700, returns_received=True)
    bench.sandbox.call(lambda: setattr(state, "dispute_fees", fees))
    yield
    bench.sandbox.call(lambda: setattr(state, "dispute_fees", DisputeFees()))


async def balances(world: World) -> dict[str, int]:
    """In the books, which hold at Stripe what Stripe does."""
    await world.receive(await world.events())
    await world.make_funds_available()
    in_books = {currency: held for currency, held in (await world.stripe_in_books()).items() if held}
    assert in_books == {currency: held for currency, held in (await world.stripe_balance()).items() if held}
    found = await sales.balances(world)
    return {name: amount for name, amount in found.items() if name not in {"1010", "1011"}}


async def test_of_a_payment(world: World, bench: Bench) -> None:
    payment_id = await world.pay()
    await world.receive(await world.events())
    await world.refund(payment_id, 4_000)
    charge_id = (await world.payment(payment_id)).charge_id
    first, second = bench.dispute(charge_id, 7_000), bench.dispute(charge_id, 3_000, another=True)
    assert (await balances(world))["1200"] == 10_000
    assert (await world.stripe_in_books())["usd"] == -320 - 4_000 - 2 * 1_500, "below zero, as at Stripe"
    bench.resolve(first, won=False)
    bench.resolve(second, won=True)
    assert await balances(world) == {
        "4000": -10_000,
        "4900": 4_000,
        "4910": 7_000,
        "6000": 320,
        "6010": 3_000,
    }
    payment = await world.payment(payment_id)
    assert (payment.status, payment.refundable_minor, payment.kept_minor) == ("charged_back", 0, 0)
    rows = await world.rows("SELECT dispute_id, status, amount_minor FROM disputes ORDER BY amount_minor")
    assert [(row["status"], row["amount_minor"]) for row in rows] == [("won", 3_000), ("lost", 7_000)]


async def test_of_a_course(world: World, bench: Bench) -> None:
    await sales.buy(world)
    charge_id = (await world.payment("pay_1")).charge_id
    first, second = bench.dispute(charge_id, 6_000), bench.dispute(charge_id, 4_000, another=True)
    assert (await balances(world))["1200"] == 10_000
    bench.resolve(first, won=False)
    held = await balances(world)
    assert (held["2100 usr_ivy"], held["4910"], held["1200"]) == (-2_800, 1_800, 4_000)
    assert (await sales.row(world))["status"] == "revoked"
    bench.resolve(second, won=False)
    held = await balances(world)
    assert (held.get("2100 usr_ivy", 0), held["4910"], held.get("1200", 0)) == (0, 3_000, 0)


async def test_of_an_invoice(world: World, bench: Bench) -> None:
    people = Subscribers(world, bench)
    await people.subscribe()
    (invoice,) = await people.invoices()
    await people.world.client.v1.refunds.create_async({"charge": invoice["charge_id"], "amount": 300})
    whole = invoice["charged_minor"]
    first = bench.dispute(invoice["charge_id"], whole - 100)
    second = bench.dispute(invoice["charge_id"], 100, another=True)
    await people.hear()
    await agrees_with_stripe(people)
    (invoice,) = await people.invoices()
    assert (invoice["dispute"], invoice["disputed_minor"]) == ("disputed", whole)
    bench.resolve(first, won=False)
    bench.resolve(second, won=True)
    await people.hear()
    await agrees_with_stripe(people)
    (invoice,) = await people.invoices()
    assert (invoice["dispute"], invoice["disputed_minor"]) == ("charged_back", whole - 100)
    state = await people.invoice(invoice["stripe_invoice_id"])
    assert (state.creditable_minor, state.deferred_minor >= 0) == (0, True)
    assert (await balances(world))["4910"] == whole - 100


async def test_of_a_licence(world: World, bench: Bench) -> None:
    """What is taken back opens its invoice again; what is taken beyond the charge is the platform's loss."""
    bought = licences.command(
        PurchaseLicence,
        world.clock.now(),
        command_id="cmd_bought",
        org_id=licences.ORG,
        grant=licences.STARTER,
        months=12,
        billing=BOUGHT,
        payment_id="pay_1",
        **CARD | {"payment_method_id": "pm_card_visa"},
    )
    await world.store.handle(bought, MANAGER)
    await world.settle()
    charge_id = (await world.payment("pay_1")).charge_id
    await world.client.v1.refunds.create_async({"charge": charge_id, "amount": 10_000})
    first = bench.dispute(charge_id, GROSS - 5_000)
    second = bench.dispute(charge_id, 5_000, another=True)
    held = await balances(world)
    assert (held["1200"], held[f"1100 {licences.ORG}"]) == (GROSS, 10_000)
    bench.resolve(first, won=False)
    held = await balances(world)
    assert (held["1200"], held[f"1100 {licences.ORG}"], held["4910"]) == (5_000, GROSS, 5_000)
    bench.resolve(second, won=False)
    held = await balances(world)
    assert (held.get("1200", 0), held[f"1100 {licences.ORG}"], held["4910"]) == (0, GROSS, 10_000)
    assert not held.get(f"2300 {licences.ORG}")


@pytest.mark.usefixtures("charge_fees")
async def test_fees_come_back_as_stripe_gives_them_back(
    world: World, bench: Bench, accountant: Accountant
) -> None:
    payment_id = await world.pay()
    dispute_id = bench.dispute((await world.payment(payment_id)).charge_id)
    evidence: Any = {"evidence": {"product_description": "a course"}}
    await world.client.v1.disputes.update_async(dispute_id, evidence)
    await world.receive(await world.events())
    assert await accountant.sweep() == 1, "what the answer cost is in no list of the dispute's own"
    assert await accountant.held("6010") == 2_200
    bench.resolve(dispute_id, won=True)
    await world.receive(await world.events())
    assert await accountant.sweep() == 1
    assert await balances(world) == {"4000": -10_000, "6000": 320}
    await accountant.check()
