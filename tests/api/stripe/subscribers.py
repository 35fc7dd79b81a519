"""Subscribers in a world: what they ask for, and what time brings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from api.books.recognition import close_days
from api.sandbox.testing_methods import by_name
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.gateway import Delivered
from api.subscriptions.dunning import advance_dunning
from ledger.catalogue import DEFAULT_CATALOGUE
from ledger.ids import new_id
from ledger.invoices.decider import INVOICE
from ledger.invoices.state import Invoice
from ledger.message import Command
from ledger.policies import react
from ledger.subscriptions.changes import less_is_paid, waiting_taker
from ledger.subscriptions.commands import RequestChange, RequestSubscription
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.state import Subscription
from ledger.subscriptions.worth import PaidTime, what_is_paid, with_waiting
from tests.api.stripe.world import USER, Bench, World

START = datetime(2027, 1, 31, 10, tzinfo=UTC)
DAY = timedelta(days=1)
C = TypeVar("C", bound=Command)


class Subscribers:
    """Of one world, which shares its Stripe with others when it is told to."""

    def __init__(self, world: World, bench: Bench) -> None:
        self.world, self.bench = world, bench
        self._customers: dict[str, str] = {}

    def set_out(self, at: datetime = START) -> None:
        self.bench.advance(at - self.bench.now(), self.world)

    async def customer(self, user_id: str = "usr_1") -> str:
        if user_id not in self._customers:
            made = await self.world.client.v1.customers.create_async(
                {"metadata": {"user_id": user_id}}, {"idempotency_key": f"customer:{user_id}"}
            )
            self._customers[user_id] = made.id
        return self._customers[user_id]

    def ask(self, kind: type[C], **fields: Any) -> C:
        named: dict[str, Any] = {"command_id": new_id("cmd"), "effective_at": self.world.clock.now()}
        if "user_id" in kind.__struct_fields__:
            named["user_id"] = "usr_1"
        if "request_id" in kind.__struct_fields__:
            named["request_id"] = new_id("req")
        return kind(**{**named, **fields})

    async def request(self, tier: str = "pro", interval: str = "month", **more: Any) -> str:
        """Only the wish: the ledger knows, Stripe does not."""
        user_id = more.get("user_id", "usr_1")
        fields = {
            "subscription_id": new_id("sub"),
            "tier": tier,
            "interval": interval,
            "currency": "usd",
            "price_minor": price(tier, interval),
            "catalogue_version": DEFAULT_CATALOGUE.version,
            "payment_method_id": more.pop("card", "pm_card_visa"),
            "stripe_customer_id": await self.customer(user_id),
            **more,
        }
        await self.world.store.handle(self.ask(RequestSubscription, **fields), USER)
        return str(fields["subscription_id"])

    async def subscribe(self, tier: str = "pro", interval: str = "month", **more: Any) -> str:
        subscription_id = await self.request(tier, interval, **more)
        await self.world.settle()
        return subscription_id

    async def asks(self, command: Command) -> list[Delivered]:
        """The command, and its effects while its sender waits."""
        outcome = await self.world.store.handle(command, USER)
        return [
            await self.world.gateway.deliver_now(effect, USER)
            for recorded in outcome.recorded
            for effect in react(recorded)
        ]

    async def change(
        self, subscription_id: str, tier: str, interval: str = "month", *, user_id: str = "usr_1"
    ) -> list[Delivered]:
        """With a preview, as a user does it."""
        told = await self.preview(subscription_id, tier, interval, user_id=user_id)
        wish = self.ask(
            RequestChange,
            user_id=user_id,
            subscription_id=subscription_id,
            change_id=new_id("chg"),
            tier=tier,
            interval=interval,
            currency="usd",
            price_minor=price(tier, interval),
            catalogue_version=DEFAULT_CATALOGUE.version,
            proration_at=told.ours.proration_at,
            expected_minor=told.ours.charge_minor,
            paid=await self.still_paid(subscription_id, told.ours.proration_at, user_id),
        )
        return await self.asks(wish)

    async def still_paid(self, subscription_id: str, at: datetime, user_id: str = "usr_1") -> PaidTime:
        """As `api.subscriptions.paid` finds it."""
        await self.world.project()
        rows = sorted(await self.invoices(), key=lambda row: row["position"], reverse=True)
        of_it = [row["stripe_invoice_id"] for row in rows if row["subscription_id"] == subscription_id]
        known = [await self.invoice(one) for one in of_it]
        row = await self.state(subscription_id, user_id)
        paid = what_is_paid(known, at, waiting_taker(row))
        if not less_is_paid(row, at, paid):
            return paid
        return with_waiting(paid, await self.world.gateway.waiting_time_minor(row.stripe_subscription_id, at))

    async def preview(
        self, subscription_id: str, tier: str, interval: str = "month", *, user_id: str = "usr_1"
    ) -> ChangePreview:
        plan = Plan(tier, interval, "usd", price(tier, interval))
        now = self.world.clock.now().replace(microsecond=0)
        paid = await self.still_paid(subscription_id, now, user_id)
        return await self.world.gateway.preview_change(user_id, subscription_id, plan, now, paid)

    async def state(self, subscription_id: str, user_id: str = "usr_1") -> Subscription:
        subscriber = await self.world.store.state(SUBSCRIBER, f"subscriber-{user_id}")
        found: Subscription = subscriber.subscriptions[subscription_id]
        return found

    async def invoice(self, stripe_invoice_id: str) -> Invoice:
        return await self.world.store.state(INVOICE, f"invoice-{stripe_invoice_id}")

    async def facts(self, user_id: str = "usr_1") -> list[str]:
        return [
            recorded.event.TYPE.removeprefix("subscriptions.").removesuffix(".v1")
            for recorded in await self.world.store.read_stream(f"subscriber-{user_id}")
            if recorded.event.TYPE != "subscriptions.observed.v1"
        ]

    async def invoices(self) -> list[dict[str, Any]]:
        return await self.world.rows("SELECT * FROM invoices ORDER BY finalized_at, position")

    async def subscriptions(self) -> list[dict[str, Any]]:
        return await self.world.rows("SELECT * FROM subscriptions ORDER BY position")

    async def turn(self, subscription_id: str, into: str) -> None:
        """The card's bank changes its mind."""
        at_stripe = await self.at_stripe(subscription_id)
        turn(self.bench, at_stripe["default_payment_method"], into)

    async def at_stripe(self, subscription_id: str) -> dict[str, Any]:
        stripe_id = (await self.state(subscription_id)).stripe_subscription_id
        return (await self.world.client.v1.subscriptions.retrieve_async(stripe_id)).to_dict()

    async def charges(self) -> list[str]:
        """How each ended, oldest first."""
        page = await self.world.client.v1.charges.list_async({"limit": 100})
        return [charge.status for charge in page.data][::-1]

    async def hear(self) -> None:
        """All of Stripe's events that are new, in order."""
        rows = await self.world.rows("SELECT stripe_event_id FROM webhooks")
        known = {row["stripe_event_id"] for row in rows}
        await self.world.receive([event for event in await self.world.events() if event.id not in known])

    async def work(self) -> None:
        """What the worker does by the clock, and what follows from it."""
        await self.world.project()
        await advance_dunning(self.world.conn, self.world.store, self.world.clock)
        await self.world.settle()
        await self.world.make_funds_available()
        await close_days(self.world.conn, self.world.store, self.world.clock)
        await self.world.project()

    async def live(self, days: float, *, step: float = 1) -> None:
        """Time goes by in steps of days; after each, Stripe is heard and the worker works."""
        left = timedelta(days=days)
        while left > timedelta(0):
            self.bench.advance(min(left, timedelta(days=step)), self.world)
            left -= timedelta(days=step)
            await self.hear()
            await self.work()
        await self.hear()


