"""Pages of Stripe's, and those who pay on them or leave."""

from __future__ import annotations

from typing import Any

import httpx
from psycopg import AsyncConnection

from api.checkout.expiring import end_pages
from api.sandbox.errors import Object
from api.sandbox.resources.checkout import paying
from ledger.ids import new_id
from ledger.store import conninfo
from tests.api.enrolments.conftest import Market
from tests.api.support import Caller, until

SITE = "http://127.0.0.1:8000"
PLACES = {"success_url": f"{SITE}/paid", "cancel_url": f"{SITE}/cart"}
WAITING = "SELECT count(*) FROM outbox WHERE delivered_at IS NULL"
AMOUNT = {"amount_minor": 1250, "currency": "usd", "description": "A gift card"}


class Pages:
    def __init__(self, market: Market) -> None:
        self.market = market

    async def open(self, buyer: Caller, key: str | None = None, **what: Any) -> httpx.Response:
        return await buyer("POST", "/api/checkout", key=key or new_id("key"), json={**PLACES, **what})

    async def look(self, buyer: Caller, checkout_id: str) -> dict[str, Any]:
        answer = await buyer.get(f"/api/checkout/{checkout_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def pay(self, url: str, method: str = "pm_card_visa") -> Object:
        """Somebody on the page does so."""
        session_id = url.rsplit("/", 1)[-1]
        paid: Object = self.market.bench.does(
            lambda tx: paying.pay(tx, tx.get("checkout.session", session_id), method)
        )
        return paid

    async def told(
        self, buyer: Caller, checkout_id: str, status: str, *, enrolment: str = ""
    ) -> dict[str, Any]:
        """Once all of Stripe's webhooks came, in any order of work."""
        await self.market.receive()
        return await self.becomes(buyer, checkout_id, status, enrolment=enrolment)

    async def becomes(
        self, buyer: Caller, checkout_id: str, status: str, *, enrolment: str = ""
    ) -> dict[str, Any]:
        async def is_so() -> bool:
            await self.market.hurry()
            return bool((await self.look(buyer, checkout_id))["status"] == status)

        async with self.market.working():
            await until(is_so)
            if enrolment:
                await self.market.until(buyer, enrolment)
            await self.idle()
        return await self.look(buyer, checkout_id)

    async def idle(self) -> None:
        """Until nothing waits for the worker."""

        async def is_so() -> bool:
            await self.market.hurry()
            async with self.market.app.services.reading() as connection:
                found = await (await connection.execute(WAITING)).fetchone()
            return found is not None and not found[0]

        await self.market.app.projected()
        await until(is_so)

    async def end_due(self) -> int:
        """The worker's job, as the clock has it now."""
        market = self.market
        await market.app.projected()
        async with await AsyncConnection.connect(conninfo(market.url), autocommit=True) as conn:
            return await end_pages(conn, market.stripe.store, market.stripe.clock)
