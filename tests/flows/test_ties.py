"""Users, the dashboard and banks do whatever can be done with subscriptions, and webhooks are lost, doubled
and shuffled: at rest the books say of each user and invoice what Stripe says, and cash is Stripe's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.books.recognition import close_days
from api.sandbox.server import Sandbox, running_sandbox
from api.sandbox.settings import Settings
from api.stripe.client import open_stripe
from api.stripe.gateway import Postponed
from api.subscriptions.dunning import advance_subscriptions
from ledger.errors import NotFound, Refused
from ledger.ids import new_id
from ledger.invoices.commands import RequestCredit
from ledger.message import Command
from ledger.subscriptions.commands import RequestCancellation, RequestPause, RequestResume
from ledger.subscriptions.state import Subscription
from projections.live import check
from tests.api.stripe.accountant import Accountant
from tests.api.stripe.paces import AT_ONCE, LATE
from tests.api.stripe.subscribers import Subscribers, downgrade, turn
from tests.api.stripe.world import Bench, World, fresh_database, open_world
from tests.flows.dashboard import DEEDS, Dashboard, Deed
from tests.flows.ties import check_ties

Wish = Literal[
    "subscribe", "try", "upgrade", "year", "downgrade", "credit", "leave", "end", "pause", "resume", "bad",
    "good", "wait",
]  # fmt: skip
WISHES: tuple[Wish, ...] = get_args(Wish)
LIVE = frozenset({"active", "past_due", "paused", "trialing"})
CARDS = {"good": "pm_card_visa", "bad": "pm_card_chargeCustomerFail"}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        yield sandbox


class Town:
    def __init__(self, bench: Bench, world: World, lot: random.Random) -> None:
        self._bench, self._world, self._lot = bench, world, lot
        self._people = Subscribers(world, bench)
        self._dashboard = Dashboard(bench, self._people, lot)
        self._accountant = Accountant(world)
        self._known: dict[str, str] = {}
        """Subscriptions by their users."""

    async def do(self, verb: Wish | Deed) -> None:
        with suppress(Refused, NotFound, Postponed):
            if verb == "wait":
                self._bench.advance(timedelta(days=self._lot.choice([2, 9, 25])), self._world)
            elif verb in ("subscribe", "try"):
                await self._subscribe(trial_days=7 if verb == "try" else 0)
            elif verb in WISHES:
                await self._wish(verb)
            elif verb in DEEDS:
                await self._dashboard.do(verb)

    async def _subscribe(self, trial_days: int) -> None:
        user_id, subscription_id = f"usr_{len(self._known)}", new_id("sub")
        self._known[user_id] = subscription_id
        tier, ids = self._lot.choice(["pro", "enterprise"]), {"subscription_id": subscription_id}
        await self._people.subscribe(tier, user_id=user_id, trial_days=trial_days, **ids)

    async def _wish(self, verb: Wish) -> None:
        """Of one that lives, by its user, who knows what the ledger knows."""
        people = self._people
        await people.hear()
        known = {user_id: await people.state(one, user_id) for user_id, one in self._known.items()}
        live = [(user_id, one) for user_id, one in known.items() if one.status in LIVE]
        if not live:
            return
        user_id, one = self._lot.choice(live)
        match verb:
            case "upgrade" | "year" if one.status in {"active", "trialing"}:
                await self._upgrade(user_id, one, *_plan(verb, one))
            case "downgrade":
                await people.asks(downgrade(people, one.subscription_id, "pro", user_id=user_id))
            case "credit":
                await self._credit()
            case "leave" | "end":
                await self._ask(RequestCancellation, user_id, one, at_once=verb == "leave")
            case "pause":
                await self._ask(RequestPause, user_id, one)
            case "resume":
                await self._ask(RequestResume, user_id, one)
            case "good" | "bad":
                turn(self._bench, one.payment_method_id, CARDS[verb])
            case _:
                pass

    async def _ask(self, kind: type[Command], user_id: str, one: Subscription, **more: Any) -> None:
        named = {"user_id": user_id, "subscription_id": one.subscription_id}
        await self._people.asks(self._people.ask(kind, **named, **more))

    async def _upgrade(self, user_id: str, one: Subscription, tier: str, interval: str) -> None:
        """Its invoice is of what the preview said."""
        people = self._people
        told = await people.preview(one.subscription_id, tier, interval, user_id=user_id)
        before = {row["stripe_invoice_id"] for row in await people.invoices()}
        await people.change(one.subscription_id, tier, interval, user_id=user_id)
        new = [row for row in await people.invoices() if row["stripe_invoice_id"] not in before]
        if told.total_minor is not None:
            assert [row["total_minor"] for row in new] in ([], [told.total_minor])

    async def _credit(self) -> None:
        paid = [row for row in await self._people.invoices() if row["status"] == "paid"]
        if not paid:
            return
        invoice_id = self._lot.choice(paid)["stripe_invoice_id"]
        left = (await self._people.invoice(invoice_id)).creditable_minor
        amount = self._lot.choice([None, self._lot.randint(1, max(1, left))])
        fields: dict[str, Any] = {"stripe_invoice_id": invoice_id, "amount_minor": amount}
        fields |= {"credit_id": new_id("crn"), "reason": "order_change", "note": "as agreed"}
        await self._people.asks(self._people.ask(RequestCredit, **fields))

    async def hear_some(self) -> None:
        """All in order; or some, some of them twice, in no order, and the rest is lost; or nothing."""
        how = self._lot.choice(["well", "badly", "not"])
        if how == "well":
            await self._people.hear()
        elif how == "badly":
            chosen = [
                event for event in await self._world.events() for _ in range(self._lot.choice([0, 0, 1, 2]))
            ]
            self._lot.shuffle(chosen)
            await self._world.receive(chosen)

    async def rest(self) -> None:
        """The worker catches up, and has its runs until what waits for our own facts has waited enough."""
        await self._world.catch_up()
        for _ in range(2):
            await self._people.hear()
            await advance_subscriptions(self._world.conn, self._world.store, self._world.clock)
            await self._world.settle()
        await self._accountant.sweep()
        self._bench.advance(timedelta(hours=2), self._world)
        await self._people.hear()
        await self._accountant.sweep()
        await self._accountant.sweep()
        await self._people.hear()
        await close_days(self._world.conn, self._world.store, self._world.clock)

    async def check(self) -> None:
        await self._accountant.check()
        customers = {user_id: await self._people.customer(user_id) for user_id in self._known}
        await check_ties(self._people, customers)
        assert await self._world.rows("SELECT kind FROM outbox WHERE delivered_at IS NULL") == []


def _plan(verb: Wish, one: Subscription) -> tuple[str, str]:
    return ("enterprise", one.interval) if verb == "upgrade" else (one.tier, "year")


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # what a failing run does is read best as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    verbs=st.lists(st.sampled_from([*WISHES, *DEEDS, "wait", "upgrade"]), min_size=8, max_size=14),
    seed=st.integers(0, 2**32),
    pace=st.sampled_from([AT_ONCE, LATE]),
)
async def test_the_books_say_of_everybody_what_stripe_says(
    running: Sandbox, server: str, template: str, verbs: list[Any], seed: int, pace: Settings
) -> None:
    running.state.settings = pace
    running.call(running.state.reset)
    with fresh_database(server, template) as url:
        async with (
            open_stripe(running.api_key, api_base=running.url) as client,
            open_world(url, client) as world,
        ):
            town = Town(Bench(running), world, random.Random(seed))  # noqa: S311  no secret: a repeatable lot
            for verb in ["subscribe", *verbs]:
                await town.do(verb)
                running.call(running.state.run_due)
                await town.hear_some()
            await town.rest()
            await town.check()
            names = ("journal", "invoices", "subscriptions")
            assert (await asyncio.to_thread(check, url, names)).differences == ()
