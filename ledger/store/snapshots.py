"""Writes snapshots of folded streams beside the store: later, elsewhere, and at no commit's expense.

They are a cache that outlives the process. Nothing waits for one, nothing fails for want of one, and
deleting them all loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import structlog

from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher
from ledger.store.streams import Folded, StreamCache

log = structlog.get_logger(__name__)

PAUSE_S = 0.2
"""Between two writings: a stream that moves all the time has five snapshots a second at most."""
PAUSE_AFTER_FAILURE_S = 10.0
_BATCH = 100
_STOPPING_S = 5.0
"""What the last writings may take when the process ends."""

_SAVE = """
    INSERT INTO snapshots (stream, version, shape, state, seal)
    SELECT e.stream, e.version, n.shape, n.state, sha256(e.hash || convert_to(n.shape, 'UTF8') || n.state)
    FROM unnest(%s::text[], %s::bigint[], %s::text[], %b::bytea[]) AS n (stream, version, shape, state)
    JOIN events AS e ON e.stream = n.stream AND e.version = n.version
    ORDER BY e.stream
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, shape = excluded.shape, state = excluded.state, seal = excluded.seal,
        saved_at = excluded.saved_at
"""
"""Whatever stood there: an older version from a slower process does no harm, and a damaged row must go."""

Row = tuple[str, int, str, bytes]
"""stream, version, shape, state."""


class Keeper:
    """Hears from the cache which streams are due, and takes them as they are when it comes to them."""

    def __init__(self, batcher: QueryBatcher, cache: StreamCache) -> None:
        self._batcher = batcher
        self._cache = cache
        self._due: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._halt = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        cache.on_due = self._note

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="snapshots")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Writes what is due, unless the database keeps it waiting."""
        self._halt.set()
        self._wake.set()
        if self._task is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, _STOPPING_S)

    def _note(self, stream: str) -> None:
        self._due[stream] = None
        self._wake.set()

    async def _run(self) -> None:
        while not self._halt.is_set() or self._due:
            await self._wake.wait()
            if not self._halt.is_set():
                self._wake.clear()
            due, self._due = list(self._due), {}
            batches = [due[start : start + _BATCH] for start in range(0, len(due), _BATCH)]
            saved = [await self._save(batch) for batch in batches]
            with suppress(TimeoutError):
                await asyncio.wait_for(self._halt.wait(), PAUSE_S if all(saved) else PAUSE_AFTER_FAILURE_S)

    async def _save(self, streams: Sequence[str]) -> bool:
        known = ((stream, self._cache.peek(stream)) for stream in streams)
        due = [(stream, folded) for stream, folded in known if folded is not None and folded.due]
        try:
            # In a thread, as a state may be large; it is never changed, so nobody minds.
            rows = await asyncio.to_thread(_rows, due)
            await self._batcher.ask(_SAVING, rows)
        except Exception as error:  # noqa: BLE001  # the facts are there; it is due again at the next one
            log.warning("snapshots_not_saved", streams=len(due), error=f"{type(error).__name__}: {error}")
            return False
        for stream, version, _, state in rows:
            self._cache.note_saved(stream, version, len(state))
        return True


def _rows(due: Sequence[tuple[str, Folded]]) -> list[Row]:
    return [
        (stream, folded.version, folded.form.shape, folded.form.encode(folded.state))
        for stream, folded in due
        if folded.form is not None
    ]


async def _insert(conn: Connection, asked: Sequence[Sequence[Row]]) -> list[None]:
    for rows in filter(None, asked):
        streams, versions, shapes, states = zip(*rows, strict=True)
        literal = f"{{{','.join(map(str, versions))}}}"
        arguments = (list(streams), literal, list(shapes), list(states))
        await conn.execute(_SAVE, arguments, prepare=True)
    return [None] * len(asked)


_SAVING: BatchedQuery[Sequence[Row], None] = BatchedQuery(_insert)
