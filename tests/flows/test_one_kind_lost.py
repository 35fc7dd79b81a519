"""A kind of event that never comes loses nothing: others make up for it, or the night's comparison does.

Several live the same life beside each other: one hears all of it, and each other one lacks a kind of it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from api.background.sweeping import sweep_now
from api.sandbox.resources import payouts
from api.stripe.delivery import Tools
from api.stripe.objects import StripeEvent, parse
from api.stripe.payments.lookup import every
from api.webhooks.routes import record
from ledger.webhooks.decider import SUBSCRIBED
from tests.api.stripe.subscribers import Subscribers, turn
from tests.api.stripe.world import Bench, World

ALL = ""
"""The kind that is lost to whoever hears everything."""


class Lives:
    """One for each kind that is lost, by that kind; or for two that are about different things."""

    def __init__(self, world: World, bench: Bench, *kinds: str) -> None:
        self.world, self.bench, self.kinds = world, bench, (ALL, *kinds)
        self.people = Subscribers(world, bench)
        self.people.set_out()
        self.subscriptions: dict[str, str] = {}
        self.payments: dict[str, list[str]] = {kind: [] for kind in self.kinds}
        self.lost_to: dict[str, str] = {}
        """By customers, payments and PaymentIntents."""
        self._heard: set[str] = set()
        self._heard_at = 0

    async def each(self, do: Callable[[str], Awaitable[Any]]) -> None:
        for kind in self.kinds:
            await do(kind)
        await self.hear()

    async def pass_by(self, **time: float) -> None:
        self.bench.advance(timedelta(**time), self.world)
        await self.hear()

    async def hear(self) -> None:
        """All that is new, in order, but what is lost."""
        since, self._heard_at = self._heard_at, int(self.bench.now().timestamp())
        page = await self.world.client.v1.events.list_async({"created": {"gte": since}, "limit": 100})
        fresh = [one async for one in every(page) if one.id not in self._heard]
        for one in reversed(fresh):
            self._heard.add(one.id)
            if one.type not in self._lost_of(one.data.object).split():
                await record(self.world.store, parse(one, StripeEvent))
        await self.world.settle()

    def _lost_of(self, about: Any) -> str:
        named = about.to_dict() if hasattr(about, "to_dict") else dict(about)
        metadata = named.get("metadata") or {}
        named_by = ("customer", "payment_intent", "invoice", "charge", "id")
        for key in (metadata.get("payment_id"), *(named.get(name) for name in named_by)):
            if isinstance(key, str) and key in self.lost_to:
                return self.lost_to.setdefault(named["id"], self.lost_to[key])
        return ALL

    def lose(self, kind: str, key: str) -> None:
        """All that is about `key` comes to whoever lacks `kind`."""
        self.lost_to[key] = kind

    def user(self, kind: str) -> str:
        return f"usr_{self.kinds.index(kind)}"

    async def subscribe(self, kind: str) -> None:
        user_id = self.user(kind)
        self.lost_to[await self.people.customer(user_id)] = kind
        self.subscriptions[kind] = await self.people.subscribe(user_id=user_id)

    async def pay(self, kind: str, card: str) -> str:
        payment_id = await self.world.initiate(card)
        self.lost_to[payment_id] = kind
        await self.world.deliver_payment(payment_id)
        self.payments[kind].append(payment_id)
        return payment_id

    async def at_stripe(self, kind: str) -> dict[str, Any]:
        known = await self.people.state(self.subscriptions[kind], self.user(kind))
        return (
            await self.world.client.v1.subscriptions.retrieve_async(known.stripe_subscription_id)
        ).to_dict()

    async def turn(self, kind: str, into: str) -> None:
        turn(self.bench, (await self.at_stripe(kind))["default_payment_method"], into)

    async def latest(self, kind: str) -> str:
        return str((await self.at_stripe(kind))["latest_invoice"])

    async def states(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is known of each, without what differs between any two."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for kind in self.kinds:
            user_id = self.user(kind)
            rows = await self.world.rows(
                _KNOWN.format(user_id=user_id, payments=self.payments[kind] or ["none"])
            )
            found[kind] = [tuple(row.values()) for row in rows]
        return found

    async def sweep(self) -> int:
        tools = Tools(self.world.store, self.world.client, self.world.clock)
        await self.world.project()
        done = await sweep_now(self.world.conn, tools, "2027-06-01", "night")
        await self.world.settle()
        return done.found

    async def end_alike(self) -> set[str]:
        """Which lack something until the night."""
        await self.world.settle()
        before = await self.states()
        await self.sweep()
        after = await self.states()
        assert {kind: after[kind] for kind in self.kinds} == dict.fromkeys(self.kinds, after[ALL])
        return {kind for kind in self.kinds if before[kind] != after[kind]}


_KNOWN = """
    SELECT 'subscription' AS what, status, tier, period_end::date::text AS at, mrr_minor AS one, 0 AS two,
        0 AS three, open_invoice_id <> '' AS four
    FROM subscriptions WHERE user_id = '{user_id}'
    UNION ALL
    SELECT 'invoice', status, dispute, period_end::date::text, charged_minor, credited_minor, attempts,
        balance_transaction_id <> ''
    FROM invoices WHERE user_id = '{user_id}'
    UNION ALL
    SELECT 'payment', status, failure_code, '', captured_minor, refunded_minor, disputed_minor,
        balance_transaction_id <> ''
    FROM payments WHERE payment_id = ANY(ARRAY{payments})
    UNION ALL
    SELECT 'refund', refunds.status, failure_reason, '', refunds.amount_minor, 0, 0, outside
    FROM refunds WHERE payment_id = ANY(ARRAY{payments})
    UNION ALL
    SELECT 'dispute', disputes.status, reason, '', disputes.amount_minor, 0, 0, true
    FROM disputes WHERE payment_id = ANY(ARRAY{payments})
    UNION ALL
    SELECT 'books', account, p.currency, '', sum(p.amount_minor)::bigint, count(*), 0, true
    FROM events AS e JOIN postings AS p USING (position)
    WHERE e.stream IN (SELECT 'invoice-' || stripe_invoice_id FROM invoices WHERE user_id = '{user_id}')
        OR substr(e.stream, 9) = ANY(ARRAY{payments})
    GROUP BY account, p.currency
    ORDER BY 1, 4, 2, 3, 5, 6, 7, 8
