"""What is kept of a person: told to them whole, and told to be gone when they leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from api.personal import reading
from api.personal.sections import ELSEWHERE, SECTIONS
from api.services import EXPORTS_AT_ONCE
from ledger.store import conninfo
from projections.registry import TABLES
from tests.api.filling import columns, fill, names_somebody, without_checks
from tests.api.support import Running, problem

KEPT_WHEN_ERASED = {
    "certificate_words.title": "the course's, which is another's words",
    "trial_cards.card": "a keyed hash that names nobody, see docs/decisions/0036-cards.md",
}
"""What stays of words beside the facts, and why."""


@pytest.fixture
def owner(app: Running) -> Iterator[Connection[Any]]:
    with psycopg.connect(conninfo(app.services.database_url, role=None), autocommit=True) as connection:
        yield connection


async def test_every_column_that_names_a_user_is_exported_or_said_not_to_be(owner: Connection[Any]) -> None:
    """Of a new table too: add it to SECTIONS of `api/personal/sections.py`, or say in ELSEWHERE why not."""
    naming = {
        f"{table}.{name}"
        for table, of_table in columns(owner).items()
        for name, *_ in of_table
        if names_somebody(table, name)
    }
    exported = {f"{section.table}.{section.by}" for section in SECTIONS if section.through is None}
    assert naming - exported == set(ELSEWHERE)


async def test_every_section_reads_all_pages_of_what_is_its_users_alone(
    app: Running, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each table has three rows of the user, and one of somebody else's."""
    monkeypatch.setattr(reading, "PAGE", 2)
    shapes = columns(owner)
    without_checks(owner)
    for table in {section.table for section in SECTIONS}:
        for number, user_id in enumerate(("usr_ann", "usr_ann", "usr_ann", "usr_zoe")):
            fill(owner, table, shapes[table], user_id, number, "kept")
    answer = await app.caller("usr_ann", "student").get("/api/me/export")
    assert answer.status_code == 200
    told = answer.json()
    assert told["user_id"] == "usr_ann"
    whole = {("contact", "contacts"), ("contact", "visibilities"), ("customer", "customers")}
    for section in SECTIONS:
        rows = told[section.domain][section.title]
        one = section.key == ("user_id",) or (section.domain, section.title) in whole
        expected = 0 if section.title in {"gifts", "friendships_of_greater"} else 1 if one else 3
        assert len(rows) == expected, section
        assert all("usr_zoe" not in str(row) for row in rows), section
        assert all(not {*section.omit, "salt", "card"} & set(row) for row in rows), section


async def test_what_others_keep_from_a_person_is_kept_from_them(app: Running, owner: Connection[Any]) -> None:
    insert = """
        INSERT INTO friendships VALUES
            (%s, 'usr_ann', %s, false, %s, %s, %s, %s, '2026-01-01T00:00:00Z', %s)
    """
    for number, (other, asked_by, unheard, ours, theirs) in enumerate(
        (
            ("usr_blocks_her", "", False, False, True),
            ("usr_was_blocked", "usr_was_blocked", True, False, False),
            ("usr_she_blocks", "", False, True, True),
            ("usr_waits", "usr_waits", False, False, False),
        )
    ):
        owner.execute(insert, (f"friendship-{number}", other, asked_by, unheard, ours, theirs, number))
    told = (await app.caller("usr_ann", "student").get("/api/me/export")).json()["friendships"]["friendships"]
    assert {(row["greater"], row["blocked"]) for row in told} == {
        ("usr_she_blocks", True),
        ("usr_waits", False),
    }
    assert not {"greater_blocks", "lesser_blocks", "unheard"} & set(told[0])


async def test_exports_are_few(app: Running) -> None:
    ann = app.caller("usr_ann", "student")
    for _ in range(EXPORTS_AT_ONCE):
        app.services.exports.take("usr_ann")
    answer = await ann.get("/api/me/export")
    assert (answer.status_code, problem(answer)["code"]) == (429, "rate_limited")


async def test_whatever_is_written_of_a_person_beside_the_facts_goes_when_they_leave(
    app: Running, owner: Connection[Any]
) -> None:
    """Of a new table too: have `DELETE /api/me` erase it, or say in KEPT_WHEN_ERASED why not."""
    folded = {table.name for tables in TABLES.values() for table in tables}
    shapes = {
        table: shape
        for table, shape in columns(owner).items()
        if table not in folded and any(names_somebody(table, name) for name, *_ in shape)
    }
    without_checks(owner)
    for number, (table, shape) in enumerate(shapes.items()):
        for user_id in ("usr_ann", "usr_zoe"):
            fill(owner, table, shape, user_id, number, "words")
    before = written(owner, shapes, "usr_zoe")
    assert {name.partition(".")[0] for name in before} == set(shapes)
    assert written(owner, shapes, "usr_ann") == before
    assert (await app.caller("usr_ann", "student")("DELETE", "/api/me")).status_code == 204
    assert written(owner, shapes, "usr_ann") == set(KEPT_WHEN_ERASED)
    assert written(owner, shapes, "usr_zoe") == before, "nobody else's"


def written(connection: Connection[Any], tables: Iterable[str], user_id: str) -> set[str]:
    """The columns that have words of the user's."""
    query = SQL(
        "SELECT key FROM {} AS t, jsonb_each_text(to_jsonb(t))"
        " WHERE strpos(value, %s) > 0 OR strpos(value, %s) > 0"
    )
    words = f"words-{user_id}"
    marked = (words, words.encode().hex())
    return {
        f"{table}.{column}"
        for table in tables
        for (column,) in connection.execute(query.format(Identifier(table)), marked)
    }
