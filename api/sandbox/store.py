"""Objects, links, events, idempotency keys, jobs and deliveries in one SQLite file.

Reads go through a bounded cache, so memory stays flat however long a benchmark runs. The file is
opened with `synchronous = OFF`: a committed transaction survives kill -9 of the sandbox (the kernel
has it), not a power cut, which nobody needs of a sandbox.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from api.sandbox.errors import Object

_CACHED = 20_000
_decode = msgspec.json.Decoder().decode

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    rank INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, rank);
CREATE TABLE IF NOT EXISTS links (
    field TEXT NOT NULL, value TEXT NOT NULL, rank INTEGER NOT NULL,
    PRIMARY KEY (field, value, rank)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    request_id TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, clock TEXT NOT NULL, due INTEGER NOT NULL, name TEXT NOT NULL,
    object_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (clock, due, id);
CREATE TABLE IF NOT EXISTS funds (
    currency TEXT NOT NULL, available_on INTEGER NOT NULL, net INTEGER NOT NULL,
    PRIMARY KEY (currency, available_on)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connected_funds (
    account TEXT NOT NULL, currency TEXT NOT NULL, available_on INTEGER NOT NULL, net INTEGER NOT NULL,
    PRIMARY KEY (account, currency, available_on)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account_links (
    token TEXT PRIMARY KEY, account TEXT NOT NULL, return_url TEXT NOT NULL, refresh_url TEXT NOT NULL,
    expires_at INTEGER NOT NULL, opened INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkout_wishes (
    session TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, event_id TEXT NOT NULL, event_type TEXT NOT NULL, endpoint_id TEXT NOT NULL,
    state TEXT NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    response_status INTEGER, problem TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event_id);
CREATE INDEX IF NOT EXISTS deliveries_state ON deliveries (state, id);
"""