"""


async def test_of_a_subscription_that_is_renewed_past_due_paid_and_over(world: World, bench: Bench) -> None:
    lives = Lives(
        world,
        bench,
        "customer.subscription.created invoice.payment_failed",
        "customer.subscription.updated",
        "customer.subscription.deleted invoice.finalized",
        "invoice.paid",
    )
    await lives.each(lives.subscribe)
    await lives.pass_by(days=28)
    await lives.each(lambda kind: lives.turn(kind, "pm_card_chargeCustomerFail"))
    await lives.pass_by(days=31)
    states = await lives.states()
    assert {status for [_, status, *_] in (states[kind][-1] for kind in lives.kinds)} == {"past_due"}
    await lives.each(lambda kind: lives.turn(kind, "pm_card_visa"))

    async def pay(kind: str) -> None:
        await world.client.v1.invoices.pay_async(await lives.latest(kind))

    await lives.each(pay)
    assert await lives.states() == dict.fromkeys(lives.kinds, (await lives.states())[ALL])

    async def cancel(kind: str) -> None:
        await world.client.v1.subscriptions.cancel_async((await lives.at_stripe(kind))["id"])

    await lives.each(cancel)
    assert await lives.end_alike() == {"customer.subscription.deleted invoice.finalized"}


async def test_of_invoices_that_wait_and_are_given_up(world: World, bench: Bench) -> None:
    lives = Lives(
        world,
        bench,
        "invoice.payment_action_required credit_note.created",
        "invoice.voided credit_note.updated",
        "invoice.marked_uncollectible credit_note.voided",
    )
    await lives.each(lives.subscribe)
    await lives.each(lambda kind: lives.turn(kind, "pm_card_authenticationRequired"))
    await lives.pass_by(days=28)
    notes: dict[str, str] = {}

    async def credit(kind: str) -> None:
        note = await world.client.v1.credit_notes.create_async(
            {"invoice": await lives.latest(kind), "amount": 300}
        )
        notes[kind] = note.id

    await lives.each(credit)
    await lives.each(lambda kind: world.client.v1.credit_notes.update_async(notes[kind], {"memo": "Sorry"}))
    await lives.each(lambda kind: world.client.v1.credit_notes.void_credit_note_async(notes[kind]))

    async def void(kind: str) -> None:
        await world.client.v1.invoices.void_invoice_async(await lives.latest(kind))

    await lives.each(void)
    await lives.pass_by(days=31)

    async def give_up(kind: str) -> None:
        await world.client.v1.invoices.mark_uncollectible_async(await lives.latest(kind))

    await lives.each(give_up)
    assert await lives.end_alike() == set()


async def test_of_an_upgrade_that_waits_for_its_payment(world: World, bench: Bench) -> None:
    lives = Lives(
        world,
        bench,
        "customer.subscription.pending_update_applied",
        "customer.subscription.pending_update_expired",
    )
    await lives.each(lives.subscribe)
    await lives.each(lambda kind: lives.turn(kind, "pm_card_authenticationRequired"))

    async def upgrade(kind: str) -> None:
        await lives.people.change(lives.subscriptions[kind], "enterprise", user_id=lives.user(kind))

    await lives.each(upgrade)
    await lives.pass_by(hours=24)
    await lives.each(upgrade)

    async def confirm(kind: str) -> None:
        shown = await lives.people.invoices()
        waiting = next(row for row in shown if row["user_id"] == lives.user(kind) and row["action_required"])
        bench.pass_challenge(waiting["payment_intent_id"])

    await lives.each(confirm)
    assert await lives.end_alike() == set()
    assert {row["tier"] for row in await lives.people.subscriptions()} == {"enterprise"}


async def test_of_payments_however_they_end(world: World, bench: Bench) -> None:
    lives = Lives(
        world,
        bench,
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.canceled",
        "charge.updated",
    )

    async def pay(kind: str) -> None:
        for card in ("pm_usBankAccount_success", *["pm_card_authenticationRequired"] * 3):
            await lives.pay(kind, card)

    async def end(kind: str) -> None:
        _, passed, failed, canceled = [
            (await world.payment(payment_id)).payment_intent_id for payment_id in lives.payments[kind]
        ]
        bench.pass_challenge(passed)
        bench.fail_challenge(failed)
        await world.client.v1.payment_intents.cancel_async(canceled)

    await lives.each(pay)
    await lives.each(end)
    await lives.pass_by(days=5)
    assert await lives.end_alike() == {"payment_intent.canceled", "payment_intent.payment_failed"}


async def test_of_refunds_and_disputes(world: World, bench: Bench) -> None:
    lives = Lives(
        world,
        bench,
        "refund.created charge.dispute.created",
        "refund.updated charge.dispute.updated",
        "refund.failed charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    )

    async def pay(kind: str) -> None:
        refunded, contested = [await lives.pay(kind, "pm_card_visa") for _ in range(2)]
        charge = (await world.payment(refunded)).charge_id
        refund = await world.client.v1.refunds.create_async({"charge": charge, "amount": 400})
        bench.fail_refund(refund.id)
        bench.resolve(bench.dispute((await world.payment(contested)).charge_id), won=True)

    await lives.each(pay)
    await lives.pass_by(days=2)
    assert await lives.end_alike() == set()


async def test_of_payouts(world: World, bench: Bench) -> None:
    lives = Lives(world, bench, *(kind for kind in SUBSCRIBED if kind.startswith("payout.")))

    async def pay_out(kind: str) -> None:
        await lives.pay(kind, "pm_card_bypassPending")
        made = bench.does(lambda tx: payouts.pay_out_all(tx, "usd"))
        lives.lose(kind, made["id"])

    await lives.each(pay_out)
    made = {kind: payout_id for payout_id, kind in lives.lost_to.items() if payout_id.startswith("po_")}
    for do in (payouts.send, payouts.pay, payouts.fail):

        async def go_on(kind: str, do: Callable[[Any, Any], Any] = do) -> None:
            bench.does(lambda tx: do(tx, tx.get("payout", made[kind])))

        await lives.each(go_on)
        if do is payouts.pay:
            await lives.pass_by(days=1)
    rows = "SELECT payout_id, status FROM payouts"
    lacking = {row["payout_id"] for row in await world.rows(rows) if row["status"] != "failed"}
    assert {kind for kind in lives.kinds if made[kind] in lacking} == {"payout.failed"}
    await lives.sweep()
    assert {row["status"] for row in await world.rows(rows)} == {"failed"}


def test_each_kind_is_lost_to_somebody() -> None:
    """Those of transfers: each run of payouts looks at what went to an account before it pays. For pages,
    cards, customers and top-ups the tests of each lose all of its events; a price's is made up for by
    nothing until its subscription is looked at.
    """
    source = Path(__file__).read_text(encoding="utf-8")
    lost = set(re.findall(r"[\w.]+", source))
    left = {kind.split(".")[0] for kind in SUBSCRIBED if kind not in lost}
    elsewhere = {"transfer", "checkout", "customer", "price", "setup_intent", "topup"}
    assert left == {"payout", *elsewhere}, "payouts are named by how they begin"
