"""Courses found by what their learners make of them: ratings, how many there are, and who began this week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.courses import trending
from api.reviews import search
from api.reviews.search import ORDERS
from ledger.store import conninfo
from tests.api.reviews.conftest import Class, class_of
from tests.api.support import FakeStripe, Running


class Shelf:
    """Courses of one category, which no other test has, by their names."""

    def __init__(self, app: Running, category: str) -> None:
        self.app, self.category = app, category
        self.courses: dict[str, Class] = {}

    async def put(self, name: str, *stars: int) -> Class:
        """With as many learners, each of whom says so many."""
        course = self.courses[name] = await class_of(self.app, category=self.category)
        for number, rating in enumerate(stars):
            await course.review(f"usr_{number}", rating)
        return course

    def names(self, answer: Any) -> list[str]:
        assert answer.status_code == 200, answer.text
        named = {course.course_id: name for name, course in self.courses.items()}
        found = (named.get(one["course_id"]) for one in answer.json()["items"])
        return [name for name in found if name is not None]

    async def found(self, **query: Any) -> list[str]:
        await self.app.projected()
        params = {"category": self.category, **query}
        return self.names(await self.app.client.get("/api/courses/list", params=params))

    async def trending(self) -> list[str]:
        await self.app.projected()
        return self.names(await self.app.client.get("/api/courses/trending", params={"limit": 50}))


@pytest.fixture
def week(stripe: FakeStripe) -> Iterator[FakeStripe]:
    """The clock, at tomorrow's noon, so that no midnight passes; it is put back."""
    began = stripe.offset
    now = stripe.now()
    stripe.offset = now.replace(hour=12) + timedelta(days=1) - now
    yield stripe
    stripe.offset = began


async def test_courses_are_ordered_and_filtered_by_rating_and_popularity(app: Running) -> None:
    shelf = Shelf(app, "numbers")
    await shelf.put("none")
    await shelf.put("three", 5, 5, 2)
    await shelf.put("one", 4)
    await shelf.put("best", 5)
    assert await shelf.found(sort="rating") == ["best", "three", "one", "none"]
    assert await shelf.found(sort="rating", min_rating="4") == ["best", "three", "one"]
    assert await shelf.found(min_rating="4.01") == ["best"]
    assert await shelf.found(sort="popularity") == ["three", "best", "one", "none"]


@pytest.mark.parametrize("sort", ["rating", "popularity"])
async def test_pages_by_what_moves_neither_repeat_nor_skip_what_does_not(app: Running, sort: str) -> None:
    shelf = Shelf(app, f"pages-{sort}")
    for name, stars in (("a", (5, 5)), ("b", (5, 5)), ("c", (4,)), ("d", ())):
        await shelf.put(name, *stars)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        await app.projected()
        params: dict[str, Any] = {"category": shelf.category, "sort": sort, "limit": 1, **cursor}
        answer = await app.client.get("/api/courses/list", params=params)
        seen += shelf.names(answer)
        if not answer.json()["has_more"]:
            break
        cursor = {"cursor": answer.json()["next_cursor"]}
        await shelf.put(f"new{len(seen)}", 5, 5, 5)
    assert seen == ["b", "a", "c", "d"], "the new ones come before the first page"


async def test_trending_is_what_many_began_this_week_and_have_still(app: Running, week: FakeStripe) -> None:
    shelf = Shelf(app, "trending")
    two, later = await shelf.put("two"), await shelf.put("later")
    await shelf.put("nobody")
    for user_id in ("usr_ann", "usr_bob"):
        await two.learner(user_id)
    assert await shelf.trending() == ["two"]
    week.offset += timedelta(days=6)
    await later.learner("usr_ann")
    assert await shelf.trending() == ["two", "later"]
    week.offset += timedelta(days=1)
    assert await shelf.trending() == ["later"]
    await later.money_goes("usr_ann")
    assert await shelf.trending() == []


def _plan(url: str, query: Any, arguments: dict[str, Any]) -> str:
    with psycopg.connect(conninfo(url)) as conn:
        for setting in ("enable_bitmapscan = off", "enable_seqscan = off", "enable_sort = off"):
            conn.execute(f"SET {setting}".encode())
        explain = b"EXPLAIN " + query.as_string(conn).encode()
        return "\n".join(row[0] for row in conn.execute(explain, arguments))


_OF = {"course_id": "crs_1", "learner_id": "usr_1", "hidden": False, "limit": 21}


@pytest.mark.parametrize(
    ("index", "which", "sort"),
    [
        ("reviews_newest", "visible", "newest"),
        ("reviews_by_helpful", "visible", "helpful"),
        ("reviews_by_rating", "visible", "rating"),
        ("reviews_of_learner", "own", "newest"),
        ("reviews_hidden", "hidden", "newest"),
        ("reviews_position_key", "any", "newest"),
    ],
)
def test_each_list_of_reviews_is_read_by_its_index(
    database_url: str, index: str, which: search.Which, sort: search.Sort
) -> None:
    places = {f"after_{number}": part for number, part in enumerate(ORDERS[sort].first)}
    assert f"using {index} " in _plan(database_url, search.listed_query(which, sort), {**_OF, **places})


def test_trending_reads_the_most_of_each_day_and_no_more(database_url: str) -> None:
    plan = _plan(database_url, trending._TRENDING, {"today": "2026-03-01", "limit": 10})
    assert "using course_days_most " in plan
    assert "Seq Scan" not in plan
