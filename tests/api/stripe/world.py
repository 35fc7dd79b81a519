"""A ledger, its projections and a worker that is driven step by step, so that a test says what comes when."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from stripe import StripeClient

from api.background.catch_up import Missed, catch_up
from api.background.outside import Outside
from api.clock import SandboxClock
from api.sandbox.faults import Fault, FaultKind
from api.sandbox.resources import attempts, disputes, refunds
from api.sandbox.server import Sandbox
from api.sandbox.transaction import Transaction
from api.stripe.gateway import Delivered, Postponed, StripeGateway
from api.stripe.objects import StripeEvent
from api.stripe.payments import lookup
from api.stripe.payments.funds import record_funds_available
from api.webhooks.routes import record
from ledger.effects import CreatePaymentIntent, CreateRefund
from ledger.ids import new_id
from ledger.message import Origin, Outcome
from ledger.payments.commands import InitiatePayment, RequestRefund
from ledger.payments.decider import PAYMENT
from ledger.payments.state import Payment
from ledger.store import Store, conninfo
from projections import live, outbox
from projections.engine.runner import BatchRunner
from tests.api.support import Unsent

USER = Origin(actor="usr_1", roles=frozenset({"student", "admin"}), correlation_id="request-1")
WORKER = Origin(actor="worker", roles=frozenset({"system"}))

DUE_NOW = "UPDATE outbox SET due_at = clock_timestamp() WHERE delivered_at IS NULL AND parked_at IS NULL"
WAITING = "SELECT kind, last_error FROM outbox WHERE delivered_at IS NULL ORDER BY position, effect_index"
WEBHOOKS = "SELECT stripe_event_id, result, subject FROM webhooks ORDER BY position"


class World:
    def __init__(
        self, store: Store, runner: BatchRunner, conn: AsyncConnection[Any], client: StripeClient
    ) -> None:
        self.store, self.conn, self.client = store, conn, client
        self.clock = SandboxClock()
        self.gateway = StripeGateway(store, client, self.clock)
        self._runner = runner

    async def initiate(
        self, card: str = "pm_card_visa", amount: int = 10_000, currency: str = "usd", **more: Any
    ) -> str:
        """Only the intent: the ledger knows, Stripe does not."""
        payment_id = more.pop("payment_id", None) or new_id("pay")
        command = InitiatePayment(
            command_id=new_id("cmd"),
            effective_at=self.clock.now(),
            payment_id=payment_id,
            user_id="usr_1",
            amount_minor=amount,
            currency=currency,
            payment_method_id=card,
            **more,
        )
        await self.store.handle(command, USER)
        return payment_id

    async def deliver_payment(self, payment_id: str) -> Delivered:
        return await self.gateway.deliver(CreatePaymentIntent(payment_id=payment_id), USER)

    async def pay(
        self, card: str = "pm_card_visa", amount: int = 10_000, currency: str = "usd", **more: Any
    ) -> str:
        payment_id = await self.initiate(card, amount, currency, **more)
        await self.deliver_payment(payment_id)
        return payment_id

    async def request_refund(self, payment_id: str, amount: int | None = None, refund_id: str = "") -> str:
        refund_id = refund_id or new_id("re")
        command = RequestRefund(
            command_id=new_id("cmd"),
            effective_at=self.clock.now(),
            payment_id=payment_id,
            refund_id=refund_id,
            amount_minor=amount,
            reason="requested_by_customer",
            by_admin=True,
            user_id="usr_1",
            note="asked for",
        )
        await self.store.handle(command, USER)
        return refund_id

    async def deliver_refund(self, payment_id: str, refund_id: str) -> Delivered:
        return await self.gateway.deliver(CreateRefund(payment_id=payment_id, refund_id=refund_id), USER)

    async def refund(self, payment_id: str, amount: int | None = None) -> str:
        refund_id = await self.request_refund(payment_id, amount)
        await self.deliver_refund(payment_id, refund_id)
        return refund_id

    async def payment(self, payment_id: str) -> Payment:
        return await self.store.state(PAYMENT, f"payment-{payment_id}")

    async def facts(self, payment_id: str) -> list[str]:
        return [
            recorded.event.TYPE.removeprefix("payments.").removesuffix(".v1")
            for recorded in await self.store.read_stream(f"payment-{payment_id}")
        ]

    async def events(self) -> list[StripeEvent]:
        """All of Stripe's events, oldest first."""
        listed = [event async for event in lookup.events(self.client, since=datetime(2020, 1, 1, tzinfo=UTC))]
        return listed[::-1]

    async def receive(self, events: Iterable[StripeEvent]) -> None:
        """As if their webhooks came in this order."""
        for event in events:
            await record(self.store, event)
        await self.settle()

    async def catch_up(self) -> list[Missed]:
        await self.project()
        missed = await catch_up(self.client, self.conn, self.store, self.clock)
        await self.settle()
        return missed

    async def project(self) -> None:
        """Until the tables show all facts."""
        await asyncio.to_thread(self._step_to_head)

    def _step_to_head(self) -> None:
        if not self._runner.positions():
            self._runner._take_stock()
        while self._runner.step():
            pass
        assert not self._runner.errors, self._runner.errors

    async def settle(self) -> list[str]:
        """Deliver all that waits in the outbox, and what follows from it. What was postponed is returned."""
        postponed: list[str] = []
        while True:
            await self.project()
            await self.conn.execute(DUE_NOW)
            claimed = await outbox.claim(self.conn, 100, 3600.0)
            fresh = [one for one in claimed if one.attempts == 1]
            for one in fresh:
                try:
                    await Outside(self.gateway, Unsent()).deliver(one.effect, WORKER)
                except Postponed as why:
                    postponed.append(why.reason)
                else:
                    await outbox.delivered(self.conn, [one.key])
            if not fresh:
                await self.conn.execute("UPDATE outbox SET attempts = 0 WHERE delivered_at IS NULL")
                return postponed

    async def make_funds_available(self) -> int:
        await self.project()
        count = await record_funds_available(self.conn, self.store, self.clock)
        await self.project()
        return count

    async def rows(self, query: str) -> list[dict[str, Any]]:
        await self.project()
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(query.encode())).fetchall()

    async def stripe_in_books(self) -> dict[str, int]:
        """What the books hold at Stripe, for each currency."""
        return {
            row["currency"]: int(row["held"])
            for row in await self.rows(
                "SELECT currency, sum(debit_minor - credit_minor) AS held FROM balances"
                " WHERE account IN ('1010', '1011') GROUP BY currency"
            )
        }

    async def stripe_balance(self) -> dict[str, int]:
        """What Stripe says it holds for us, for each currency."""
        balance = (await self.client.v1.balance.retrieve_async()).to_dict()
        held: dict[str, int] = {}
        for one in balance["available"] + balance["pending"]:
            held[one["currency"]] = held.get(one["currency"], 0) + one["amount"]
        return held


