"""Databases for tests: migrated once, then cloned, then emptied and used again."""

from __future__ import annotations

import uuid
from collections import defaultdict
from contextlib import suppress

import psycopg
from msgspec import Struct
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Composable, Identifier

from ledger.store import migrate

_LIVES = 25
"""Of one database: what is deleted stays in its files."""
_CLONE = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
"""The default writes every page to the log instead, which takes five times as long."""
_SHAPE = """
    WITH own AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
    written AS (
        SELECT xmin FROM pg_namespace WHERE oid IN (TABLE own)
        UNION ALL SELECT xmin FROM pg_class WHERE relnamespace IN (TABLE own)
        UNION ALL SELECT a.xmin FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace IN (TABLE own)
        UNION ALL SELECT xmin FROM pg_constraint WHERE connamespace IN (TABLE own)
        UNION ALL SELECT xmin FROM pg_proc WHERE pronamespace IN (TABLE own)
        UNION ALL SELECT xmin FROM pg_trigger
        UNION ALL SELECT s.xmin FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
            WHERE d.datname = current_database()
    )
    SELECT count(*), sum(xmin::text::bigint) FROM written
"""
"""Who wrote each part of the schema: another answer after any change of it."""
_FILLED = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND pg_relation_size(c.oid) > 0 ORDER BY c.oid
"""
_ALONE = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


_GUARDS = """
    SELECT n.nspname, c.relname, t.tgname
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.tgenabled = 'A'
"""
"""The triggers that keep facts as they are, whoever asks."""


class _Clone(Struct, frozen=True):
    template: str
    shape: object
    used: int


_rows: dict[tuple[str, str], list[tuple[Composable, bytes]]] = {}
"""What a template has to begin with, by server and name: by table, as COPY writes it."""
_idle: defaultdict[tuple[str, str], dict[str, _Clone]] = defaultdict(dict)
"""By server and template: databases that are as new."""
_lent: dict[tuple[str, str], _Clone] = {}
"""By server and name."""


def make_template(server: str) -> str:
    """The name of a new, migrated database on `server`, an administrator's connection string."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    url = make_conninfo(server, dbname=name)
    migrate(url)
    with psycopg.connect(url) as conn:
        _rows[server, name] = _content(conn)
    return name


def clone(server: str, template: str) -> str:
    """The owner's connection string of a database like `template`, under a name that nobody knew before."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = make_conninfo(server, dbname=name)
    idle = _idle[server, template]
    with psycopg.connect(server, autocommit=True) as conn:
        if idle:
            before, again = idle.popitem()
            conn.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(before), Identifier(name)))
            _lent[server, name] = again
            return url
        conn.execute(_CLONE.format(Identifier(name), Identifier(template)))
    with psycopg.connect(url) as conn:
        _lent[server, name] = _Clone(template, _shape(conn), 0)
    return url


def drop(server: str, url: str) -> None:
    """Whoever is still connected to it is thrown out."""
    name = str(conninfo_to_dict(url)["dbname"])
    lent = _lent.pop((server, name))
    rows = _rows.get((server, lent.template))
    again = _emptied(url, lent, rows) if rows and lent.used < _LIVES else None
    if again:
        _idle[server, lent.template][name] = again
        return
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _emptied(url: str, lent: _Clone, rows: list[tuple[Composable, bytes]]) -> _Clone | None:
    """As its template, or None where more than rows was changed, or the server's user may not empty it."""
    with suppress(InsufficientPrivilege), psycopg.connect(url) as conn:
        conn.execute(_ALONE)
        if _shape(conn) != lent.shape:
            return None
        guards = [(Identifier(*of[:2]), Identifier(of[2])) for of in conn.execute(_GUARDS).fetchall()]
        for guard in guards:
            conn.execute(SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(*guard))
        conn.execute("SET LOCAL session_replication_role = replica")
        for table in _filled(conn):
            conn.execute(SQL("DELETE FROM {}").format(table))
        for table, content in rows:
            with conn.cursor().copy(SQL("COPY {} FROM STDIN").format(table)) as copy:
                copy.write(content)
        for guard in guards:
            conn.execute(SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(*guard))
        return _Clone(lent.template, _shape(conn), lent.used + 1)
    return None


def _shape(conn: Connection) -> object:
    return conn.execute(_SHAPE).fetchone()


def _filled(conn: Connection) -> list[Composable]:
    return [Identifier(*names) for names in conn.execute(_FILLED).fetchall()]


def _content(conn: Connection) -> list[tuple[Composable, bytes]]:
    found: list[tuple[Composable, bytes]] = []
    for table in _filled(conn):
        with conn.cursor().copy(SQL("COPY {} TO STDOUT").format(table)) as copy:
            found.append((table, b"".join(bytes(part) for part in copy)))
    return found
