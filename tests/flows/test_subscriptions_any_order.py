"""Any order, any duplicates, any losses of webhooks about subscriptions: one ledger gets each as it comes,
another one as badly as can be and then catches up. Both end with the same tables, and with Stripe's balance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.books.recognition import close_days
from api.sandbox.server import Sandbox, running_sandbox
from api.sandbox.settings import Settings
from api.stripe.billing.catalogue import Plan
from api.stripe.client import open_stripe
from api.subscriptions.dunning import advance_dunning, advance_subscriptions
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.ids import new_id
from ledger.invoices.commands import RequestCredit
from ledger.message import Command
from ledger.subscriptions.commands import RequestCancellation, RequestChange, RequestPause, RequestResume
from ledger.subscriptions.state import Subscription
from tests.api.stripe.paces import AT_ONCE, LATE
from tests.api.stripe.subscribers import Subscribers, price, turn
from tests.api.stripe.world import USER, Bench, World, fresh_database, open_world

Verb = Literal[
    "subscribe", "try", "upgrade", "downgrade", "cancel", "leave", "pause", "resume", "credit", "dispute",
    "bad", "good", "wait",
]  # fmt: skip
VERBS: list[Verb] = ["subscribe", "try", "upgrade", "downgrade", "cancel", "leave", "pause", "resume",
    "credit", "dispute", "bad", "good", "wait", "wait", "wait"]  # fmt: skip
CARDS = ["pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail"]

TABLES = {
    "subscriptions": """
        SELECT subscription_id, user_id, stripe_subscription_id, tier, interval, currency, price_minor,
            status, trial_end, anchor_at, period_start, period_end, cancel_at, pending_tier,
            scheduled_tier, ended_at, open_invoice_id, mrr_minor
        FROM subscriptions ORDER BY subscription_id
    """,
    "invoices": """
        SELECT stripe_invoice_id, subscription_id, user_id, number, status, billing_reason, total_minor,
            charged_minor, credited_minor, disputed_minor, dispute, period_start, period_end, attempts,
            failure_code, decline_code, payment_intent_id, charge_id, finalized_at, paid_at, fee_minor,
            net_minor, balance_transaction_id, available_at, funds_available, recognised_minor,
            deferred_minor, receipt_number IS NOT NULL AS numbered
        FROM invoices ORDER BY stripe_invoice_id
    """,
    "credit_notes": """
        SELECT stripe_invoice_id, stripe_credit_note_id, amount_minor, status
        FROM credit_notes ORDER BY stripe_credit_note_id
    """,
    "postings": """
        SELECT e.source, e.type, p.account, p.party, p.currency, sum(p.amount_minor) AS amount_minor
        FROM entries AS e
        JOIN postings AS p USING (position)
        GROUP BY e.source, e.type, p.account, p.party, p.currency
        ORDER BY e.source, e.type, p.account, p.party, p.currency
    """,
    "balances": """
        SELECT account, party, currency, debit_minor - credit_minor AS balance_minor
        FROM balances ORDER BY account, party, currency
    """,
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        yield sandbox


class Operations:
    """What users ask of both ledgers, which share Stripe, and what happens there."""

    def __init__(self, bench: Bench, calm: Subscribers, wild: Subscribers, lot: random.Random) -> None:
        self._bench, self._calm, self._wild, self._lot = bench, calm, wild, lot
        self._known: list[tuple[str, str]] = []
        """Users and their subscriptions."""

    async def do(self, verb: Verb) -> None:
        match verb:
            case "subscribe" | "try":
                await self._subscribe(14 if verb == "try" else 0)
            case "upgrade" | "downgrade":
                await self._change("enterprise" if verb == "upgrade" else "pro")
            case "cancel" | "leave":
                await self._wish("active", RequestCancellation, at_once=verb == "leave")
            case "pause":
                await self._wish("active", RequestPause)
            case "resume":
                await self._wish("paused", RequestResume)
            case "credit" | "dispute":
                await self._on_a_charge(verb)
            case "bad" | "good":
                await self._turn("pm_card_visa" if verb == "good" else "pm_card_chargeCustomerFail")
            case "wait":
                worlds = (self._calm.world, self._wild.world)
                self._bench.advance(timedelta(days=self._lot.choice([2, 9, 20])), *worlds)

    async def _subscribe(self, trial_days: int) -> None:
        user_id, subscription_id = f"usr_{len(self._known)}", new_id("sub")
        self._known.append((user_id, subscription_id))
        card, tier = self._lot.choice(CARDS), self._lot.choice(["pro", "enterprise"])
        for people in (self._calm, self._wild):
            await people.subscribe(
                tier, card=card, subscription_id=subscription_id, user_id=user_id, trial_days=trial_days
            )

    async def _change(self, tier: str) -> None:
        found = await self._one("active", lambda one: one.tier != tier and one.cancel_at is None)
        if found is None:
            return
        user_id, known = found
        told = await self._calm.world.gateway.preview_change(
            user_id,
            known.subscription_id,
            Plan(tier, "month", "usd", price(tier, "month")),
            self._calm.world.clock.now(),
        )
        fields = {
            "change_id": new_id("chg"),
            "tier": tier,
            "interval": "month",
            "currency": "usd",
            "price_minor": price(tier, "month"),
            "catalogue_version": DEFAULT_CATALOGUE.version,
            "proration_at": told.ours.proration_at,
            "expected_minor": told.ours.charge_minor,
        }
        await self._ask(RequestChange, user_id, known, **fields)

    async def _wish(self, status: str, kind: type[Command], **fields: Any) -> None:
        found = await self._one(status, lambda one: one.cancel_at is None)
        if found is not None:
            await self._ask(kind, *found, request_id=new_id("req"), **fields)

    async def _ask(self, kind: type[Command], user_id: str, known: Subscription, **fields: Any) -> None:
        """A user is told what the ledger knows, so that the wild one must be up to date first."""
        named = {"user_id": user_id, "subscription_id": known.subscription_id, **fields}
        await self._wish_of_both(kind, **named)

    async def _wish_of_both(self, kind: type[Command], **fields: Any) -> None:
        both = (self._calm, self._wild)
        for people in both:
            await people.hear()
        for people in both:
            await people.world.store.handle(people.ask(kind, **fields), USER)
        for people in both:
            await people.world.settle()

    async def _one(
        self, status: str, suits: Callable[[Subscription], bool] = lambda _: True
    ) -> tuple[str, Subscription] | None:
        await self._calm.hear()
        states = [(user_id, await self._calm.state(one, user_id)) for user_id, one in self._known]
        found = [
            (user_id, one)
            for user_id, one in states
            if one.status == status and one.change is None and one.request is None and suits(one)
        ]
        return self._lot.choice(found) if found else None

    async def _on_a_charge(self, verb: Verb) -> None:
        found = await self._one("active")
        paid = [
            row
            for row in await self._calm.invoices()
            if found is not None
            and row["subscription_id"] == found[1].subscription_id
            and row["net_minor"] is not None
            and not row["credited_minor"]
            and not row["dispute"]
        ]
        if not paid:
            return
        row = paid[-1]
        if verb == "dispute":
            self._bench.dispute(row["charge_id"])
            return
        await self._wish_of_both(
            RequestCredit,
            stripe_invoice_id=row["stripe_invoice_id"],
            credit_id=new_id("cn"),
            amount_minor=max(1, row["charged_minor"] // 3),
            reason="order_change",
            note="as agreed",
        )

    async def _turn(self, into: str) -> None:
        found = await self._one("active")
        if found is not None:
            turn(self._bench, found[1].payment_method_id, into)


async def deliver_badly(world: World, lot: random.Random) -> None:
    """Some of what there is so far, some of it twice, in no order; the rest is lost."""
    events = await world.events()
    chosen = [event for event in events for _ in range(lot.choice([0, 0, 1, 2]))]
    lot.shuffle(chosen)
    await world.receive(chosen)


async def tables(world: World) -> dict[str, list[dict[str, Any]]]:
    return {name: await world.rows(query) for name, query in TABLES.items()}


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # what a failing run does is read best as it is, and each takes seconds
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    verbs=st.lists(st.sampled_from(VERBS), min_size=6, max_size=12),
    seed=st.integers(0, 2**32),
    pace=st.sampled_from([AT_ONCE, LATE]),
)
async def test_any_delivery_ends_in_the_same_tables(
    running: Sandbox, server: str, template: str, verbs: list[Verb], seed: int, pace: Settings
) -> None:
    lot = random.Random(seed)  # noqa: S311  no secret: a repeatable lot
    running.state.settings = pace
    running.call(running.state.reset)
    with fresh_database(server, template) as orderly, fresh_database(server, template) as disorderly:
        async with (
            open_stripe(running.api_key, api_base=running.url) as client,
            open_world(orderly, client) as one,
            open_world(disorderly, client) as other,
        ):
            bench = Bench(running)
            calm, wild = Subscribers(one, bench), Subscribers(other, bench)
            operations = Operations(bench, calm, wild, lot)
            for verb in ["subscribe", "subscribe", *verbs, "wait"]:
                await operations.do(verb)
                running.call(running.state.run_due)
                await calm.hear()
                # only one of two ledgers may charge
                await advance_dunning(one.conn, one.store, one.clock)
                await one.settle()
                if lot.random() < 0.5:
                    await deliver_badly(other, lot)
            await calm.hear()
            await other.catch_up()
            for people in (calm, wild):
                # what fell due at Stripe while the other one was listening
                await people.hear()
                await advance_subscriptions(people.world.conn, people.world.store, people.world.clock)
                await people.world.settle()
                await people.hear()
                await people.world.make_funds_available()
                await close_days(people.world.conn, people.world.store, people.world.clock)
            assert await tables(other) == await tables(one)
            await agree_with_stripe(one)


async def agree_with_stripe(world: World) -> None:
    in_books = {currency: held for currency, held in (await world.stripe_in_books()).items() if held}
    at_stripe = {currency: held for currency, held in (await world.stripe_balance()).items() if held}
    assert in_books == at_stripe
