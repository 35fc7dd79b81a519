"""Numbered SQL files, each run once and never changed after."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

import msgspec
import psycopg
from psycopg import Connection, errors
from psycopg.sql import SQL, Identifier

from ledger.errors import OperatorError
from ledger.store.connection import APPLICATION, AUDITOR, conninfo

COMPONENTS = ("ledger", "projections", "api")
"""Packages with a `schema` folder, in the order in which they build on each other."""

_FILE = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

_CREATE_REGISTER = """
    CREATE TABLE IF NOT EXISTS migrations (
        component text NOT NULL,
        number integer NOT NULL,
        name text NOT NULL,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (component, number)
    )
"""
_GRANT_REGISTER = f"GRANT SELECT ON migrations TO {APPLICATION}, {AUDITOR}"
_SELECT_APPLIED = "SELECT component, number, name, sha256 FROM migrations"
_INSERT_APPLIED = "INSERT INTO migrations (component, number, name, sha256) VALUES (%s, %s, %s, %s)"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('liberation migrations ' || %s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('liberation migrations ' || %s, 0))"
_ROLE_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"
_MAY_SET_ROLE = "SELECT pg_has_role(current_user, %s, 'MEMBER')"
_OTHERS_SCHEMA = """
    SELECT EXISTS (
        SELECT FROM pg_namespace WHERE nspname = %s AND NOT pg_has_role(current_user, nspowner, 'MEMBER')
    )
