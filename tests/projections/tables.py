"""Looking into tables, and waiting for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from ledger.store import conninfo
from projections import registry
from projections.engine.digest import digests
from projections.engine.projection import Projection
from projections.engine.runner import BatchRunner
from projections.engine.tables import Table
from projections.registry import PROJECTIONS, REBUILDABLE

TABLES: dict[str, Table[Any]] = {table.name: table for tables in registry.TABLES.values() for table in tables}

EMPTY_THE_STORE = (
    "ALTER TABLE events DISABLE TRIGGER append_only_whole",
    "TRUNCATE events",
    "ALTER TABLE events ENABLE ALWAYS TRIGGER append_only_whole",
    "UPDATE head SET position = 0, hash = sha256(convert_to('liberation:' || ledger_id, 'UTF8'))",
)
"""By the owner. The head is as in a ledger that has just been made."""


def select(url: str, query: LiteralString, *parameters: Any, **named: Any) -> list[dict[str, Any]]:
    with psycopg.connect(conninfo(url), autocommit=True, row_factory=dict_row) as conn:
        return conn.execute(query, named or parameters).fetchall()


def contents(url: str) -> dict[str, str]:
    """A digest of each table that can be rebuilt."""
    tables = tuple(table for name in REBUILDABLE for table in registry.TABLES[name])
    with psycopg.connect(conninfo(url), autocommit=True) as conn, conn.cursor() as cursor:
        return digests(cursor, tables)


def catch_up(
    url: str, projections: Mapping[str, type[Projection]] = PROJECTIONS, **options: Any
) -> BatchRunner:
    """Everything that is there now, folded; the runner is stopped."""
    runner = BatchRunner(url, projections, **options)
    try:
        runner.catch_up()
    finally:
        runner.stop()
    return runner


def until(condition: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Poll, so that no test depends on how fast the machine is."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
