"""The board of a class over HTTP: who is on it, who sees it, and that it is a board as the others are."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.ids import new_id
from tests.api.leaderboards.test_leaderboards import Boards
from tests.api.support import Caller, Running, problem

AT = "/api/enterprise/organisations"
PUPILS = ("usr_01", "usr_02", "usr_03", "usr_04")


class Class:
    def __init__(self, boards: Boards, owner: Caller, at: str) -> None:
        self.boards, self.owner, self.at = boards, owner, at

    async def does(self, method: str, path: str = "", **body: Any) -> None:
        key = new_id("key") if method != "DELETE" else None
        answer = await self.owner(method, self.at + path, key=key, **({"json": body} if key else {}))
        assert answer.status_code < 300, answer.text

    async def shown(self, user_id: str, **query: Any) -> list[tuple[int, str]]:
        return await self.boards.shown(user_id, f"{self.at}/leaderboard", **query)

    async def status(self, caller: Caller) -> int:
        return (await caller.get(f"{self.at}/leaderboard")).status_code


@pytest.fixture
async def school(app: Running, database_url: str) -> Class:
    """Of four whose plans have its board, with usr_01 as the first, and somebody in no class before them."""
    boards = Boards(app, database_url)
    owner = app.caller("usr_owner", "enterprise")
    created = await owner("POST", AT, key="org", json={"name": "Lakeside"})
    at = created.headers["location"]
    made = await owner("POST", f"{at}/classes", key="class", json={"name": "7b"})
    found = Class(boards, owner, made.headers["location"])
    for user in (*PUPILS, "usr_elsewhere"):
        code = (await owner("POST", f"{at}/invitations", key=new_id("key"), json={})).json()["code"]
        caller = boards.caller(user)
        await caller("POST", "/api/enterprise/invitations/accept", key="join", json={"code": code})
        assert (await caller.subscribe("enterprise")).status_code == 201
        if user in PUPILS:
            await found.does("POST", "/members", user_id=user)
    for number, user in enumerate(PUPILS):
        boards.earn(user, 100 - number)
    boards.earn("usr_elsewhere", 1_000)
    await owner.subscribe("enterprise")
    return found


async def test_a_class_is_ranked_among_itself(school: Class) -> None:
    school.boards.earn("usr_04", 2)
    everybody = [(1, "usr_01"), (2, "usr_02"), (2, "usr_04"), (4, "usr_03")]
    assert await school.shown("usr_03") == everybody
    assert await school.shown("usr_03", around="me", limit=2) == everybody[2:]
    assert await school.boards.rank("usr_03", f"{school.at}/leaderboard") == 4
    assert await school.boards.rank("usr_03") == 5
    page = await school.boards.board("usr_03", f"{school.at}/leaderboard", limit=3)
    following = await school.shown("usr_03", limit=3, cursor=page["next_cursor"])
    assert following == everybody[3:]
    assert await school.shown("usr_03", window="day", on="2020-01-01") == []


async def test_who_hides_is_not_on_it_and_who_is_blocked_has_their_rank(school: Class) -> None:
    await school.boards.me("usr_01", visibility="hidden")
    await school.boards.does("usr_04", "usr_02/block")
    assert await school.shown("usr_03") == [(1, "usr_02"), (2, "usr_03"), (3, "usr_04")]
    assert await school.shown("usr_04") == [(2, "usr_03"), (3, "usr_04")]
    assert await school.shown("usr_02", around="me") == [(1, "usr_02"), (2, "usr_03")]
    own = (await school.boards.board("usr_01", f"{school.at}/leaderboard"))["own"]
    assert (own["rank"], own["visible"]) == (1, False)


async def test_who_leaves_the_class_is_on_its_board_no_more(school: Class) -> None:
    await school.does("DELETE", "/members/usr_01")
    assert await school.shown("usr_02", limit=1) == [(1, "usr_02")]
    assert await school.status(school.boards.caller("usr_01")) == 404


async def test_it_is_seen_by_the_class_its_managers_and_admins_alone(school: Class, admin: Caller) -> None:
    board = await school.boards.board("usr_owner", f"{school.at}/leaderboard")
    assert ([each["user_id"] for each in board["items"]], board["own"]) == (list(PUPILS), None)
    await admin.subscribe("enterprise")
    assert await school.status(admin) == 200
    stranger = school.boards.caller("usr_stranger")
    await stranger.subscribe("enterprise")
    for caller in (stranger, school.boards.caller("usr_elsewhere")):
        assert await school.status(caller) == 404
    await school.does("POST", "/archive")
    assert await school.status(school.boards.caller("usr_01")) == 200


async def test_it_needs_the_plan_that_has_it(school: Class) -> None:
    poor = school.boards.caller("usr_poor")
    refused = await poor.get(f"{school.at}/leaderboard")
    assert (refused.status_code, problem(refused)["feature"]) == (403, "class_leaderboard")
