"""Tables filled by their shape alone, where what is in them is no matter: whose it is, is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.sql import SQL, Identifier

NAMES_SOMEBODY = re.compile(
    r"user|learner|buyer|author|maker|owner|member|admin|actor|behalf|party|payer|giver|instructor|person"
    r"|student|recipient|sender|named|invited$|lesser|greater|_by$"
)
"""How columns are called that name users. One that is called otherwise is to be added."""
NO_USERS = {
    "coupons.borne_by": "who bears what it takes off: the platform or the instructors",
    "coupons.max_uses_per_user": "a number",
    "courses.learners": "a number",
    "friendships.greater_blocks": "whether, and not who",
    "friendships.lesser_blocks": "whether, and not who",
    "idempotency_keys.claimed_by": "a session of the database",
    "leaderboard_counts.users": "a number",
    "organisation_members.membership": "the key of the row",
    "unclaimed.claimed_by": "a fact",
}
OF_THE_STORE = {"head", "events", "snapshots", "migrations", "positions"}
_COLUMNS = """
    SELECT table_name, column_name, data_type, is_generated = 'ALWAYS'
    FROM information_schema.columns
    WHERE table_schema = current_schema()
    ORDER BY table_name, ordinal_position
"""
_CHECKS = """
    SELECT c.relname, k.conname
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype = 'c' AND k.connamespace = current_schema()::regnamespace
"""


def names_somebody(table: str, column: str) -> bool:
    known = f"{table}.{column}" in NO_USERS or table in OF_THE_STORE
    return not known and NAMES_SOMEBODY.search(column) is not None


def columns(connection: Connection[Any]) -> dict[str, list[tuple[str, str, bool]]]:
    """Name, type and whether it follows from others, by table."""
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for table, *column in connection.execute(_COLUMNS):
        found.setdefault(table, []).append((column[0], column[1], column[2]))
    return found


def without_checks(connection: Connection[Any]) -> None:
    """What is written here is no sense."""
    drop = SQL("ALTER TABLE {} DROP CONSTRAINT {}")
    for table, name in connection.execute(_CHECKS).fetchall():
        connection.execute(drop.format(Identifier(table), Identifier(name)))


def fill(
    connection: Connection[Any],
    table: str,
    shape: list[tuple[str, str, bool]],
    user_id: str,
    number: int,
    words: str,
    given: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """A row in which each column that names somebody names the user; all else is their own, or `given`."""
    values: dict[str, Any] = {}
    for name, kind, generated in shape:
        if generated or name == "erased_at":
            continue
        own = f"{'key' if name.endswith('_id') else words}-{user_id}-{number}"
        text = user_id if names_somebody(table, name) else own
        values[name] = "english" if kind == "regconfig" else value_of(kind, text, number)
    values |= given
    if table == "friendships":
        values |= {"greater": f"usr_other_{number}", "friends": True}
    connection.execute(
        SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
            Identifier(table),
            SQL(", ").join(map(Identifier, values)),
            SQL(", ").join([SQL("%s")] * len(values)),
        ),
        list(values.values()),
    )


def value_of(kind: str, text: str, number: int) -> Any:
    return {
        "text": text,
        "ARRAY": [text],
        "jsonb": msgspec.json.encode({"said": text}).decode(),
        "bytea": text.encode(),
        "boolean": False,
        "date": f"2026-01-0{number + 1}",
        "timestamp with time zone": f"2026-01-0{number + 1}T00:00:00Z",
    }.get(kind, number + 100)
