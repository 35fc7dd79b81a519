"""Finding courses: words, filters, orders, and pages while others are published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from api.courses import search
from api.courses.search import ORDERS
from api.courses.words import config_of
from ledger.courses import events as facts
from ledger.courses.stream import stream_of
from ledger.store import conninfo
from tests.api.courses.conftest import Author, published
from tests.api.courses.shelves import seed
from tests.api.support import Running, problem
from tests.ledger.course_examples import ANN, content
from tests.projections.histories import History, append

LIST = "/api/courses/list"
_WORDS = """
    INSERT INTO course_words (words_id, course_id, author, title, description, item_titles, language_config)
    VALUES (%s, %s, %s, %s, %s, '{"itm_1": "Introduction", "itm_2": "Heteroscedasticity"}', %s::regconfig)
"""


class Shelf:
    """Published courses, put into ledger and tables without asking the rules."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._history = History()
        self._stored = 0

    def put(self, name: str, title: str, description: str = "", **changes: Any) -> None:
        """`name` is its id without the prefix."""
        course_id, history = f"crs_{name}", self._history
        of = content(words_id=f"wrd_{name}", **changes)
        history.add(
            stream_of(course_id),
            facts.CourseUploaded(course_id=course_id, user_id=ANN, content=of),
            facts.CoursePublished(course_id=course_id, revision=1),
        )
        with psycopg.connect(conninfo(self._url), autocommit=True) as conn:
            values = (f"wrd_{name}", course_id, ANN, title, description, config_of(of.language))
            conn.execute(_WORDS, values)
        append(self._url, history.recorded[self._stored :])
        self._stored = len(history.recorded)


@pytest.fixture
def shelf(app: Running, database_url: str) -> Shelf:
    shelf = Shelf(database_url)
    shelf.put("r", "Statistics with R", "Means, medians and models.", price_minor=4900)
    shelf.put("sql", "Databases", "Statistics of queries; joins.", price_minor=2900, level="advanced")
    shelf.put("free", "Watercolour", "Paint.", price_minor=0, category="art")
    shelf.put("de", "Datenbanken verstehen", "Das Buch.", price_minor=3900, language="de", currency="eur")
    shelf.put("piano", "Piano", "Scales.", price_minor=2900, category="music", level="intermediate")
    return shelf


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [course["course_id"].removeprefix("crs_") for course in answer.json()["items"]]


async def found(app: Running, **query: Any) -> list[str]:
    await app.projected()
    return names(await app.client.get(LIST, params=query))


async def test_everybody_sees_what_is_published_newest_first(app: Running, shelf: Shelf) -> None:
    assert await found(app) == ["piano", "de", "free", "sql", "r"]
    assert await found(app, sort="newest", limit=2) == ["piano", "de"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"category": "art"}, ["free"]),
        ({"level": "beginner"}, ["de", "free", "r"]),
        ({"language": "de"}, ["de"]),
        ({"free": "true"}, ["free"]),
        ({"free": "false", "level": "beginner"}, ["de", "r"]),
        ({"featured": "true"}, []),
        ({"instructor": ANN, "category": "music"}, ["piano"]),
        ({"instructor": "usr_bob"}, []),
        ({"currency": "EUR"}, ["de"]),
        ({"currency": "usd", "min_price": 2900, "max_price": 2900}, ["piano", "sql"]),
        ({"currency": "usd", "sort": "price"}, ["free", "sql", "piano", "r"]),
        ({"currency": "usd", "sort": "price_desc"}, ["r", "piano", "sql", "free"]),
    ],
)
async def test_filters_and_orders(
    app: Running, shelf: Shelf, query: dict[str, Any], expected: list[str]
) -> None:
    assert await found(app, **query) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("statistics", ["r", "sql"]),
        ("STATISTIC", ["r", "sql"]),
        ("database", ["sql"]),
        ("datenbanken", ["de"]),
        ("introduction", ["piano", "de", "free", "sql", "r"]),
        ('"means medians"', ["r"]),
        ("statistics -joins", ["r"]),
        ("piano or watercolour", ["piano", "free"]),
        ("watercolor", ["free"]),
        ("nothing of the kind", []),
        ("the", []),
        ("'; DROP TABLE courses; --", []),
        ("((&|!:*", []),
    ],
)
async def test_words_are_found_in_titles_first(
    app: Running, shelf: Shelf, words: str, expected: list[str]
) -> None:
    assert await found(app, q=words) == expected


async def test_a_language_brings_its_own_stems(app: Running, shelf: Shelf) -> None:
    assert await found(app, q="Büchern") == []
    assert await found(app, q="Büchern", language="de") == ["de"]


async def test_pages_neither_repeat_nor_skip_while_courses_arrive(app: Running, shelf: Shelf) -> None:
    for query in (
        {},
        {"currency": "usd", "sort": "price"},
        {"currency": "usd", "sort": "price_desc"},
        {"q": "introduction"},
    ):
        at_first = await found(app, limit=100, **query)
        seen = await _walk(app, shelf, query)
        assert len(seen) == len(set(seen)), "no course twice"
        assert [name for name in seen if name in at_first] == at_first, "none left out, in the same order"


