"""Friends over HTTP: asked, answered, blocked; and what each of the two sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from api.settings import Settings
from ledger.catalogue import FriendLimits
from ledger.ids import new_id
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop


@pytest.fixture(scope="module")
async def app(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("friends")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, FakeStripe()) as opened:
        yield opened
    drop(server, url)


class Somebody:
    """A user of one test alone, and what they do with others."""

    def __init__(self, app: Running) -> None:
        self.app, self.id = app, new_id("usr")
        self.caller: Caller = app.caller(self.id, "student")

    async def ask(self, other: str | Somebody, *, key: str | None = None) -> httpx.Response:
        body = {"user_id": other if isinstance(other, str) else other.id}
        return await self.caller("POST", "/api/friends/requests", key=key or new_id("key"), json=body)

    async def answer(self, other: Somebody, what: str) -> httpx.Response:
        return await self._post(f"/api/friends/requests/{other.id}/{what}")

    async def block(self, other: Somebody, *, un: bool = False) -> httpx.Response:
        return await self._post(f"/api/friends/{other.id}/{'un' if un else ''}block")

    async def unfriend(self, other: Somebody) -> httpx.Response:
        return await self.caller("DELETE", f"/api/friends/{other.id}")

    async def _post(self, path: str) -> httpx.Response:
        return await self.caller("POST", path, key=new_id("key"), json={})

    async def seen(self, path: str = "", **query: Any) -> list[str]:
        """The users of a list."""
        await self.app.projected()
        answer = await self.caller.get(f"/api/friends{path}", params=query)
        assert answer.status_code == 200, answer.text
        return [each["user_id"] for each in answer.json()["items"]]

    async def everything(self) -> dict[str, list[str]]:
        return {
            "friends": await self.seen(),
            "incoming": await self.seen("/requests"),
            "outgoing": await self.seen("/requests", direction="outgoing"),
            "blocked": await self.seen("/blocked"),
        }


@pytest.fixture
def ann(app: Running) -> Somebody:
    return Somebody(app)


@pytest.fixture
def bob(app: Running) -> Somebody:
    return Somebody(app)


async def friends(one: Somebody, other: Somebody) -> None:
    assert (await one.ask(other)).json()["status"] == "asked"
    assert (await other.answer(one, "accept")).json()["status"] == "friends"


async def test_a_request_is_seen_by_both_and_accepted_by_the_other(ann: Somebody, bob: Somebody) -> None:
    asked = await ann.ask(bob)
    assert (asked.status_code, asked.json()) == (
        201,
        {"user_id": bob.id, "status": "asked", "blocked": False},
    )
    assert await ann.seen("/requests", direction="outgoing") == [bob.id]
    assert await bob.seen("/requests") == [ann.id]
    assert (await ann.answer(bob, "accept")).status_code == 404
    assert (await bob.answer(ann, "accept")).json()["status"] == "friends"
    assert (await ann.seen(), await bob.seen()) == ([bob.id], [ann.id])
    assert await bob.seen("/requests") == await ann.seen("/requests", direction="outgoing") == []


async def test_requests_that_cross_make_friends(ann: Somebody, bob: Somebody) -> None:
    answers = await asyncio.gather(ann.ask(bob), bob.ask(ann))
    assert sorted(answer.json()["status"] for answer in answers) == ["asked", "friends"] or {
        answer.json()["status"] for answer in answers
    } == {"friends"}
    assert (await ann.seen(), await bob.seen()) == ([bob.id], [ann.id])


@pytest.mark.parametrize("ending", ["decline", "withdraw", "unfriend"])
async def test_what_is_over_leaves_no_trace_and_may_be_asked_anew(
    ann: Somebody, bob: Somebody, ending: str
) -> None:
    await ann.ask(bob)
    if ending == "unfriend":
        await bob.answer(ann, "accept")
        ended = await bob.unfriend(ann)
    else:
        ended = await (bob.answer(ann, "decline") if ending == "decline" else ann.answer(bob, "withdraw"))
    assert (ended.status_code, ended.json()["status"]) == (200, "none")
    nothing: dict[str, list[str]] = {"friends": [], "incoming": [], "outgoing": [], "blocked": []}
    assert await ann.everything() == await bob.everything() == nothing
    assert (await ann.ask(bob)).json()["status"] == "asked"


async def test_who_is_blocked_sees_what_those_see_whom_nobody_answers(app: Running) -> None:
    """Asked before the block, after it, and again; as friends; and once it is lifted."""
    seen = []
    for blocks in (True, False):
        one, other = Somebody(app), Somebody(app)
        told = [await other.ask(one)]
        if blocks:
            await one.block(other)
        told += [await other.ask(one), await other.answer(one, "withdraw"), await other.ask(one)]
        told += [await other.answer(one, "accept"), await other.unfriend(one)]
        lists = await other.everything()
        seen.append(
            [(answer.status_code, problem_or_relation(answer).replace(one.id, "usr_one")) for answer in told]
            + [str(lists).replace(one.id, "usr_one")]
        )
        if blocks:
            assert await one.everything() == {
                "friends": [],
                "incoming": [],
                "outgoing": [],
                "blocked": [other.id],
            }
    assert seen[0] == seen[1]


def problem_or_relation(answer: httpx.Response) -> str:
    body = answer.json() if answer.status_code < 300 else problem(answer)
    return str({name: value for name, value in body.items() if name not in {"request_id", "instance"}})


async def test_a_block_ends_the_friendship_for_good(ann: Somebody, bob: Somebody) -> None:
    await friends(ann, bob)
    assert (await ann.block(bob)).json() == {"user_id": bob.id, "status": "none", "blocked": True}
    assert (await ann.seen(), await bob.seen()) == ([], [])
    refused = await ann.ask(bob)
    assert (refused.status_code, problem(refused)["code"]) == (409, "user_blocked_by_you")
    assert (await ann.block(bob, un=True)).json() == {"user_id": bob.id, "status": "none", "blocked": False}
    assert (await ann.seen(), await bob.seen(), await ann.seen("/blocked")) == ([], [], [])


async def test_a_repeat_is_the_first_answer_even_when_things_went_on(ann: Somebody, bob: Somebody) -> None:
    first = await ann.ask(bob, key="one key")
    await bob.answer(ann, "accept")
    again = await ann.ask(bob, key="one key")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")


async def test_limits_are_the_catalogues(app: Running, ann: Somebody, bob: Somebody) -> None:
    tight = FriendLimits(open_requests=1, friends=1)
    whole = app.services.catalogue
    app.replace(catalogue=msgspec.structs.replace(whole, friends=tight))
    try:
        cat = Somebody(app)
        await cat.ask(ann)
        await ann.ask(bob)
        await app.projected()
        refused = await ann.ask("usr_dan")
        assert (refused.status_code, problem(refused)["code"]) == (409, "too_many_friend_requests")
        await bob.answer(ann, "accept")
        await app.projected()
        for refused in (await ann.ask("usr_dan"), await ann.answer(cat, "accept")):
            assert (refused.status_code, problem(refused)["code"]) == (409, "too_many_friends")
    finally:
        app.replace(catalogue=whole)


async def test_nobody_is_their_own_friend_nor_asks_what_can_be_nobody(ann: Somebody) -> None:
    refused = await ann.ask(ann)
    assert (refused.status_code, problem(refused)["code"]) == (422, "friend_of_self")
    assert (await ann.ask("worker")).status_code == 422
    assert (await ann.caller("DELETE", "/api/friends/no%20body")).status_code == 404


async def test_pages_join_to_the_whole_list(app: Running, ann: Somebody) -> None:
    others = [Somebody(app) for _ in range(5)]
    for other in others:
        await friends(other, ann)
    await app.projected()
    paged, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await ann.caller.get("/api/friends", params=query)).json()
        paged += [each["user_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert paged == [other.id for other in reversed(others)]
