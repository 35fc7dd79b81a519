"""A service that is killed right before it writes a fact of some kind.

The ledger itself holds the process at the point: a trigger waits where the fact is to be written, and the
process is killed there. What it had asked to be written goes with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psycopg

from tests.flows.chaos import City
from tests.service import eventually

LOCK = 4711
_HOLD = """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock({lock}); RETURN NEW; END';
    CREATE TRIGGER hold BEFORE INSERT ON {schema}.events FOR EACH ROW WHEN (NEW.type = '{type}')
        EXECUTE FUNCTION hold();
"""
_LET_GO = "DROP FUNCTION hold() CASCADE"
_HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock} AND NOT granted"


def killed_before(city: City, conn: psycopg.Connection[Any], kind: str, act: Callable[[], object]) -> None:
    """The service dies as it writes a fact of that kind, which `act` leads to, and is started again."""
    with holding(conn, kind):
        asking = threading.Thread(target=_quietly, args=(act,))
        asking.start()
        await_held(conn)
        city.node.kill()
        end_held(conn)
        asking.join()
    city.node.start()


@contextmanager
def holding(conn: psycopg.Connection[Any], kind: str) -> Iterator[None]:
    conn.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    conn.execute(_HOLD.format(lock=LOCK, schema="liberation", type=kind).encode())
    try:
        yield
    finally:
        conn.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))  # first: who waits for it keeps the table
        conn.execute(_LET_GO)


def await_held(conn: psycopg.Connection[Any]) -> None:
    eventually(lambda: _held(conn))


def end_held(conn: psycopg.Connection[Any]) -> None:
    """What was asked to be written goes with whoever asked. Another service may ask for it meanwhile."""
    gone = set(_held(conn))
    for pid in gone:
        conn.execute("SELECT pg_terminate_backend(%s)", (pid,))
    eventually(lambda: gone.isdisjoint(_held(conn)))


def _held(conn: psycopg.Connection[Any]) -> list[int]:
    return [row[0] for row in conn.execute(_HELD.format(lock=LOCK).encode())]


def _quietly(act: Callable[[], object]) -> None:
    """Nobody is there any more who could answer."""
    with suppress(httpx.TransportError):
        act()