def price(tier: str, interval: str) -> int:
    found = DEFAULT_CATALOGUE.price_minor(tier, interval, "usd")
    assert found is not None
    return found


def turn(bench: Bench, payment_method_id: str, into: str) -> None:
    test = by_name(into)
    assert test is not None

    def act(tx: Any) -> None:
        method = tx.get("payment_method", payment_method_id)
        tx.update(method, card={**method["card"], "last4": test.last4, "brand": test.brand})

    bench.does(act)


async def agrees_with_stripe(people: Subscribers) -> None:
    """What the books hold at Stripe, and what is deferred, is what Stripe holds and what was sold."""
    world = people.world
    in_books = {currency: held for currency, held in (await world.stripe_in_books()).items() if held}
    at_stripe = {currency: held for currency, held in (await world.stripe_balance()).items() if held}
    assert in_books == at_stripe
    rows = await world.rows("SELECT coalesce(sum(deferred_minor), 0)::bigint AS sum FROM invoices")
    deferred = await world.rows(
        "SELECT coalesce(sum(credit_minor - debit_minor), 0)::bigint AS sum"
        " FROM balances WHERE account = '2000'"
    )
    assert deferred == rows


def downgrade(people: Subscribers, subscription_id: str, tier: str, user_id: str = "usr_1") -> RequestChange:
    """Without a preview, as a downgrade needs none."""
    return people.ask(
        RequestChange,
        user_id=user_id,
        subscription_id=subscription_id,
        change_id=new_id("chg"),
        tier=tier,
        interval="month",
        currency="usd",
        price_minor=price(tier, "month"),
        catalogue_version=DEFAULT_CATALOGUE.version,
    )