class Bench:
    """The sandbox's other side: faults, time, and what cardholders and banks do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def fault(
        self, kind: FaultKind, path: str, method: Literal["GET", "POST", "DELETE"] = "POST", **more: Any
    ) -> None:
        fault = Fault(kind=kind, method=method, path=path, **more)
        self.sandbox.call(lambda: self.sandbox.state.faults.ask(fault))

    def clear(self) -> None:
        self.sandbox.call(self.sandbox.state.faults.clear)

    def now(self) -> datetime:
        seconds: int = self.sandbox.call(self.sandbox.state.clock.now)
        return datetime.fromtimestamp(seconds, UTC)

    def advance(self, by: timedelta, *worlds: World) -> None:
        """Stripe's time and that of the worlds goes on, with all that falls due on the way."""
        to = int((self.now() + by).timestamp())
        self.sandbox.call(lambda: self.sandbox.state.move_clock(to))
        for world in worlds:
            world.clock.follow(self.now())

    def does(self, work: Callable[[Transaction], Any]) -> Any:
        def run() -> Any:
            tx = self.sandbox.state.begin()
            result = work(tx)
            tx.commit()
            return result

        return self.sandbox.call(run)

    def pass_challenge(self, payment_intent_id: str) -> None:
        self.does(lambda tx: attempts.pass_challenge(tx, tx.get("payment_intent", payment_intent_id)))

    def fail_challenge(self, payment_intent_id: str) -> None:
        self.does(lambda tx: attempts.fail_challenge(tx, tx.get("payment_intent", payment_intent_id)))

    def dispute(
        self, charge_id: str, amount: int | None = None, *, inquiry: bool = False, another: bool = False
    ) -> str:
        opened = self.does(
            lambda tx: disputes.open_dispute(
                tx,
                tx.get("charge", charge_id),
                amount=amount,
                reason="fraudulent",
                inquiry=inquiry,
                another=another,
            )
        )
        return str(opened["id"])

    def escalate(self, dispute_id: str) -> None:
        self.does(lambda tx: disputes.escalate(tx, tx.get("dispute", dispute_id)))

    def resolve(self, dispute_id: str, *, won: bool) -> None:
        self.does(lambda tx: disputes.resolve(tx, tx.get("dispute", dispute_id), won=won))

    def fail_refund(self, stripe_refund_id: str) -> None:
        self.does(lambda tx: refunds.fail(tx, stripe_refund_id))


@contextmanager
def fresh_database(server: str, template: str) -> Iterator[str]:
    name = f"world_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        yield make_conninfo(server, dbname=name)
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@asynccontextmanager
async def open_world(database_url: str, client: StripeClient) -> AsyncIterator[World]:
    runner = live.runner(database_url)
    try:
        async with (
            Store.open(database_url) as store,
            await AsyncConnection.connect(conninfo(database_url), autocommit=True) as conn,
        ):
            yield World(store, runner, conn, client)
    finally:
        runner.stop()


def recorded_by(outcome: Outcome | None) -> list[str]:
    return [recorded.event.TYPE for recorded in outcome.recorded] if outcome else []
