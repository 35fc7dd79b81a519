"""One application for all orders of a module: each test has an organisation and courses of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.settings import Settings
from ledger.earnings.decider import EARNINGS
from ledger.earnings.state import Earnings
from ledger.earnings.stream import stream_of as earnings_stream
from ledger.ids import new_id
from tests.api.courses import ways
from tests.api.licences import ways as ways_of_licences
from tests.api.organisations.conftest import Person, School, found
from tests.api.support import FakeStripe, Running, running
from tests.databases import clone, drop


class Buyer:
    """An organisation with its owner, two members and an admin beside it."""

    def __init__(self, school: School, members: list[Person]) -> None:
        self.school, self.members = school, members
        self.owner, self.app = school.owner, school.owner.app
        self.root = Person(self.app, "admin")
        self.author = new_id("usr")

    async def course(self, **changes: Any) -> str:
        return await ways.course_of(self.app.services, self.author, ways.PUBLISHED, **changes)

    async def licensed(self, **issued: Any) -> None:
        await ways_of_licences.licence_of(
            self.app.services, ways_of_licences.ACTIVE, self.school.id, **issued
        )
        await self.app.projected()

    def body(self, *courses: str, **changes: Any) -> dict[str, Any]:
        return {"courses": list(courses), "members": [one.id for one in self.members], **changes}

    async def preview(self, *courses: str, by: Person | None = None, **changes: Any) -> httpx.Response:
        at = f"{self.school.at}/enrolments/preview"
        return await (by or self.owner).post(at, **self.body(*courses, **changes))

    async def order(
        self, *courses: str, by: Person | None = None, key: str | None = None, **changes: Any
    ) -> httpx.Response:
        """At what the preview says that it costs, unless that `changes`."""
        if "expected_minor" not in changes:
            shown = await self.preview(*courses, by=by, **changes)
            changes["expected_minor"] = shown.json().get("total_minor", 0)
        at = f"{self.school.at}/enrolments"
        return await (by or self.owner).post(at, key=key, **self.body(*courses, **changes))

    async def ordered(self, *courses: str, by: Person | None = None, **changes: Any) -> dict[str, Any]:
        answer = await self.order(*courses, by=by, **changes)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def pay(self, order_id: str, amount_minor: int, **changes: Any) -> httpx.Response:
        body = {
            "amount_minor": amount_minor,
            "reference": "SEPA 17",
            "received_on": self.app.services.now().date().isoformat(),
        }
        return await self.root.post(f"/api/enterprise/orders/{order_id}/payments", **{**body, **changes})

    async def courses_of(self, person: Person) -> dict[str, str]:
        """By course how they have it, as they see it themselves."""
        return {one["course_id"]: one["status"] for one in await person.listed("/api/enrolments")}

    async def earned(self) -> int:
        """What is pending of the author's earnings."""
        stream = earnings_stream(self.author, "usd")
        earnings: Earnings = await self.app.services.store.state(EARNINGS, stream)
        return earnings.on(self.app.services.now().date()).pending_minor

    async def booked(self, party: str) -> dict[str, int]:
        """By account; a debit is positive."""
        await self.app.projected()
        query = "SELECT account, debit_minor - credit_minor FROM balances WHERE party = %s"
        async with self.app.services.reading() as connection:
            found = await (await connection.execute(query, (party,))).fetchall()
        return {account: int(amount) for account, amount in found if amount}


@pytest.fixture(scope="module")
async def shared(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("orders")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, FakeStripe()) as opened:
        yield opened
    drop(server, url)


@pytest.fixture
async def buyer(shared: Running) -> Buyer:
    school = await found(shared)
    return Buyer(school, [await school.join(Person(shared)) for _ in range(2)])
