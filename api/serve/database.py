"""The database that the settings name, or an embedded one in the data directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import msgspec
import structlog

from api.embedded import EmbeddedPostgres, EmbeddedPostgresError
from api.settings import Settings, SettingsError
from ledger.store import migrate

DATABASE = "liberation"
FOLDER = "postgres"
LOOK_EVERY_S = 1.0

log = structlog.get_logger()


class Database(msgspec.Struct, frozen=True):
    """`url` is the owner's. `embedded` is None when the settings name a server."""

    url: str
    embedded: EmbeddedPostgres | None = None


@contextmanager
def open_database(settings: Settings, *, make: bool) -> Iterator[Database]:
    """Starts the embedded server, or joins those who use it, until the end.

    `SettingsError` when there is none yet, unless `make`; `EmbeddedPostgresError` when it does not start.
    """
    if settings.database_url:
        yield Database(settings.database_url)
        return
    folder = settings.data_dir / FOLDER
    if not make and not folder.exists():
        raise SettingsError(
            f"There is no ledger in {settings.data_dir}: run `liberation serve` or `liberation migrate` "
            "first, or name another place with LIBERATION_DATA_DIR or LIBERATION_DATABASE_URL."
        )
    with EmbeddedPostgres(folder) as server:
        server.ensure_database(DATABASE)
        yield Database(server.url(DATABASE), server)


@asynccontextmanager
async def kept_database(settings: Settings) -> AsyncIterator[Database]:
    """As `database`, for a service: migrated, and looked after as long as it runs."""
    opened = open_database(settings, make=True)
    database = await asyncio.to_thread(opened.__enter__)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, opened.__exit__, None, None, None)
        await asyncio.to_thread(migrate, database.url, schema=settings.schema)
        if database.embedded is not None:
            await stack.enter_async_context(_watched(database.embedded))
        yield database


@asynccontextmanager
async def _watched(server: EmbeddedPostgres) -> AsyncIterator[None]:
    task = asyncio.create_task(_watch(server), name="embedded")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(server: EmbeddedPostgres) -> None:
    """The server's own guard restarts it after a crash; this replaces a guard that is gone too."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        looking = asyncio.ensure_future(asyncio.to_thread(server.ensure_running))
        try:
            await asyncio.shield(looking)
        except asyncio.CancelledError:
            with suppress(EmbeddedPostgresError):
                await looking  # the server is not for two threads at once, and it is stopped next
            raise
        except EmbeddedPostgresError as error:
            log.error("embedded_database_down", detail=error.detail)  # noqa: TRY400  it is told, not debugged
