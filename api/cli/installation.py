"""What commands work on: the settings, and the database that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from api.settings import Settings, load

if TYPE_CHECKING:
    import psycopg

    from ledger.store import Role


class Installation(msgspec.Struct, frozen=True):
    """`url` is the owner's, also of an embedded server, which is kept running meanwhile."""

    settings: Settings
    url: str

    def conninfo(self, role: Role | None = None) -> str:
        from ledger.store import conninfo

        return conninfo(self.url, schema=self.settings.schema, role=role, name="command line")

    def connect(self, role: Role | None = None) -> psycopg.Connection[Any]:
        """Commits each statement, unless the caller makes a transaction."""
        import psycopg

        return psycopg.connect(self.conninfo(role), autocommit=True)


@contextmanager
def installation(*, make: bool = False) -> Iterator[Installation]:
    """Beside a running service its embedded server is shared; else one is started for the while.

    `SettingsError` when there is none yet, unless `make`.
    """
    from api import log
    from api.serve.database import open_database

    log.configure_for_command()
    settings = load()
    with open_database(settings, make=make) as database:
        yield Installation(settings, database.url)
