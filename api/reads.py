"""Reads of the projections: point reads merged on one connection, lists from a small pool.

A row comes back as the struct that the projection wrote it from, so a column cannot mean two things.
"""

from __future__ import annotations

import select as sockets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, Protocol, Self, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.http.paging import Page, before, page
from api.http.problems import TooSlow
from api.http.responses import Read
from ledger.errors import StoreUnavailable
from ledger.store.batched_queries import Connection
from projections.engine.tables import Row, Table

R = TypeVar("R", bound=Row)
Shown = TypeVar("Shown", bound="Positioned")
Arguments = Sequence[Any] | Mapping[str, Any]

READ_TIMEOUT_S = 5
"""A list that takes longer would hold one of few connections: it is ended, and its caller told why."""
_ENDED = f"-c statement_timeout={READ_TIMEOUT_S}s"
POOL_OPTIONS = f"{_ENDED} -c plan_cache_mode=force_custom_plan"
"""A list's filters are optional, so that one plan for all of them would use no index."""
PLANNED_ONCE = f"{_ENDED} -c plan_cache_mode=force_generic_plan"
"""For statements of which every condition always holds: to plan them takes longer than to answer them."""
CHECK_AFTER_S = 1.0
"""Since it was last known to live, a connection that says nothing is asked before it is used."""

BY_ID = "SELECT {columns} FROM {table} WHERE {by} = ANY(%s) ORDER BY position"
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Several queries that see one moment."""


log = structlog.get_logger()


class PooledConnection(AsyncConnection[Any]):
    alive_at = 0.0
    """When it was last known to be, by the monotonic clock."""


class ReadPool:
    """`async with pool:` opens it."""

    def __init__(self, dsn: str, size: int, options: str = POOL_OPTIONS, *, at_least: int = 1) -> None:
        self._pool: AsyncConnectionPool[PooledConnection] = AsyncConnectionPool(
            with_options(dsn, options),
            connection_class=PooledConnection,
            min_size=at_least,
            max_size=size,
            timeout=2.0,
            reconnect_timeout=1.0,
            open=False,
            kwargs={"autocommit": True},
            check=check_alive,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """For one list. `StoreUnavailable` when the database cannot be reached."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except psycopg.errors.QueryCanceled as error:
            log.warning("read_too_slow")
            raise TooSlow(
                f"This took longer than {READ_TIMEOUT_S} s and was ended. Narrow it: a shorter time range, "
                "or a filter that fits fewer."
            ) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            log.warning("read_failed", error=type(error).__name__)
            raise StoreUnavailable("The database cannot be reached. Try again in a second.") from error


async def check_alive(connection: PooledConnection) -> None:
    """Raises psycopg's `OperationalError` for one that is not.

    A server that ends a session says so, which is seen without asking it: that would be a wait of its own
    before each list. One that has vanished without a word is found by asking, now and then.
    """
    now = time.monotonic()
    if now - connection.alive_at > CHECK_AFTER_S or has_word(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)
        connection.alive_at = now


def has_word(socket: int) -> bool:
    """Whether something has come that nobody read, or the other side has closed."""
    poll = sockets.poll()  # unlike select, it takes any number
    poll.register(socket, sockets.POLLIN)
    return bool(poll.poll(0))


def with_options(dsn: str, options: str) -> str:
    """The same connection with more of libpq's `options`."""
    return psycopg.conninfo.make_conninfo(
        dsn, options=f"{psycopg.conninfo.conninfo_to_dict(dsn).get('options', '')} {options}"
    )


def select(template: LiteralString, table: Table[Any], **names: str) -> Composed:
    """`template` with {table}, {columns} of it, and further names as quoted identifiers."""
    return table.compose(template, **{key: SQL("{}").format(Identifier(name)) for key, name in names.items()})


async def rows(connection: Connection, query: Composed, table: Table[R], arguments: Arguments) -> list[R]:
    return rows_of(table, await (await connection.execute(query, arguments)).fetchall())


class Positioned(Protocol):
    @property
    def position(self) -> int: ...


async def newest_first(
    pool: ReadPool,
    query: Composed,
    table: Table[R],
    filters: Mapping[str, Any],
    shown: Callable[[R], Shown],
    *,
    cursor: str | None,
    limit: int,
) -> Read[Page[Shown]]:
    """A page of a list by position. `query` has the names of `filters`, and `before` and `limit`."""
    # one more tells whether there is another page
    arguments = {**filters, "before": before(cursor), "limit": limit + 1}
    async with pool.connection() as connection:
        found = await rows(connection, query, table, arguments)
    return Read(page([shown(row) for row in found], limit, lambda item: (item.position,)))


def rows_of(table: Table[R], found: Iterable[tuple[Any, ...]]) -> list[R]:
    columns = table.columns
    return [table.row(**dict(zip(columns, values, strict=True))) for values in found]


def grouped(of: Iterable[R], column: str) -> defaultdict[str, list[R]]:
    groups: defaultdict[str, list[R]] = defaultdict(list)
    for row in of:
        groups[getattr(row, column)].append(row)
    return groups
