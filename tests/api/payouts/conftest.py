"""Instructors who have earned something and have a connected account, and a Stripe that is played."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection

from api.payouts.run import Report, Run
from api.settings import Settings
from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.decider import EARNINGS
from ledger.earnings.state import Earnings
from ledger.earnings.terms import Kind, Reckoning, Recovery
from ledger.ids import new_id
from ledger.message import Origin
from ledger.store import Store, conninfo
from tests.api.stripe.conftest import bench, client, sandbox
from tests.api.support import Caller, FakeStripe, Running, running

__all__ = ["bench", "client", "sandbox"]
WORKER = Origin(actor="worker", roles=frozenset({"system"}))
RECKONING = Reckoning(price_currency="usd", basis_minor=0, share_bp=7_000, part_bp=10_000)


class School:
    """The application, its clock, and those whom it pays."""

    def __init__(self, app: Running, fake: FakeStripe, database_url: str) -> None:
        self.app, self.fake, self._url = app, fake, database_url

    @property
    def store(self) -> Store:
        return self.app.services.store

    async def teacher(self, user_id: str = "", *, payable: bool = True) -> Caller:
        caller = self.app.caller(user_id or new_id("usr"), "instructor")
        made = await caller("POST", "/api/instructor/account", key="open", json={"country": "US"})
        assert made.status_code == 201, made.text
        if payable:
            await caller("POST", "/api/instructor/account/refresh", json={})
        return caller

    async def earn(
        self,
        who: Caller | str,
        amount: int,
        currency: str = "usd",
        *,
        kind: Kind = "sale",
        recovery: Recovery = "netting",
        available_in: int = -2,
    ) -> None:
        """Below zero for what is taken back; available for two days, unless that many days from now on."""
        now = self.fake.now()
        command = AccrueEarnings(
            command_id=new_id("cmd"),
            effective_at=now,
            user_id=who if isinstance(who, str) else who.user_id,
            currency=currency,
            kind=kind,
            amount_minor=amount,
            available_on=now.date() + timedelta(days=available_in),
            course_id="crs_1",
            payment_id=new_id("pay"),
            cause_position=1,
            reckoning=RECKONING,
            recovery=recovery,
        )
        await self.store.handle(command, WORKER)

    async def ask(self, who: Caller, currency: str = "usd", *, key: str = "", **body: Any) -> httpx.Response:
        content = {"currency": currency, **body}
        return await who("POST", "/api/payouts", key=key or new_id("key"), json=content)

    async def earnings(self, who: Caller, currency: str = "usd") -> Earnings:
        return await self.store.state(EARNINGS, f"earnings-{who.user_id}-{currency}")

    async def available(self, who: Caller, currency: str = "usd") -> int:
        return (await self.earnings(who, currency)).on(self.fake.now().date()).available_minor

    async def listed(self, who: Caller, query: str = "") -> list[dict[str, Any]]:
        await self.app.projected()
        found: list[dict[str, Any]] = (await who.get(f"/api/payouts{query}")).json()["items"]
        return found

    async def told(self, who: Caller, currency: str = "usd") -> list[str]:
        """All but what was earned, as facts are called."""
        found = await self.store.read_stream(f"earnings-{who.user_id}-{currency}")
        names = [one.event.TYPE.removeprefix("earnings.").removesuffix(".v1") for one in found]
        return [name for name in names if name != "accrued"]

    async def run(self, *, dry: bool = False) -> Report:
        """The day's, as the worker and the command line do it."""
        await self.app.projected()
        run = Run(self.store, self.app.services.gateway, self.app.services.clock, dry=dry)
        async with await AsyncConnection.connect(conninfo(self._url), autocommit=True) as conn:
            return await run(conn)

    def tomorrow(self, days: int = 1) -> None:
        self.fake.offset += timedelta(days=days)

    def short(self, amount: int, currency: str = "usd") -> None:
        """What the platform has available at Stripe."""
        self.fake.connect.platform_available[currency] = amount


@pytest.fixture
async def school(database_url: str, settings: Settings) -> AsyncIterator[School]:
    fake = FakeStripe()
    async with running(settings, database_url, fake) as app:
        yield School(app, fake, database_url)
