"""PostgreSQL: what it is, whether it keeps what it is given, and what the service's login may do there."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec
import psycopg
from psycopg import Connection, errors
from psycopg.sql import SQL, Identifier

from api.doctor.clock import compared
from api.doctor.finding import Finding, bad, ok, skipped, unreached, worrying, wrong
from api.standing import CLOCK, LOGIN
from ledger.store import APPLICATION, AUDITOR, MigrationError, conninfo
from ledger.store import grants as granted
from ledger.store.migrations import pending

OLDEST = 150_000
CONNECT_WITHIN_S = "5"

_LEDGER_EXISTS: Final = """
    SELECT EXISTS (
        SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname = 'events'
    )
"""
"""By the catalogue, which shows names also to those who may not use the schema."""
_NONE_YET: Final = "there is no ledger yet, see database.migrations"
_SHOWN: Final = "SELECT current_setting('server_encoding')"
_SWITCHES: Final = ("fsync", "full_page_writes", "synchronous_commit")


class Login(msgspec.Struct, frozen=True):
    name: str
    superuser: bool
    owner: bool

    @property
    def may_all(self) -> bool:
        return self.superuser or self.owner


def examine(url: str, schema: str, *, live: bool) -> list[Finding]:
    """All checks of the database, as the login that `url` names."""
    try:
        dsn = psycopg.conninfo.make_conninfo(
            conninfo(url, schema=schema, role=None, name="doctor"), connect_timeout=CONNECT_WITHIN_S
        )
        conn = psycopg.connect(dsn, autocommit=True)
    except psycopg.OperationalError as error:
        said = f"The database cannot be reached: {' '.join(str(error).split())}."
        return [unreached("database", said, "Start it, or correct LIBERATION_DATABASE_URL.")]
    except psycopg.ProgrammingError:  # its words repeat the string, which may hold a password
        todo = "Give it as postgresql://user@host/database or as a libpq string."
        return [wrong("database", "LIBERATION_DATABASE_URL cannot be understood.", todo)]
    with conn:
        return [
            server(conn),
            encoding(conn),
            durability(conn, live=live),
            clock(conn),
            login(conn, schema, live=live),
            migrations(conn, schema),
            grants(conn, schema),
            facts(conn, schema),
        ]


def server(conn: Connection[Any]) -> Finding:
    version = f"PostgreSQL {conn.info.server_version // 10_000}.{conn.info.server_version % 10_000}"
    if conn.info.server_version < OLDEST:
        return wrong("database.version", f"It is {version}, which is too old.", "Use PostgreSQL 15 or newer.")
    return ok("database.version", f"It is {version}.")


def encoding(conn: Connection[Any]) -> Finding:
    found = _one(conn, _SHOWN)
    if found != "UTF8":
        return wrong(
            "database.encoding",
            f"The database's encoding is {found}: facts with other letters could not be recorded.",
            "Make a database with ENCODING 'UTF8' and move the ledger there with pg_dump and pg_restore.",
        )
    return ok("database.encoding", "The database's encoding is UTF8.")


def durability(conn: Connection[Any], *, live: bool) -> Finding:
    """A write is acknowledged once it is on disk, which these settings are about."""
    off = [name for name in _SWITCHES if _one(conn, f"SELECT current_setting('{name}')") == "off"]
    if off:
        return bad(
            "database.durability",
            f"Off: {', '.join(off)}. A crash would lose facts that were acknowledged.",
            f"Set {_listed(off)} to on in postgresql.conf.",
            live=live,
        )
    return ok("database.durability", f"{_listed(_SWITCHES)} are on: what is acknowledged is on disk.")


def clock(conn: Connection[Any]) -> Finding:
    sent = time.time()
    theirs = float(_one(conn, CLOCK))
    return compared("clock.database", "the database", (sent + time.time()) / 2 - theirs)


def login(conn: Connection[Any], schema: str, *, live: bool) -> Finding:
    check, who = "database.login", _login(conn, schema)
    if not who.may_all:
        if not _one(conn, _LEDGER_EXISTS, schema):
            return skipped(check, _NONE_YET)
        if _is_auditor(conn, who):
            said = f"{who.name} is an auditor's login: it reads, and the service cannot run with it."
            todo = "To check the service, let LIBERATION_DATABASE_URL name the service's own login."
            return worrying(check, said, todo)
        return ok(check, f"{who.name} does not own the ledger and cannot change a fact.")
    return bad(
        check,
        f"{who.name} {'is a superuser' if who.superuser else 'owns the ledger'}: whoever takes the service "
        "over could change or remove facts.",
        "Let the service log in as another: CREATE ROLE liberation_service LOGIN PASSWORD '…' IN ROLE "
        f"{APPLICATION}; and keep the owner for `liberation migrate`.",
        live=live,
    )


def migrations(conn: Connection[Any], schema: str) -> Finding:
    check, todo = "database.migrations", "Run `liberation migrate` as the ledger's owner."
    if not _one(conn, _LEDGER_EXISTS, schema):
        return wrong(check, f"There is no ledger in the schema {schema} yet.", todo)
    try:
        with conn.transaction(force_rollback=True):
            _take_on(conn, schema)
            waiting = pending(conn)
    except errors.UndefinedTable:
        return wrong(check, f"There is no ledger in the schema {schema} yet.", todo)
    except errors.InsufficientPrivilege:
        return wrong(
            check,
            "This login may not see which migrations have run.",
            "Mend what database.grants says, then look again.",
        )
    except MigrationError as error:
        return wrong(check, f"The database does not fit this version: {error.detail}.", "See above.")
    if waiting:
        names = _listed([str(migration) for migration in waiting])
        return wrong(check, f"The database is older than this version. Not run yet: {names}.", todo)
    return ok(check, "The database has the shape that this version needs.")


def grants(conn: Connection[Any], schema: str) -> Finding:
    """Everything that is missing, at once. Only `liberation_application` is for the service's login."""
    if not _one(conn, _LEDGER_EXISTS, schema):
        return skipped("database.grants", _NONE_YET)
    roles = granted.missing_roles(conn)
    statements = [f"CREATE ROLE {role} NOLOGIN" for role in roles]
    who = _login(conn, schema)
    if APPLICATION in roles or not (_may_take_on(conn, APPLICATION) or _is_auditor(conn, who)):
        statements.append(f'GRANT {APPLICATION} TO "{who.name}"')
    existing = [role for role in (APPLICATION, AUDITOR) if role not in roles]
    statements += [grant.sql(schema) for grant in granted.missing(conn, schema, existing)]
    if not statements:
        return ok("database.grants", "The service and auditors may do what they need.")
    todo = f"As the ledger's owner or an administrator: {'; '.join(statements)};"
    if all(AUDITOR in statement for statement in statements):
        return worrying("database.grants", "Auditors may not read all that they should.", todo)
    return wrong("database.grants", "The service may not do all that it must.", todo)