async def _walk(app: Running, shelf: Shelf, query: dict[str, str]) -> list[str]:
    """From page to page, with a course more between any two."""
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        await app.projected()
        answer = await app.client.get(LIST, params={**query, **cursor, "limit": 2})
        seen += names(answer)
        if not answer.json()["has_more"]:
            return seen
        cursor = {"cursor": answer.json()["next_cursor"]}
        new = f"{len(query)}{query.get('sort', '')}{len(seen)}"
        shelf.put(new, "Another one", price_minor=4900)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"sort": "price"}, "currency"),
        ({"min_price": 5}, "currency"),
        ({"max_price": 5}, "currency"),
        ({"currency": "usd", "min_price": 6, "max_price": 5}, "min_price"),
        ({"sort": "relevance"}, "q"),
        ({"sort": "stars"}, "sort"),
        ({"min_rating": "0.5"}, "min_rating"),
        ({"min_rating": "4.125"}, "min_rating"),
        ({"color": "blue"}, "color"),
        ({"limit": 0}, "limit"),
        ({"cursor": "xx"}, "cursor"),
        ({"category": "Art"}, "category"),
        ({"q": ""}, "q"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    app: Running, query: dict[str, Any], parameter: str
) -> None:
    refused = await app.client.get(LIST, params=query)
    assert refused.status_code == 422
    assert problem(refused)["errors"][0]["parameter"] == parameter


async def test_a_cursor_of_another_order_is_refused(app: Running, shelf: Shelf) -> None:
    await app.projected()
    cursor = (await app.client.get(LIST, params={"limit": 1})).json()["next_cursor"]
    refused = await app.client.get(LIST, params={"cursor": cursor, "sort": "price", "currency": "usd"})
    assert (refused.status_code, problem(refused)["errors"][0]["parameter"]) == (422, "cursor")


async def test_who_wrote_reads_it_in_the_list_at_once(app: Running, ann: Author, root: Author) -> None:
    """A public list waits for a position, too, for whoever comes with a credential."""
    await published(ann, root)
    position = str(await app.services.store.head())
    answer = await ann.caller.get(LIST, headers={"Ledger-Position": position})
    assert len(answer.json()["items"]) == 1


FILTERS: dict[str, Any] = dict.fromkeys(
    [
        "words",
        "category",
        "level",
        "language",
        "currency",
        "min_price",
        "max_price",
        "min_rating",
        "free",
        "featured",
        "instructor",
    ]
)
_PLANS: list[tuple[str, search.Sort, dict[str, Any]]] = [
    ("courses_newest", "newest", {}),
    ("courses_of_category", "newest", {"category": "art"}),
    ("courses_of_level", "newest", {"level": "beginner"}),
    ("courses_of_language", "newest", {"language": "de"}),
    ("courses_free", "newest", {"free": True}),
    ("courses_featured", "newest", {"featured": True}),
    ("courses_by_price", "price", {"currency": "usd", "min_price": 5}),
    ("courses_by_price", "price_desc", {"currency": "usd", "max_price": 5}),
    ("courses_by_rating", "rating", {}),
    ("courses_by_rating", "rating", {"min_rating": 45 * 10**17, "language": "de"}),
    ("courses_by_learners", "popularity", {}),
    ("courses_of_category_by_price", "price", {"currency": "usd", "category": "art"}),
    ("courses_of_language_by_price", "price", {"currency": "usd", "language": "de"}),
    ("courses_of_level_by_price", "price_desc", {"currency": "usd", "level": "beginner"}),
]


@pytest.mark.parametrize(("index", "sort", "filters"), _PLANS)
def test_each_filter_and_order_reads_one_index_without_sorting(
    database_url: str, index: str, sort: search.Sort, filters: dict[str, Any]
) -> None:
    plan = _plan(database_url, sort, filters, "SET enable_bitmapscan = off", "SET enable_seqscan = off")
    assert f"using {index} " in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("index", "filters"),
    [
        ("course_words_search", {"words": "rare"}),
        ("courses_of_instructor", {"instructor": "usr_1"}),
    ],
)
def test_words_and_instructors_are_found_by_their_index(
    database_url: str, index: str, filters: dict[str, Any]
) -> None:
    seed(database_url, 3_000)
    assert f"on {index}" in _plan(database_url, "relevance" if "words" in filters else "newest", filters)


def _plan(url: str, sort: search.Sort, filters: dict[str, Any], *settings: str) -> str:
    places = {f"after_{number}": part for number, part in enumerate(ORDERS[sort].first)}
    arguments = {**FILTERS, "config": "english", "limit": 21, **places, **filters}
    query = search.listed_query(sort, words=arguments["words"] is not None)
    with psycopg.connect(conninfo(url)) as conn:
        for setting in ("SET plan_cache_mode = force_custom_plan", *settings):
            conn.execute(setting.encode())
        return _lines(conn.execute(b"EXPLAIN " + query.as_string(conn).encode(), arguments))


def _lines(rows: Iterable[tuple[Any, ...]]) -> str:
    return "\n".join(row[0] for row in rows)


@for_all(st.sampled_from(["en", "en-GB", "pt-BR", "de", "zh-Hant", "xx"]))
def test_a_language_that_nobody_knows_stems_nothing(language: str) -> None:
    known = {"en": "english", "pt": "portuguese", "de": "german"}
    assert config_of(language) == known.get(language[:2], "simple")