"""


class MigrationError(OperatorError):
    """The database cannot be brought to the shape that this version needs."""

    code: ClassVar[str] = "migration"


class MayNotMigrate(MigrationError):
    """Not by this database user; another may."""

    code: ClassVar[str] = "may_not_migrate"


class Migration(msgspec.Struct, frozen=True):
    component: str
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.component}/{self.number:04}_{self.name}"


def find_migrations(component: str) -> list[Migration]:
    """In their order; the numbers count up from 1 without a gap."""
    folder: Traversable = resources.files(component) / "schema"
    found = []
    for file in folder.iterdir():
        if match := _FILE.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            found.append(Migration(component, int(match["number"]), match["name"], sql))
    found.sort(key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    assert numbers == list(range(1, len(found) + 1)), f"{component}/schema is not numbered 1, 2, 3 …"
    return found


def migrate(
    url: str,
    *,
    schema: str = "liberation",
    components: Sequence[str] = COMPONENTS,
    lock_timeout_s: float = 60.0,
    on_applied: Callable[[Migration], None] = lambda _: None,
) -> list[Migration]:
    """Runs what has not run yet, each file in a transaction, and returns it.

    A user who does not own the schema, as a service should, only checks that nothing is left to run.
    Raises `MigrationError` when a file that ran was changed since (drift), when the database is
    newer than this version, when another process holds the lock for too long, or when something must be
    run and this user may not.
    """
    wanted = [migration for component in components for migration in find_migrations(component)]
    try:
        with psycopg.connect(
            conninfo(url, schema=schema, role=None, name="migrate"), autocommit=True
        ) as conn:
            _lock(conn, schema, lock_timeout_s)
            try:
                if _scalar(conn, _OTHERS_SCHEMA, schema):
                    _check_complete(conn, wanted, components)
                    return []
                _prepare(conn, schema)
                pending = _pending(conn, wanted, components)
                for migration in pending:
                    _apply(conn, migration)
                    on_applied(migration)
            finally:
                conn.execute(_UNLOCK, (schema,))
    except psycopg.OperationalError as error:
        raise MigrationError(f"the database cannot be reached: {str(error).strip()}") from error
    return pending


def _lock(conn: Connection[Any], schema: str, timeout_s: float) -> None:
    """Polls: a session that blocks on a lock holds a snapshot, which stalls CREATE INDEX CONCURRENTLY."""
    deadline = time.monotonic() + timeout_s
    while not _scalar(conn, _TRY_LOCK, schema):
        if time.monotonic() > deadline:
            raise MigrationError(
                f"another process has been migrating schema {schema} for {timeout_s:.0f} s; "
                "wait for it, or end its session in pg_stat_activity"
            )
        time.sleep(0.05)


def _prepare(conn: Connection[Any], schema: str) -> None:
    if asked := [statement for role in (APPLICATION, AUDITOR) for statement in _ensure_role(conn, role)]:
        raise MayNotMigrate(
            f"the database user {conn.info.user} may not make or take on the ledger's roles. The service's "
            "own login need not: run `liberation migrate` as the ledger's owner. For an owner, ask an "
            f"administrator to run: {'; '.join(asked)}"
        )
    conn.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(schema)))
    grant = SQL("GRANT USAGE ON SCHEMA {} TO {}, {}")
    conn.execute(grant.format(Identifier(schema), Identifier(APPLICATION), Identifier(AUDITOR)))
    conn.execute(_CREATE_REGISTER)
    conn.execute(_GRANT_REGISTER)


def _check_complete(conn: Connection[Any], wanted: Sequence[Migration], components: Sequence[str]) -> None:
    """As the application, so that a user who does not inherit its rights may look too."""
    try:
        conn.execute(SQL("SET ROLE {}").format(Identifier(APPLICATION)))
        pending = _pending(conn, wanted, components)
    except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedObject) as error:
        raise MayNotMigrate(
            f"the database user {conn.info.user} may neither change the schema nor see what was run: "
            f'run `liberation migrate` as its owner, and GRANT {APPLICATION} TO "{conn.info.user}"'
        ) from error
    if pending:
        raise MayNotMigrate(
            f"{pending[0]} has not run yet, and {conn.info.user} may not run it: "
            "run `liberation migrate` as the schema's owner first"
        )


def _ensure_role(conn: Connection[Any], role: str) -> list[str]:
    """What an administrator must run, as this user may not.

    Roles belong to the whole server, so another database's migration may be making the same one.
    """
    exists = _scalar(conn, _ROLE_EXISTS, role)
    try:
        if not exists:
            conn.execute(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(role)))
        if not _scalar(conn, _MAY_SET_ROLE, role):
            conn.execute(SQL("GRANT {} TO CURRENT_USER").format(Identifier(role)))
    except (errors.DuplicateObject, errors.UniqueViolation):
        return []
    except errors.InsufficientPrivilege:
        make = [] if exists else [f"CREATE ROLE {role} NOLOGIN"]
        return [*make, f'GRANT {role} TO "{conn.info.user}"']
    return []


def pending(conn: Connection[Any], components: Sequence[str] = COMPONENTS) -> list[Migration]:
    """What has not run yet. Raises `MigrationError` on drift and for a database that is newer than this."""
    wanted = [migration for component in components for migration in find_migrations(component)]
    return _pending(conn, wanted, components)


def _pending(
    conn: Connection[Any], wanted: Sequence[Migration], components: Sequence[str]
) -> list[Migration]:
    applied = {(row[0], row[1]): row for row in conn.execute(_SELECT_APPLIED)}
    known = {(migration.component, migration.number) for migration in wanted}
    for component, number, name, _ in applied.values():
        if component in components and (component, number) not in known:
            raise MigrationError(
                f"the database has {component}/{number:04}_{name}, which this version does not know: "
                "run a version of the service that is at least as new as the database"
            )
    pending = []
    for migration in wanted:
        row = applied.get((migration.component, migration.number))
        if row is None:
            pending.append(migration)
        elif row[3] != migration.sha256:
            raise MigrationError(
                f"{migration} was changed after it ran here (drift): restore the file "
                "and put the change into a new, higher number"
            )
    return pending


def _apply(conn: Connection[Any], migration: Migration) -> None:
    applied = (migration.component, migration.number, migration.name, migration.sha256)
    try:
        with conn.transaction():
            conn.execute(migration.sql.encode())
            conn.execute(_INSERT_APPLIED, applied)
    except psycopg.Error as error:
        kind = MayNotMigrate if isinstance(error, errors.InsufficientPrivilege) else MigrationError
        raise kind(f"{migration} failed and was rolled back: {str(error).strip()}") from error


def _scalar(conn: Connection[Any], query: str, argument: str) -> bool:
    row = conn.execute(query.encode(), (argument,)).fetchone()
    assert row is not None
    return bool(row[0])
