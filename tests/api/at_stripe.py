"""The application over HTTP, with the real gateway on a sandbox: for what shows at Stripe and here alike.

Webhooks and what waits in the outbox come when a test says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import stripe
from psycopg import AsyncConnection

from api.background.outside import Mailing, Outside
from api.clock import SandboxClock
from api.sandbox.resources import attempts, setup_intents
from api.sandbox.server import Sandbox
from api.stripe.client import open_stripe
from api.stripe.contact import Contact
from api.stripe.gateway import Postponed, StripeGateway
from api.stripe.payments import lookup
from api.subscriptions.dunning import advance_dunning
from api.webhooks.routes import record
from ledger.message import Origin
from ledger.store import Store, conninfo
from projections import outbox
from tests.api.stripe.world import DUE_NOW, Bench
from tests.api.support import Running, Unsent

WORKER = Origin(actor="worker", roles=frozenset({"system"}))


class AtStripe:
    """What `running` opens an application with, and the other side of it. `app` is set once it is open."""

    app: Running
    client: stripe.StripeClient

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.bench = Bench(sandbox)
        self.clock = SandboxClock()
        self.mailer: Mailing = Unsent()
        self._heard: set[str] = set()

    def now(self) -> datetime:
        return self.clock.now()

    @asynccontextmanager
    async def open(self, store: Store, _contact: Contact) -> AsyncIterator[Any]:
        opened = open_stripe(
            self.sandbox.api_key, api_base=self.sandbox.url, timeout_s=5.0, max_network_retries=0
        )
        async with opened as self.client:
            gateway = StripeGateway(store, self.client, self.clock)
            yield SimpleNamespace(gateway=gateway, client=self.client)

    async def settle(self) -> list[str]:
        """Stripe's new events are heard, and all that waits is delivered. Answers what was postponed."""
        services, postponed = self.app.services, list[str]()
        since = datetime.fromisoformat("2020-01-01T00:00:00Z")
        found = [event async for event in lookup.events(self.client, since=since)]
        for event in reversed(found):
            if event.id not in self._heard:
                self._heard.add(event.id)
                await record(services.store, event)
        async with await AsyncConnection.connect(
            conninfo(services.database_url), autocommit=True
        ) as connection:
            gateway: Any = services.gateway  # the real one
            while True:
                await self.app.projected()
                await connection.execute(DUE_NOW)
                claimed = await outbox.claim(connection, 100, 3600.0)
                fresh = [one for one in claimed if one.attempts == 1]
                for one in fresh:
                    try:
                        worker = msgspec.structs.replace(WORKER, causation_id=str(one.key.position))
                        await Outside(gateway, self.mailer).deliver(one.effect, worker)
                    except Postponed as why:
                        postponed.append(why.reason)
                    else:
                        await outbox.delivered(connection, [one.key])
                if not fresh:
                    await connection.execute("UPDATE outbox SET attempts = 0 WHERE delivered_at IS NULL")
                    return postponed

    async def goes_by(self, days: int) -> None:
        """At once, with what falls due meanwhile at Stripe, and by the end of it here."""
        self.bench.advance(timedelta(days=days))
        self.clock.follow(self.bench.now())
        await self.settle()
        async with self.app.services.reading() as connection:
            await advance_dunning(connection, self.app.services.store, self.clock)
        await self.settle()

    def authenticate(self, intent_id: str, outcome: str = "pass") -> None:
        """As the cardholder does it on their bank's page."""
        kind, module = (
            ("setup_intent", setup_intents) if intent_id.startswith("seti_") else ("payment_intent", attempts)
        )
        act: Any = getattr(module, f"{outcome}_challenge")
        self.bench.does(lambda tx: act(tx, tx.get(kind, intent_id)))

    async def customer_of(self, user_id: str) -> str:
        """The one that is there."""
        listed = await self.client.v1.customers.list_async({"limit": 100})
        found = (one.to_dict() for one in listed.data)
        return next(str(one["id"]) for one in found if one["metadata"].get("user_id") == user_id)

    async def delete_customer(self, user_id: str) -> str:
        """In the dashboard."""
        customer_id = await self.customer_of(user_id)
        await self.client.v1.customers.delete_async(customer_id)
        return customer_id
