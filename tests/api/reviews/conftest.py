"""One application for all tests of reviews; each has a course of its own, which learners have for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from api.settings import Settings
from ledger.enrolments.commands import RestoreEnrolment, RevokeEnrolment
from ledger.enrolments.reviews import rules
from ledger.ids import new_id
from ledger.message import Origin
from ledger.split import Part
from tests.api.courses import ways
from tests.api.support import Caller, FakeStripe, Running, running
from tests.databases import clone, drop

AUTHOR, INSTRUCTOR = "usr_ivy", "usr_joy"
STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))


@pytest.fixture(scope="module")
def stripe() -> FakeStripe:
    return FakeStripe()


@pytest.fixture(scope="module")
async def app(
    server: str, template: str, stripe: FakeStripe, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("reviews")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, stripe) as opened:
        yield opened
    drop(server, url)


@pytest.fixture(autouse=True)
def nothing_need_be_learnt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """How much must be is a matter of the rules, and of their tests."""
    monkeypatch.setattr(rules, "LEAST_PROGRESS_BP", 0)
    return iter(())


class Class:
    """A course, and what is said of it over HTTP."""

    def __init__(self, app: Running, course_id: str) -> None:
        self.app, self.course_id = app, course_id
        self.path = f"/api/courses/{course_id}/reviews"
        self.admin = app.caller("usr_admin", "admin")

    def caller(self, user_id: str) -> Caller:
        return self.app.caller(user_id, "student")

    async def learner(self, user_id: str) -> Caller:
        """Who has the course."""
        caller = self.caller(user_id)
        assert (await caller.buy(self.course_id, None)).status_code == 201
        return caller

    async def says(
        self, caller: Caller, rating: Any = 5, text: str = "Clear.", *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        body = {"rating": rating, "text": text, **more}
        return await caller("POST", self.path, key=key or new_id("key"), json=body)

    async def review(self, user_id: str, rating: int = 5, text: str = "Clear.") -> str:
        """The id of a learner's review."""
        said = await self.says(await self.learner(user_id), rating, text)
        assert said.status_code == 201, said.text
        await self.app.projected()
        review_id: str = said.json()["review_id"]
        return review_id

    async def does(
        self, caller: Caller, review_id: str, what: str = "", *, method: str = "POST", **body: Any
    ) -> httpx.Response:
        path = f"{self.path}/{review_id}{what and '/'}{what}"
        if method == "DELETE":
            return await caller(method, path)
        return await caller(method, path, key=new_id("key"), json=body)

    async def shown(self, caller: Caller | None = None, **query: Any) -> dict[str, Any]:
        await self.app.projected()
        headers = caller.headers if caller else {}
        answer = await self.app.client.get(self.path, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def money_goes(self, user_id: str, *, back: bool = False, as_of: int = 2) -> None:
        """As a refund does it, or one that bounces."""
        fields: dict[str, Any] = {
            "command_id": new_id("cmd"),
            "effective_at": self.app.services.now(),
            "course_id": self.course_id,
            "learner_id": user_id,
            "payment_id": "",
            "as_of": as_of,
            "cause_id": "re_1",
        }
        if back:
            command: Any = RestoreEnrolment(**fields, cause="refund_failed", buyer_id=user_id, revision=1)
        else:
            command = RevokeEnrolment(**fields, cause="refunded")
        await self.app.services.store.handle(command, STRIPE)


async def class_of(app: Running, **changes: Any) -> Class:
    """Free, and taught by two."""
    parts = (Part(user_id=AUTHOR, part_bp=6_000), Part(user_id=INSTRUCTOR, part_bp=4_000))
    course_id = await ways.course_of(
        app.services, AUTHOR, ways.PUBLISHED, price_minor=0, instructors=parts, **changes
    )
    await app.projected()
    return Class(app, course_id)


@pytest.fixture
async def course(app: Running) -> Class:
    return await class_of(app)