GET_META = "SELECT value FROM meta WHERE name = ?"
SET_META = (
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
LAST_RANK = "SELECT coalesce(max(rank), 0) FROM objects"
# Of any account; the plus keeps SQLite from the index of ids, as nearly the last object is an event.
NEWEST_EVENT = "SELECT body FROM objects WHERE +id GLOB 'evt_*' ORDER BY rank DESC LIMIT 1"
ANY_OF_KIND = "SELECT 1 FROM objects WHERE kind = ? LIMIT 1"
GET_BODY = "SELECT body FROM objects WHERE id = ?"
GET_RANK = "SELECT rank FROM objects WHERE id = ? AND kind = ?"
OLDER = "SELECT rank, id, body FROM objects WHERE kind = ? AND rank < ? ORDER BY rank DESC"
NEWER = "SELECT rank, id, body FROM objects WHERE kind = ? AND rank > ? ORDER BY rank"
OLDER_LINKED = """
SELECT o.rank, o.id, o.body
FROM links AS l
JOIN objects AS o ON o.rank = l.rank
WHERE l.field = ? AND l.value = ? AND l.rank < ?
ORDER BY l.rank DESC
"""
NEWER_LINKED = """
SELECT o.rank, o.id, o.body
FROM links AS l
JOIN objects AS o ON o.rank = l.rank
WHERE l.field = ? AND l.value = ? AND l.rank > ?
ORDER BY l.rank
"""
NEVER = 2**62


def scoped(account: str, name: str) -> str:
    """A kind or a link of the objects of a connected account, which stand apart; the platform's as it is."""
    return f"{account}/{name}" if account else name


class Store:
    """`path` None keeps everything in memory. Raises StateInUse when another process has the file."""

    def __init__(self, path: Path | None, *, seed: str = "") -> None:
        self.path = path
        self.db = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, timeout=0.5
        )
        try:
            self.db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = OFF")
            self.db.execute(
                "PRAGMA wal_autocheckpoint = 16384"
            )  # 64 MiB; the default is reached every 40 calls
            self.db.execute("PRAGMA cache_size = -65536")
            self.db.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
        except sqlite3.OperationalError as cause:
            self.db.close()
            raise StateInUse(f"{path}: {cause}; does another sandbox have it open?") from cause
        except sqlite3.DatabaseError as cause:
            self.db.close()
            raise StateInUse(f"{path} is no state file of the sandbox: {cause}") from cause
        self._cache: dict[str, Object] = {}
        self._flushed: asyncio.Future[None] | None = None
        self.rank: int = self.db.execute(LAST_RANK).fetchone()[0]
        self.seed = self.meta("seed") or self._plant(seed or secrets.token_hex(8))

    def _plant(self, seed: str) -> str:
        self.set_meta("seed", seed)
        return seed

    def close(self) -> None:
        if self.db.in_transaction:
            self.db.execute("COMMIT")
        self.db.close()

    def meta(self, name: str) -> str:
        row = self.db.execute(GET_META, (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_meta(self, name: str, value: str) -> None:
        self.db.execute(SET_META, (name, value))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Writes of one request, all or none. In an event loop the requests of one turn of it are committed
        together, as a commit costs more than the writes (measured: 230 of 530 µs); see `durable`.
        """
        if not self.db.in_transaction:
            self.db.execute("BEGIN IMMEDIATE")
            self._flush_soon()
        self.db.execute("SAVEPOINT request")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK TO request")
            self.db.execute("RELEASE request")
            raise
        self.db.execute("RELEASE request")
        if self._flushed is None:
            self.db.execute("COMMIT")

    def _flush_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # before serving: each transaction is committed at once
            return
        self._flushed = loop.create_future()
        loop.call_soon(self._flush)

    def _flush(self) -> None:
        flushed, self._flushed = self._flushed, None
        if self.db.in_transaction:
            self.db.execute("COMMIT")
        if flushed is not None and not flushed.done():
            flushed.set_result(None)

    async def durable(self) -> None:
        """Return when all that was written is committed; answers and webhooks wait for it."""
        if self._flushed is not None:
            await asyncio.shield(self._flushed)

    def find(self, object_id: str) -> Object | None:
        """The object as it is, shared with everyone who asks: never change it in place."""
        found = self._cache.get(object_id)
        if found is not None:
            return found
        row = self.db.execute(GET_BODY, (object_id,)).fetchone()
        return self.remember(object_id, _decode(row[0])) if row else None

    def remember(self, object_id: str, value: Object) -> Object:
        cache = self._cache
        if len(cache) >= _CACHED:
            for stale in list(cache)[: _CACHED // 4]:
                del cache[stale]
        cache[object_id] = value
        return value

    def rank_of(self, object_id: str, kind: str) -> int | None:
        row = self.db.execute(GET_RANK, (object_id, kind)).fetchone()
        return row[0] if row else None

    def scan(self, kind: str, link: tuple[str, str] | None, start: int, *, older: bool) -> Iterator[Object]:
        """Objects from a rank on, newest first when `older`, else oldest first; `link` is (field, value)."""
        if link is None:
            cursor = self.db.execute(OLDER if older else NEWER, (kind, start))
        else:
            cursor = self.db.execute(OLDER_LINKED if older else NEWER_LINKED, (*link, start))
        try:
            for _, object_id, body in cursor:
                yield self._cache.get(object_id) or _decode(body)
        finally:
            cursor.close()

    def all(self, kind: str, link: tuple[str, str] | None = None) -> list[Object]:
        """Oldest first."""
        return list(self.scan(kind, link, 0, older=False))

    def has(self, kind: str) -> bool:
        return self.db.execute(ANY_OF_KIND, (kind,)).fetchone() is not None

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, values).fetchall()

    def clear(self) -> None:
        """Forget all but the seed, and begin again at rank 1."""
        with self.transaction() as db:
            for statement in _CLEAR:
                db.execute(statement)
        self._cache.clear()
        self.rank = 0

    def newest_created(self) -> int:
        """By the last event: other objects may live in the time of a test clock."""
        row = self.db.execute(NEWEST_EVENT).fetchone()
        return int(_decode(row[0]).get("created", 0)) if row else 0


_CLEAR = (
    "DELETE FROM objects",
    "DELETE FROM links",
    "DELETE FROM idempotency",
    "DELETE FROM jobs",
    "DELETE FROM funds",
    "DELETE FROM connected_funds",
    "DELETE FROM account_links",
    "DELETE FROM checkout_wishes",
    "DELETE FROM deliveries",
    "DELETE FROM meta WHERE name <> 'seed'",
)


class StateInUse(Exception):
    """The state file cannot be used; the message says why."""
