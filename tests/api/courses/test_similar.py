"""What is spelt wrongly is found by its likeness, where the database can tell."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from api.courses import similar
from ledger.store import conninfo
from tests.api.courses.shelves import seed
from tests.api.courses.test_listing import FILTERS


async def titles(url: str, words: str, **filters: Any) -> list[str]:
    async with await psycopg.AsyncConnection.connect(conninfo(url), autocommit=True) as connection:
        arguments = {**FILTERS, "limit": 21, "words": words, **filters}
        return [one.title for one in await similar.listed(connection, arguments)]


@pytest.fixture
def shelf(database_url: str) -> str:
    seed(database_url, 300)
    return database_url


def owner(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(conninfo(url, role=None), autocommit=True)


async def test_a_title_with_a_letter_too_few_is_found_if_the_filters_let_it(shelf: str) -> None:
    with owner(shelf) as conn:
        if conn.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'").fetchone() is None:
            pytest.skip("this server has no pg_trgm")
    found = await titles(shelf, "statstics")
    assert found
    assert all("Statistics" in title for title in found)
    assert await titles(shelf, "statstics", category="category-99") == []
    assert await titles(shelf, "nothing of the kind") == []


async def test_without_the_extension_nothing_is_and_nothing_fails(shelf: str) -> None:
    with owner(shelf) as conn:
        conn.execute("DROP EXTENSION IF EXISTS pg_trgm")
    assert await titles(shelf, "statstics") == []
