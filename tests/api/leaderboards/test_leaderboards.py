"""Boards over HTTP: pages, windows, friends, and who is not to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.ids import new_id
from tests.api.support import Caller, Running, problem
from tests.projections.histories import append
from tests.projections.scores import Scoring, append_as_recorded

GLOBAL, FRIENDS = "/api/leaderboard/global", "/api/leaderboard/friends"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Boards:
    """An application whose users earn tokens."""

    def __init__(self, app: Running, url: str) -> None:
        self.app, self.url = app, url
        self.scoring, self._appended = Scoring(), 0
        self.now = app.services.now()

    def earn(self, user_id: str, amount: int, **more: Any) -> None:
        self.scoring.award(user_id, amount, more.pop("at", self.now), **more)

    async def settled(self) -> None:
        """Reads see what was earned."""
        if more := self.scoring.recorded[self._appended :]:
            append(self.url, more)
            self._appended = len(self.scoring.recorded)
        await self.app.projected()

    def caller(self, user_id: str) -> Caller:
        return self.app.caller(user_id, "student")

    async def board(self, user_id: str, path: str = GLOBAL, **query: Any) -> dict[str, Any]:
        await self.settled()
        answer = await self.caller(user_id).get(path, params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def shown(self, user_id: str, path: str = GLOBAL, **query: Any) -> list[tuple[int, str]]:
        board = await self.board(user_id, path, **query)
        return [(each["rank"], each["user_id"]) for each in board["items"]]

    async def rank(self, user_id: str, path: str = GLOBAL, **query: Any) -> int | None:
        own = (await self.board(user_id, path, **query))["own"]
        return None if own is None else own["rank"]

    async def me(self, user_id: str, **body: Any) -> dict[str, Any]:
        answer = await self.caller(user_id)("PUT", "/api/me", json=body)
        assert answer.status_code == 200, answer.text
        await self.app.projected()
        found: dict[str, Any] = answer.json()
        return found

    async def does(self, who: str, path: str, **body: Any) -> None:
        answer = await self.caller(who)("POST", f"/api/friends/{path}", key=new_id("key"), json=body)
        assert answer.status_code in {200, 201}, answer.text
        await self.app.projected()

    async def befriend(self, one: str, other: str) -> None:
        await self.does(one, "requests", user_id=other)
        await self.does(other, "requests", user_id=one)


@pytest.fixture
def boards(app: Running, database_url: str) -> Boards:
    return Boards(app, database_url)


def ten(boards: Boards, users: Sequence[int] = range(1, 11)) -> None:
    """usr_01 is first."""
    for number in users:
        boards.earn(f"usr_{number:02}", 1_000 - number)


async def test_the_board_shows_who_earned_most_and_where_the_caller_is(boards: Boards) -> None:
    for user, amount in (("usr_a", 30), ("usr_b", 20), ("usr_c", 20), ("usr_d", 10)):
        boards.earn(user, amount)
    board = await boards.board("usr_d")
    assert [(each["rank"], each["user_id"], each["score"]) for each in board["items"]] == [
        (1, "usr_a", 30),
        (2, "usr_b", 20),
        (2, "usr_c", 20),
        (4, "usr_d", 10),
    ]
    assert (board["own"]["rank"], board["own"]["score"], board["own"]["visible"]) == (4, 10, True)
    assert (board["board"]["window"], board["board"]["phase"]) == ("week", "running")
    assert (await boards.board("usr_nobody"))["own"] is None


async def test_an_award_is_a_score_and_a_penalty_takes_none_of_it(boards: Boards, admin: Caller) -> None:
    given = {"user_id": "usr_a", "amount": 120, "reason": "Thanks."}
    awarded = await admin("POST", "/api/tokens/award", key="a", json=given)
    assert awarded.status_code == 201, awarded.text
    taken = {"user_id": "usr_a", "amount": 70, "reason": "Spam."}
    assert (await admin("POST", "/api/tokens/penalise", key="p", json=taken)).status_code == 201
    for window in ("day", "week", "month", "all"):
        own = (await boards.board("usr_a", window=window))["own"]
        assert (own["rank"], own["score"], own["score_now"]) == (1, 120, 120)


@pytest.mark.parametrize("path", [GLOBAL, FRIENDS])
async def test_pages_join_to_the_whole_board(boards: Boards, path: str) -> None:
    """Ties go over the ends of pages, and each row has the rank that it has on the whole board."""
    users = [f"usr_{number}" for number in range(9)]
    for number, user in enumerate(users):
        boards.earn(user, 10 * (1 + number // 4))
    await boards.caller("usr_0").subscribe("pro")
    for user in users[1:] if path == FRIENDS else ():
        await boards.befriend("usr_0", user)
    whole = await boards.shown("usr_0", path)
    assert [rank for rank, _ in whole] == [1, 2, 2, 2, 2, 6, 6, 6, 6]
    for limit in (1, 2, 4, 9):
        paged, cursor = [], None
        while True:
            page = await boards.board("usr_0", path, limit=limit, **({"cursor": cursor} if cursor else {}))
            paged += [(each["rank"], each["user_id"]) for each in page["items"]]
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
        assert paged == whole


async def test_a_page_goes_on_behind_an_id_of_any_length(boards: Boards) -> None:
    users = ["a" * 128, "b" * 128]
    for user in users:
        boards.earn(user, 10)
    first = await boards.board("usr_a", limit=1)
    second = await boards.board("usr_a", limit=1, cursor=first["next_cursor"])
    assert [page["items"][0]["user_id"] for page in (first, second)] == users


async def test_who_stays_is_shown_once_while_awards_arrive(boards: Boards) -> None:
    for number in range(12):
        boards.earn(f"usr_{number:02}", 100 - number)
    paged: list[str] = []
    cursor = None
    for step in range(6):
        page = await boards.board("usr_00", limit=2, **({"cursor": cursor} if cursor else {}))
        paged += [each["user_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        boards.earn(f"usr_new_{step}", 1_000)
        boards.earn("usr_11", 50)
    moved = {"usr_11"}
    assert [user for user in paged if user not in moved] == [f"usr_{number:02}" for number in range(11)]


@pytest.mark.parametrize(
    ("me", "limit", "shown"), [(2, 4, [1, 2, 3, 4]), (10, 4, [7, 8, 9, 10]), (5, 4, [4, 5, 6, 7])]
)
async def test_around_me_is_a_full_window(boards: Boards, me: int, limit: int, shown: list[int]) -> None:
    ten(boards)
    user = f"usr_{me:02}"
    expected = [(number, f"usr_{number:02}") for number in shown]
    assert await boards.shown(user, around="me", limit=limit) == expected
    await boards.caller(user).subscribe("pro")
    for number in range(1, 11):
        if number != me:
            await boards.befriend(user, f"usr_{number:02}")
    assert await boards.shown(user, FRIENDS, around="me", limit=limit) == expected
    board = await boards.board(user, around="me", limit=limit)
    assert board["has_more"] is (shown[-1] < 10)
    if board["has_more"]:
        following = await boards.shown(user, cursor=board["next_cursor"], limit=1)
        assert following == [(shown[-1] + 1, f"usr_{shown[-1] + 1:02}")]


async def test_around_whoever_has_no_score_is_nothing(boards: Boards) -> None:
    ten(boards)
    board = await boards.board("usr_nobody", around="me")
    assert (board["items"], board["has_more"], board["own"]) == ([], False, None)


async def test_around_whoever_has_nothing_left_is_nothing(boards: Boards) -> None:
    """They are in the tables, and on no board."""
    ten(boards)
    lot_id = boards.scoring.award("usr_back", 5, boards.now)
    boards.scoring.claw_back("usr_back", 5, boards.now, boards.now, lot_id=lot_id)

    board = await boards.board("usr_back", around="me")
    assert (board["items"], board["has_more"], board["own"]) == ([], False, None)


async def test_who_opted_out_is_nowhere_and_sees_their_own_rank(boards: Boards) -> None:
    ten(boards, range(1, 5))
    assert (await boards.me("usr_02", visibility="hidden"))["visibility"] == "hidden"
    await boards.caller("usr_01").subscribe("pro")
    await boards.befriend("usr_01", "usr_02")
    others = [(1, "usr_01"), (2, "usr_03"), (3, "usr_04")]
    for user in ("usr_01", "usr_02"):
        assert await boards.shown(user) == others
        assert await boards.shown(user, around="me") == others
        assert await boards.shown(user, window="all") == others
    assert await boards.shown("usr_01", FRIENDS) == [(1, "usr_01")]
    own = (await boards.board("usr_02"))["own"]
    assert (own["rank"], own["visible"]) == (2, False)
    assert await boards.rank("usr_03") == 2
    await boards.me("usr_02", visibility=None)
    assert await boards.shown("usr_01") == [(number, f"usr_{number:02}") for number in range(1, 5)]


async def test_blocking_hides_rows_both_ways_and_changes_no_rank(boards: Boards) -> None:
    ten(boards, range(1, 5))
    await boards.does("usr_03", "usr_01/block")
    assert await boards.shown("usr_03") == [(2, "usr_02"), (3, "usr_03"), (4, "usr_04")]
    assert await boards.shown("usr_01") == [(1, "usr_01"), (2, "usr_02"), (4, "usr_04")]
    assert await boards.shown("usr_03", around="me", limit=2) == [(3, "usr_03"), (4, "usr_04")]
    assert await boards.shown("usr_04") == [(number, f"usr_{number:02}") for number in range(1, 5)]
    await boards.does("usr_03", "usr_01/unblock")
    assert len(await boards.shown("usr_01")) == 4


async def test_friends_are_ranked_among_themselves(boards: Boards) -> None:
    ten(boards)
    await boards.caller("usr_05").subscribe("pro")
    await boards.befriend("usr_05", "usr_02")
    await boards.befriend("usr_09", "usr_05")
    await boards.does("usr_05", "requests", user_id="usr_01")
    assert await boards.shown("usr_05", FRIENDS) == [(1, "usr_02"), (2, "usr_05"), (3, "usr_09")]
    assert await boards.rank("usr_05", FRIENDS) == 2
    assert await boards.rank("usr_05") == 5


async def test_a_board_needs_the_plan_that_has_it(boards: Boards) -> None:
    assert (await boards.caller("usr_a").get(GLOBAL)).status_code == 200
    refused = await boards.caller("usr_a").get(FRIENDS)
    assert (refused.status_code, problem(refused)["code"]) == (403, "feature_missing")
    assert problem(refused)["feature"] == "friend_leaderboard"


async def test_a_name_is_shown_only_of_who_wants_it(boards: Boards) -> None:
    boards.earn("usr_a", 10)
    assert (await boards.me("usr_a", name="Ada"))["visibility"] == "listed"
    assert (await boards.board("usr_b"))["items"][0]["name"] is None
    await boards.me("usr_a", visibility="named")
    assert (await boards.board("usr_b"))["items"][0]["name"] == "Ada"
    assert (await boards.caller("usr_a").get("/api/me")).json()["visibility"] == "named"
    await boards.caller("usr_a")("DELETE", "/api/me")
    assert (await boards.board("usr_b"))["items"][0]["name"] is None


async def test_a_window_that_has_ended_is_shown_as_it_was_published(boards: Boards) -> None:
    noon = datetime(2026, 6, 10, 12, tzinfo=UTC)
    lot_id = boards.scoring.award("usr_a", 100, noon)
    boards.earn("usr_b", 90, at=noon)
    boards.scoring.claw_back("usr_a", 100, noon, noon + 2 * DAY, lot_id=lot_id)
    append_as_recorded(boards.url, boards.scoring.recorded)
    boards._appended = len(boards.scoring.recorded)
    day = await boards.board("usr_a", window="day", on="2026-06-10")
    assert [(each["rank"], each["score"], each["score_now"]) for each in day["items"]] == [
        (1, 100, 0),
        (2, 90, 90),
    ]
    assert day["board"] == {
        "window": "day",
        "name": "2026-06-10",
        "starts_at": "2026-06-10T00:00:00Z",
        "ends_at": "2026-06-11T00:00:00Z",
        "phase": "published",
    }
    assert await boards.shown("usr_a", window="month", on="2026-06-30") == [(1, "usr_b")]
    assert (await boards.board("usr_a", window="week", on="2027-01-01"))["board"]["name"] == "2026-W53"


async def test_a_cursor_is_of_the_window_that_it_came_with(boards: Boards) -> None:
    for number in range(3):
        boards.earn(f"usr_{number}", 10 + number)
    cursor = (await boards.board("usr_0", window="all", limit="1"))["next_cursor"]
    assert [
        one["user_id"] for one in (await boards.board("usr_0", window="all", cursor=cursor))["items"]
    ] == [
        "usr_1",
        "usr_0",
    ]
    refused = await boards.caller("usr_0").get(GLOBAL, params={"window": "week", "cursor": cursor})
    assert (refused.status_code, "is of another window" in refused.text) == (422, True)


async def test_a_window_that_has_not_begun_is_told_as_that(boards: Boards) -> None:
    for window in ("day", "week", "month"):
        assert (await boards.board("usr_a", window=window, on="2999-06-10"))["board"]["phase"] == "future"
        assert (await boards.board("usr_a", window=window))["board"]["phase"] == "running"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"window": "all", "on": "2026-02-10"}, "on"),
        ({"window": "year"}, "window"),
        ({"on": "2026-02-30"}, "on"),
        ({"on": "yesterday"}, "on"),
        ({"around": "usr_b"}, "around"),
        ({"cursor": "bm90IG91cnM"}, "cursor"),
        ({"cursor": "WzEsMiwzXQ"}, "cursor"),
        ({"cursor": "Wy0xLDkyMjMzNzIwMzY4NTQ3NzU4MDcsIngiXQ"}, "cursor"),
        ({"cursor": "Wy0xLDEsIngiXQ", "around": "me"}, "cursor"),
        ({"limit": "0"}, "limit"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    refusing: Running, query: dict[str, str], parameter: str
) -> None:
    refused = await refusing.caller("usr_a", "student").get(GLOBAL, params=query)
    assert refused.status_code == 422
    assert [error["parameter"] for error in problem(refused)["errors"]] == [parameter]
