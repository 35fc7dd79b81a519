"""What ids that derive from an intent cost the tables: as keys they come in no order, where others come in
theirs.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable

import psycopg
from psycopg.sql import SQL, Identifier

from ledger.ids import derived_id, new_id
from ledger.store import conninfo
from tests.benchmarks.measure import ROUNDS, Figure

ROWS = 1_000_000
"""In each table at the end."""
BATCH = 1_000
"""Rows of one statement, as the projections write a batch."""
TABLES = ("payments_ordered", "payments_derived")

LIKE = "CREATE TABLE {} (LIKE payments INCLUDING ALL)"
INSERT = """
    INSERT INTO {} (
        payment_id, user_id, amount_minor, currency, captured_minor, refunded_minor, refund_pending_minor,
        disputed_minor, status, purpose, purpose_ref, description, payment_method_id, payment_intent_id,
        charge_id, failure_code, decline_code, action, settlement_currency, balance_transaction_id,
        funds_available, initiated_at, position, last_position
    )
    SELECT
        id, 'usr_' || place %% 50000, 1250, 'usd', 1250, 0, 0, 0, 'succeeded', 'plain', '', 'A course',
        'pm_card_visa', 'pi_' || md5(id), 'ch_' || md5(id), '', '', '', 'usd', '', false, now(), place, place
    FROM unnest(%s::text[], %s::bigint[]) AS made (id, place)
"""
SIZE = "SELECT pg_relation_size({}::regclass)"


async def measure(url: str) -> list[Figure]:
    """`url` is the owner's, of a migrated database. Both are filled in turn."""
    ledger_id = str(uuid.uuid4())
    ids: tuple[Callable[[], str], ...] = (
        lambda: new_id("pay"),
        lambda: derived_id("pay", ledger_id, uuid.uuid4().hex),
    )
    rates: dict[str, list[float]] = {table: [] for table in TABLES}
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        for table in TABLES:
            conn.execute(SQL(LIKE).format(Identifier(table)))
        for done in range(0, ROWS, ROWS // ROUNDS):
            for table, draw in zip(TABLES, ids, strict=True):
                rates[table].append(_fill(conn, table, draw, done))
        sizes = {table: _key_size(conn, table) for table in TABLES}
    ordered, derived = (statistics.median(rates[table]) for table in TABLES)
    full_ordered, full_derived = (rates[table][-1] for table in TABLES)
    return [
        _figure(f"payments by derived ids, to {ROWS:,} rows", derived, ordered),
        _figure("the same, the last fifth alone", full_derived, full_ordered),
        Figure(
            name="their primary key, bytes a row",
            value=sizes["payments_derived"] / ROWS,
            unit="bytes",
            baseline=f"{sizes['payments_ordered'] / ROWS:,.0f} bytes",
            ratio=sizes["payments_derived"] / sizes["payments_ordered"],
        ),
    ]


def _fill(conn: psycopg.Connection, table: str, draw: Callable[[], str], done: int) -> float:
    """Rows a second, the drawing of the ids left out."""
    insert, spent = SQL(INSERT).format(Identifier(table)), 0.0
    for first in range(done, done + ROWS // ROUNDS, BATCH):
        ids, places = [draw() for _ in range(BATCH)], list(range(first, first + BATCH))
        began = time.perf_counter()
        conn.execute(insert, (ids, places))
        spent += time.perf_counter() - began
    return ROWS / ROUNDS / spent


def _key_size(conn: psycopg.Connection, table: str) -> int:
    row = conn.execute(SQL(SIZE).format(f"{table}_pkey")).fetchone()
    assert row is not None
    return int(row[0])


def _figure(name: str, rate: float, ordered: float) -> Figure:
    return Figure(
        name=name,
        value=rate,
        unit="rows/s",
        baseline=f"{ordered:,.0f} rows/s by UUIDv7",
        ratio=rate / ordered,
    )
