"""Any order, any duplicates, any losses: one ledger gets each webhook as it comes, another one gets them as
badly as can be and then catches up. Both end with the same tables, and with Stripe's own balance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.sandbox.server import Sandbox, running_sandbox
from api.sandbox.settings import Settings
from api.stripe.client import open_stripe
from ledger.errors import Refused
from tests.api.stripe.paces import AT_ONCE, LATE
from tests.api.stripe.world import Bench, World, fresh_database, open_world

CARDS = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_threeDSecure2Required",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_createDispute",
    "pm_usBankAccount_success",
]
Verb = Literal["pay", "refund", "refund_outside", "challenge", "dispute", "win", "lose", "wait"]
VERBS: list[Verb] = ["pay", "refund", "refund_outside", "challenge", "dispute", "win", "lose", "wait"]

TABLES = {
    "payments": """
        SELECT payment_id, user_id, amount_minor, currency, captured_minor, refunded_minor,
            refund_pending_minor, disputed_minor, status, payment_intent_id, charge_id, fee_minor, net_minor,
            settlement_currency, balance_transaction_id, available_at, funds_available, captured_at
        FROM payments ORDER BY payment_id
    """,
    "refunds": """
        SELECT refund_id, payment_id, stripe_refund_id, amount_minor, currency, status, outside
        FROM refunds ORDER BY refund_id
    """,
    "disputes": """
        SELECT dispute_id, payment_id, charge_id, amount_minor, currency, reason, status, opened_at,
            evidence_due_at, withdrawn_minor, reinstated_minor, settlement_currency
        FROM disputes ORDER BY dispute_id
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
    "webhooks": """
        SELECT stripe_event_id, stripe_event_type, object_id, created_at, subject, result <> '' AS applied
        FROM webhooks ORDER BY stripe_event_id
    """,
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        yield sandbox


class Operations:
    """What happens at Stripe and is asked of us; the same in both worlds, which share Stripe."""

    def __init__(self, bench: Bench, calm: World, wild: World) -> None:
        self._bench, self._worlds = bench, (calm, wild)
        self._calm = calm
        self._payments: list[str] = []

    async def do(self, verb: Verb, lot: random.Random) -> None:
        match verb:
            case "pay":
                await self._pay(lot.choice(CARDS), lot.randrange(100, 20_000), lot.choice(["usd", "eur"]))
            case "refund":
                await self._refund(lot)
            case "wait":
                self._bench.advance(timedelta(days=lot.choice([1, 3, 5])), *self._worlds)
            case "win" | "lose":
                await self._resolve(lot, won=verb == "win")
            case _:
                await self._at_stripe(verb, lot)

    async def _pay(self, card: str, amount: int, currency: str) -> None:
        payment_id = f"pay_{len(self._payments)}_{random.getrandbits(64):x}"
        self._payments.append(payment_id)
        for world in self._worlds:
            # the second call is a replay of the first by its idempotency key: one charge, two ledgers
            await world.pay(card, amount, currency, payment_id=payment_id)

    async def _refund(self, lot: random.Random) -> None:
        payment_id = await self._captured(lot)
        left = (await self._calm.payment(payment_id)).refundable_minor if payment_id else 0
        if left == 0 or (await self._calm.payment(payment_id)).dispute_open:
            return
        refund_id, amount = f"re_{random.getrandbits(64):x}", lot.randint(1, left)
        for world in self._worlds:
            try:
                await world.request_refund(payment_id, amount, refund_id)
            except Refused:  # by what it knows; once it knows what the other one does, it must agree
                await deliver_well(world)
                await world.request_refund(payment_id, amount, refund_id)
            await world.deliver_refund(payment_id, refund_id)

    async def _resolve(self, lot: random.Random, *, won: bool) -> None:
        waiting = [
            dispute_id
            for payment_id in self._payments
            for dispute_id, dispute in (await self._calm.payment(payment_id)).disputes.items()
            if dispute.status == "needs_response"
        ]
        if waiting:
            self._bench.resolve(lot.choice(waiting), won=won)

    async def _at_stripe(self, verb: Verb, lot: random.Random) -> None:
        if verb == "challenge":
            for payment_id in self._payments:
                payment = await self._calm.payment(payment_id)
                if payment.status == "requires_action":
                    self._bench.pass_challenge(payment.payment_intent_id)
            return
        payment_id = await self._captured(lot)
        payment = await self._calm.payment(payment_id)
        if not payment_id or payment.refundable_minor == 0 or payment.disputes:
            return
        if verb == "dispute":
            self._bench.dispute(payment.charge_id)
        else:
            amount = lot.randint(1, payment.refundable_minor)
            await self._calm.client.v1.refunds.create_async({"charge": payment.charge_id, "amount": amount})

    async def _captured(self, lot: random.Random) -> str:
        found = [
            payment_id
            for payment_id in self._payments
            if (await self._calm.payment(payment_id)).status == "succeeded"
        ]
        return lot.choice(found) if found else ""


async def deliver_well(world: World) -> None:
    """All that is new, in order."""
    known = {row["stripe_event_id"] for row in await world.rows("SELECT stripe_event_id FROM webhooks")}
    await world.receive([event for event in await world.events() if event.id not in known])


async def deliver_badly(world: World, lot: random.Random) -> None:
    """Some of what there is so far, some of it twice, in no order; the rest is lost."""
    events = await world.events()
    chosen = [event for event in events for _ in range(lot.choice([0, 0, 1, 2]))]
    lot.shuffle(chosen)
    await world.receive(chosen)


async def tables(world: World) -> dict[str, list[dict[str, Any]]]:
    return {name: await world.rows(query) for name, query in TABLES.items()}


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    verbs=st.lists(st.sampled_from(VERBS), min_size=6, max_size=14),
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
            open_world(orderly, client) as calm,
            open_world(disorderly, client) as wild,
        ):
            operations = Operations(Bench(running), calm, wild)
            for verb in ["pay", "pay", *verbs, "wait"]:
                await operations.do(verb, lot)
                running.call(running.state.run_due)
                await deliver_well(calm)
                if lot.random() < 0.5:
                    await deliver_badly(wild, lot)
            await wild.catch_up()
            for world in (calm, wild):
                # what fell due at Stripe while the other one was listening
                await deliver_well(world)
                await world.make_funds_available()
            assert await tables(wild) == await tables(calm)
            await agree_with_stripe(calm)


async def agree_with_stripe(world: World) -> None:
    in_books = {currency: held for currency, held in (await world.stripe_in_books()).items() if held}
    at_stripe = {currency: held for currency, held in (await world.stripe_balance()).items() if held}
    assert in_books == at_stripe
