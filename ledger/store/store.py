"""The ledger's front: `handle` a command, read what was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

from psycopg import AsyncConnection

from ledger import permissions
from ledger.domains import DECIDERS, EVENT_TYPES
from ledger.message import Command, Decider, Event, Origin, Outcome, Recorded
from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher
from ledger.store.connection import APPLICATION, Role, conninfo
from ledger.store.forms import AnyDecider
from ledger.store.mapper import FactMapper
from ledger.store.snapshots import Keeper
from ledger.store.streams import Folded, StreamCache, StreamLoader
from ledger.store.writer import Pending, Writer

S = TypeVar("S")
Authorise = Callable[[Command, Origin], None]

_SELECT_HEAD = "SELECT position FROM head"
_SELECT_LEDGER_ID = "SELECT ledger_id::text FROM head"


class Store:
    """One ledger, which is one PostgreSQL schema. Use `open`."""

    ledger_id: str
    """Its own from its beginning, and the same in every copy that is restored from a backup."""

    def __init__(
        self,
        dsn: str,
        snapshots_dsn: str,
        *,
        deciders: Iterable[AnyDecider],
        event_types: Iterable[type[Event]],
        authorise: Authorise,
        cached_streams: int,
        patience_s: float,
    ) -> None:
        self._mapper = FactMapper(event_types)
        self._authorise = authorise
        self._deciders = {command: decider for decider in deciders for command in decider.commands}
        self._cache = StreamCache(cached_streams)
        loader = StreamLoader(self._mapper)
        self._reads = _Reads(loader, self._cache)
        self._batcher = QueryBatcher(dsn)
        self._snapshots_batcher = QueryBatcher(snapshots_dsn)
        self._snapshots = Keeper(self._snapshots_batcher, self._cache)
        self._subscribers: list[Callable[[int], None]] = []

        async def connect() -> AsyncConnection[Any]:
            return await AsyncConnection.connect(dsn, autocommit=True)

        self._writer = Writer(
            connect, self._mapper, loader, self._cache, on_append=self._appended, patience_s=patience_s
        )
        self.appended = 0
        """Events that this process appended since it started."""
        self.commits = 0
        """Transactions they took; the quotient is the size of a group."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        schema: str = "liberation",
        role: Role | None = APPLICATION,
        deciders: Iterable[AnyDecider] = DECIDERS,
        event_types: Iterable[type[Event]] = EVENT_TYPES,
        authorise: Authorise = permissions.check,
        cached_streams: int = 20_000,
        patience_s: float = 10.0,
    ) -> AsyncIterator[Self]:
        """`patience_s` is how long a command waits for a database that went away."""
        store = cls(
            conninfo(url, schema=schema, role=role, name="store"),
            conninfo(url, schema=schema, role=role, name="snapshots", durable=False),
            deciders=deciders,
            event_types=event_types,
            authorise=authorise,
            cached_streams=cached_streams,
            patience_s=patience_s,
        )
        await store._writer.start()
        async with store._batcher, store._snapshots_batcher, store._snapshots:
            try:
                store.ledger_id = await store._batcher.ask(_LEDGER_ID, None)
                yield store
            finally:
                await store._writer.stop()

    async def handle(self, command: Command, origin: Origin) -> Outcome:
        """Load, decide, append; durable when it returns.

        A `command_id` that was recorded before answers with what it did then, and `repeated`.
        Raises `Refused` (nothing recorded), `Contended` (nothing recorded) or `StoreUnavailable`
        (nobody knows; the same command may be sent again).
        """
        self._authorise(command, origin)
        return await self._writer.submit(Pending(command, origin, self._deciders[type(command)]))

    async def state(self, decider: Decider[Any, S, Any], stream: str) -> S:
        """The stream as it is now; `decider.initial` when there is none."""
        state: S = (await self._batcher.ask(self._reads.folded, (decider, stream))).state
        return state

    async def states(self, asked: Sequence[tuple[AnyDecider, str]]) -> list[Any]:
        """As `state`, for several streams in one query."""
        return [folded.state for folded in await self._batcher.ask_all(self._reads.folded, asked)]

    async def read_stream(self, stream: str, after: int = 0) -> list[Recorded]:
        """Facts of one stream with a version above `after`, in order."""
        return await self._batcher.ask(self._reads.stream, (stream, after))

    async def read(self, after: int, limit: int) -> list[Recorded]:
        """At most `limit` facts of the whole ledger above position `after`, in order."""
        return await self._batcher.ask(self._reads.page, (after, limit))

    async def find_command(self, command_id: str) -> tuple[Recorded, ...]:
        """What a command recorded; empty when it did not."""
        return await self._batcher.ask(self._reads.command, command_id)

    async def head(self) -> int:
        """The last position of the ledger; 0 when it is empty."""
        return await self._batcher.ask(_HEAD, None)

    def subscribe(self, callback: Callable[[int], None]) -> None:
        """Calls back with the last position after each append of this process, in its event loop."""
        self._subscribers.append(callback)

    def _appended(self, position: int, events: int) -> None:
        self.appended += events
        self.commits += 1
        for callback in self._subscribers:
            callback(position)


class _Reads:
    """The reads that the store asks in batches."""

    def __init__(self, loader: StreamLoader, cache: StreamCache) -> None:
        self._loader = loader
        self._cache = cache
        self.folded: BatchedQuery[tuple[AnyDecider, str], Folded] = BatchedQuery(self._fold)
        self.stream: BatchedQuery[tuple[str, int], list[Recorded]] = BatchedQuery(self._streams)
        self.page: BatchedQuery[tuple[int, int], list[Recorded]] = BatchedQuery(self._pages)
        self.command: BatchedQuery[str, tuple[Recorded, ...]] = BatchedQuery(self._commands)

    async def _fold(self, conn: Connection, asked: Sequence[tuple[AnyDecider, str]]) -> list[Folded]:
        wanted = {stream: decider for decider, stream in asked}
        cached = {stream: self._cache.get(stream) for stream in wanted}
        known = {stream: folded for stream, folded in cached.items() if folded is not None}
        folded = await self._loader.refresh(conn, wanted, known)
        self._cache.update(folded)
        return [folded[stream] for _, stream in asked]

    async def _streams(self, conn: Connection, asked: Sequence[tuple[str, int]]) -> list[list[Recorded]]:
        return await self._loader.streams(conn, asked)

    async def _pages(self, conn: Connection, asked: Sequence[tuple[int, int]]) -> list[list[Recorded]]:
        return [await self._loader.after(conn, position, limit) for position, limit in asked]

    async def _commands(self, conn: Connection, asked: Sequence[str]) -> list[tuple[Recorded, ...]]:
        found = await self._loader.commands(conn, list(asked))
        return [found.get(command_id, ()) for command_id in asked]


async def _select_head(conn: Connection, asked: Sequence[None]) -> list[int]:
    row = await (await conn.execute(_SELECT_HEAD)).fetchone()
    assert row is not None
    return [int(row[0])] * len(asked)


_HEAD: BatchedQuery[None, int] = BatchedQuery(_select_head)


async def _select_ledger_id(conn: Connection, asked: Sequence[None]) -> list[str]:
    row = await (await conn.execute(_SELECT_LEDGER_ID)).fetchone()
    assert row is not None
    return [str(row[0])] * len(asked)


_LEDGER_ID: BatchedQuery[None, str] = BatchedQuery(_select_ledger_id)