def facts(conn: Connection[Any], schema: str) -> Finding:
    """Whether anybody but the owner could change a fact."""
    if not _one(conn, _LEDGER_EXISTS, schema):
        return skipped("database.facts", _NONE_YET)
    who = _login(conn, schema)
    names: list[str] = [role for role in (APPLICATION, AUDITOR) if role not in granted.missing_roles(conn)]
    if not who.may_all:
        names = [*names, who.name]
    allowed = {name: granted.changes_allowed(conn, schema, name) for name in names}
    statements = [
        f'REVOKE {", ".join(changes)} ON "{schema}".events FROM "{name}", PUBLIC'
        for name, changes in allowed.items()
        if changes
    ]
    if statements:
        said = "The table of facts can be changed by others than its owner."
        return wrong("database.facts", said, f"As the ledger's owner: {'; '.join(statements)};")
    return ok("database.facts", "Facts are recorded by `append` alone.")


def _login(conn: Connection[Any], schema: str) -> Login:
    row = conn.execute(LOGIN, (schema,)).fetchone()
    assert row is not None, "whoever is logged in has a role"
    return Login(*row)


def _is_auditor(conn: Connection[Any], who: Login) -> bool:
    """And nothing else: auditors have logins of their own."""
    return not who.may_all and _may_take_on(conn, AUDITOR) and not _may_take_on(conn, APPLICATION)


def _may_take_on(conn: Connection[Any], role: str) -> bool:
    """Tried, as a membership may come without the right to."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(SQL("SET LOCAL ROLE {}").format(Identifier(role)))
    except (errors.InsufficientPrivilege, errors.InvalidParameterValue):
        return False
    return True


def _take_on(conn: Connection[Any], schema: str) -> None:
    """As the service or an auditor does, unless this is the owner, who may look without."""
    if _login(conn, schema).may_all:
        return
    for role in (APPLICATION, AUDITOR):
        if _may_take_on(conn, role):
            conn.execute(SQL("SET LOCAL ROLE {}").format(Identifier(role)))
            return


def _one(conn: Connection[Any], query: str, *arguments: str) -> Any:
    row = conn.execute(query.encode(), arguments).fetchone()
    return row[0] if row else None


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
