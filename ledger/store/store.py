"""The ledger's front: `handle` a command, read what was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger import permissions
from ledger.domains import DECIDERS, EVENT_TYPES
from ledger.message import Command, Decider, Event, Origin, Outcome, Recorded
from ledger.store.connection import APPLICATION, Role, conninfo
from ledger.store.mapper import FactMapper
from ledger.store.streams import AnyDecider, Folded, StreamCache, StreamLoader
from ledger.store.writer import Pending, Writer

R = TypeVar("R")
S = TypeVar("S")
Authorise = Callable[[Command, Origin], None]

_SELECT_HEAD = "SELECT position FROM head"


class Store:
    """One ledger, which is one PostgreSQL schema. Use `open`."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        connect: Callable[[], Any],
        *,
        deciders: Iterable[AnyDecider],
        event_types: Iterable[type[Event]],
        authorise: Authorise,
        cached_streams: int,
        patience_s: float,
    ) -> None:
        mapper = FactMapper(event_types)
        self._pool = pool
        self._authorise = authorise
        self._deciders = {command: decider for decider in deciders for command in decider.commands}
        self._cache = StreamCache(cached_streams)
        self._loader = StreamLoader(mapper)
        self._subscribers: list[Callable[[int], None]] = []
        self._writer = Writer(connect, mapper, self._cache, on_append=self._appended, patience_s=patience_s)
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
        dsn = conninfo(url, schema=schema, role=role, name="store")
        pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=4,
            open=False,
            kwargs={"autocommit": True},
            timeout=patience_s,
        )

        async def connect() -> AsyncConnection[Any]:
            return await AsyncConnection.connect(dsn, autocommit=True)

        store = cls(
            pool,
            connect,
            deciders=deciders,
            event_types=event_types,
            authorise=authorise,
            cached_streams=cached_streams,
            patience_s=patience_s,
        )
        await store._writer.start()
        async with pool:
            try:
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
        known: dict[str, Folded] = {}
        if (cached := self._cache.get(stream)) is not None:
            known[stream] = cached
        folded = await self._read(lambda conn: self._loader.refresh(conn, {stream: decider}, known))
        self._cache.update(folded)
        state: S = folded[stream].state
        return state

    async def recall(self, decider: Decider[Any, S, Any], stream: str) -> S:
        """The stream as this process last saw it, or as it is now when it never did.

        For what `handle` will judge again on the present state, or what may be a little old.
        """
        cached = self._cache.get(stream)
        if cached is None:
            return await self.state(decider, stream)
        state: S = cached.state
        return state

    async def read_stream(self, stream: str, after: int = 0) -> list[Recorded]:
        """Facts of one stream with a version above `after`, in order."""
        return await self._read(lambda conn: self._loader.stream(conn, stream, after))

    async def read(self, after: int, limit: int) -> list[Recorded]:
        """At most `limit` facts of the whole ledger above position `after`, in order."""
        return await self._read(lambda conn: self._loader.after(conn, after, limit))

    async def find_command(self, command_id: str) -> tuple[Recorded, ...]:
        """What a command recorded; empty when it did not."""
        found = await self._read(lambda conn: self._loader.commands(conn, [command_id]))
        return found.get(command_id, ())

    async def head(self) -> int:
        """The last position of the ledger; 0 when it is empty."""
        row = await self._read(_select_head)
        assert row is not None
        return int(row[0])

    async def _read(self, query: Callable[[AsyncConnection[Any]], Awaitable[R]]) -> R:
        """A pooled connection may have died since its last use: then again, on a checked one.

        Asking each connection first whether it lives would cost a round trip for every read.
        """
        try:
            async with self._pool.connection() as conn:
                return await query(conn)
        except psycopg.OperationalError:
            await self._pool.check()
            async with self._pool.connection() as conn:
                return await query(conn)

    def subscribe(self, callback: Callable[[int], None]) -> None:
        """Calls back with the last position after each append of this process, in its event loop."""
        self._subscribers.append(callback)

    def _appended(self, position: int, events: int) -> None:
        self.appended += events
        self.commits += 1
        for callback in self._subscribers:
            callback(position)


async def _select_head(conn: AsyncConnection[Any]) -> tuple[Any, ...] | None:
    return await (await conn.execute(_SELECT_HEAD)).fetchone()
