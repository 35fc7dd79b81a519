"""An application with organisations, and people in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.settings import Settings
from ledger.ids import new_id
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

AT = "/api/enterprise/organisations"


class Person:
    """A user of one test alone."""

    def __init__(self, app: Running, *roles: str) -> None:
        self.app, self.id = app, new_id("usr")
        self.caller: Caller = app.caller(self.id, *(roles or ("student",)))

    async def post(self, path: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        return await self.caller("POST", path, key=key or new_id("key"), json=body)

    async def patch(self, path: str, **body: Any) -> httpx.Response:
        return await self.caller("PATCH", path, key=new_id("key"), json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.caller("DELETE", path)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        await self.app.projected()
        return await self.caller.get(path, params=query)

    async def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


class School:
    """One organisation: who created it, and who they invited."""

    def __init__(self, owner: Person, org_id: str) -> None:
        self.owner, self.id, self.at = owner, org_id, f"{AT}/{org_id}"

    async def code(self, role: str = "member", by: Person | None = None) -> str:
        answer = await (by or self.owner).post(f"{self.at}/invitations", role=role)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def join(self, person: Person, role: str = "member") -> Person:
        joined = await person.post("/api/enterprise/invitations/accept", code=await self.code(role))
        assert (joined.status_code, joined.json()["role"]) == (200, role), joined.text
        return person

    async def class_of(self, *people: Person, name: str = "7b") -> str:
        made = await self.owner.post(f"{self.at}/classes", name=name)
        assert made.status_code == 201, made.text
        at = f"{self.at}/classes/{made.json()['class_id']}"
        for one in people:
            added = await self.owner.post(f"{at}/members", user_id=one.id)
            assert (added.status_code, added.json()["is_in"]) == (200, True)
        return at


async def found(app: Running, name: str = "Lakeside") -> School:
    owner = Person(app, "enterprise")
    created = await owner.post(AT, name=name)
    assert created.status_code == 201, created.text
    return School(owner, created.json()["org_id"])


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(problem(answer)["code"])


@pytest.fixture(scope="module")
async def shared(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """Each test has people and organisations of its own."""
    folder = tmp_path_factory.mktemp("organisations")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, FakeStripe()) as opened:
        yield opened
    drop(server, url)


@pytest.fixture
async def school(shared: Running) -> School:
    return await found(shared)
