"""Others use our Stripe account beside us, and webhooks are lost, doubled and shuffled: whenever all is at
rest, cash is what Stripe has, and every balance transaction has one entry.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.sandbox.server import Sandbox, running_sandbox
from api.stripe.client import open_stripe
from projections.live import check
from tests.api.stripe.accountant import Accountant, Others, every_movement
from tests.api.stripe.world import Bench, World, fresh_database, open_world

Verb = Literal[
    "pay", "refund", "charge", "charge_named", "give_back", "dispute", "top_up", "take_back", "fee", "adjust",
    "reserve", "release", "pay_out", "wait", "restart", "away",
]  # fmt: skip
VERBS: list[Verb] = ["pay", "refund", "charge", "charge_named", "give_back", "dispute", "top_up", "take_back",
    "fee", "adjust", "reserve", "release", "pay_out", "wait", "restart", "away"]  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        yield sandbox


class Town:
    """One ledger, and whoever else there is."""

    def __init__(self, bench: Bench, world: World, lot: random.Random) -> None:
        self._bench, self._world, self._lot = bench, world, lot
        self.accountant, self._others = Accountant(world), Others(bench, world)
        self._ours: list[str] = []
        self._topups: list[str] = []
        self._reserved = 0

    async def do(self, verb: Verb) -> None:  # noqa: C901, PLR0912  one line or two for each
        amount = self._lot.randrange(100, 9_000)
        match verb:
            case "pay":
                self._ours.append(await self._world.pay(amount=amount))
            case "refund" if self._ours:
                await self._refund(self._lot.choice(self._ours))
            case "charge":
                await self._others.charge(amount, self._lot.choice(["usd", "eur"]))
            case "charge_named":
                named = {"payment_id": f"pay_{amount}", "ledger_id": self._lot.choice(["another", ""])}
                await self._others.charge(amount, metadata={key: one for key, one in named.items() if one})
            case "give_back" | "dispute":
                await self._on_a_charge(verb)
            case "top_up":
                self._topups.append(self._others.top_up(amount))
            case "take_back" if self._topups:
                self._others.take_back(self._topups.pop())
            case "fee":
                self._others.fee(amount)
            case "adjust":
                self._others.adjust(self._lot.choice([amount, -amount]))
            case "reserve" | "release":
                self._reserve(amount if verb == "reserve" else -self._reserved)
            case "pay_out":
                await self._pay_out()
            case "wait":
                self._bench.advance(timedelta(days=self._lot.choice([1, 4])), self._world)
            case "restart":
                self.accountant.starts_again()
            case "away":
                self._bench.fault(
                    "error_before", "/v1/payment_intents", method="GET", times=self._lot.choice([1, 3])
                )
            case _:
                pass

    async def _refund(self, payment_id: str) -> None:
        payment = await self._world.payment(payment_id)
        if payment.refundable_minor > 0 and not payment.disputes:
            await self._world.refund(payment_id, self._lot.randint(1, payment.refundable_minor))

    async def _on_a_charge(self, verb: Verb) -> None:
        """Of ours or of others: in the dashboard, or by a bank."""
        page = await self._world.client.v1.charges.list_async({"limit": 100})
        charges = [one for one in page.data if one.paid and not one.disputed and not one.amount_refunded]
        if not charges:
            return
        charge = self._lot.choice(charges)
        if verb == "dispute":
            self._bench.dispute(charge.id)
        else:
            await self._others.refund(charge.id, self._lot.randint(1, charge.amount))

    def _reserve(self, amount: int) -> None:
        if amount:
            self._others.reserve(amount)
            self._reserved += amount

    async def _pay_out(self) -> None:
        balance: Any = await self._world.client.v1.balance.retrieve_async()
        if any(one.currency == "usd" and one.amount for one in balance.available):
            self._others.pay_out()

    async def deliver_some(self) -> None:
        """Some of all webhooks so far, some of them twice, in no order; the rest is lost."""
        events = await self._world.events()
        chosen = [event for event in events for _ in range(self._lot.choice([0, 0, 1, 2]))]
        self._lot.shuffle(chosen)
        await self._world.receive(chosen)

    async def rest(self) -> None:
        """The worker has its runs, the last ones after what waits for our own facts has waited enough."""
        self._bench.clear()
        await self.accountant.sweep()
        self._bench.advance(timedelta(hours=2), self._world)
        await self.accountant.sweep()
        await self.accountant.sweep()


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    verbs=st.lists(st.sampled_from(VERBS), min_size=8, max_size=16),
    seed=st.integers(0, 2**32),
)
async def test_cash_is_what_stripe_has_whoever_moves_it(
    running: Sandbox, server: str, template: str, verbs: list[Verb], seed: int
) -> None:
    lot = random.Random(seed)  # noqa: S311  no secret: a repeatable lot
    running.call(running.state.reset)
    with fresh_database(server, template) as url:
        async with (
            open_stripe(running.api_key, api_base=running.url) as client,
            open_world(url, client) as world,
        ):
            town = Town(Bench(running), world, lot)
            for verb in ["pay", "charge", *verbs]:
                await town.do(verb)
                running.call(running.state.run_due)
                if lot.random() < 0.5:
                    await town.deliver_some()
                if lot.random() < 0.4:
                    await town.rest()
                    await town.accountant.check()
            await town.rest()
            await town.accountant.check()
            assert await every_movement(world)
            assert (await asyncio.to_thread(check, url, ("unclaimed", "journal"))).differences == ()
            assert {row["status"] for row in await town.accountant.unclaimed()} <= {
                "known",
                "unexplained",
                "claimed",
            }
