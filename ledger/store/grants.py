"""What the roles of a ledger may do: wanted as the migrations say, missing as the database shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from psycopg import Connection

from ledger.store.connection import APPLICATION, AUDITOR
from ledger.store.migrations import COMPONENTS, find_migrations

_GRANT = re.compile(
    r"^GRANT (?P<privileges>[^;]+?) ON (?P<function>FUNCTION )?(?P<objects>[a-z_, ]+?)\s+"
    r"TO (?P<roles>[a-z_, ]+);",
    re.MULTILINE,
)
_COLUMNS = re.compile(r"(?P<privilege>[A-Z]+) \((?P<columns>[^)]+)\)")
CHANGES: Final = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
"""What nobody but the owner may do to a fact; facts come by executing `append`."""

# By the catalogue, which shows names also to those who may not use the schema.
_ROLE_EXISTS: Final = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"
_SCHEMA: Final = "SELECT has_schema_privilege(%s, oid, 'USAGE') FROM pg_namespace WHERE nspname = %s"
_FUNCTION: Final = """
    SELECT bool_and(has_function_privilege(%s, p.oid, 'EXECUTE'))
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = %s AND p.proname = %s
"""
_TABLE: Final = """
    SELECT has_table_privilege(%s, c.oid, %s)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s
"""
_COLUMN: Final = """
    SELECT has_column_privilege(%s, c.oid, a.attnum, %s)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s
"""


class Grant(msgspec.Struct, frozen=True):
    """`kind` is what stands between ON and the name: empty for a table. `column` is empty for all."""

    role: str
    privilege: str
    kind: str
    name: str
    column: str = ""

    def sql(self, schema: str) -> str:
        what = f"{self.privilege} ({self.column})" if self.column else self.privilege
        name = f'"{schema}"' if self.kind == "SCHEMA " else f'"{schema}".{self.name}'
        return f"GRANT {what} ON {self.kind}{name} TO {self.role}"


def wanted(components: Sequence[str] = COMPONENTS) -> list[Grant]:
    """The grants that a fresh database has."""
    found = [Grant(role, "USAGE", "SCHEMA ", "") for role in (APPLICATION, AUDITOR)]
    found += [Grant(role, "SELECT", "", "migrations") for role in (APPLICATION, AUDITOR)]
    for component in components:
        for migration in find_migrations(component):
            found += _grants_in(migration.sql)
    return found


def missing_roles(conn: Connection[Any]) -> list[str]:
    return [role for role in (APPLICATION, AUDITOR) if not _is(conn, _ROLE_EXISTS, role)]


def missing(conn: Connection[Any], schema: str, roles: Sequence[str]) -> list[Grant]:
    """All that `roles`, which exist, lack in a schema that does."""
    return [grant for grant in wanted() if grant.role in roles and not _held(conn, schema, grant)]


def changes_allowed(conn: Connection[Any], schema: str, role: str) -> list[str]:
    """What `role` may do to the table of facts, and must not."""
    return [change for change in CHANGES if _is(conn, _TABLE, role, change, schema, "events")]


def _grants_in(sql: str) -> Iterator[Grant]:
    for match in _GRANT.finditer(sql):
        kind = match["function"] or ""
        for role in _names(match["roles"]):
            for name in _names(match["objects"]):
                for privilege, column in _privileges(match["privileges"]):
                    yield Grant(role, privilege, kind, name, column)


def _privileges(text: str) -> Iterator[tuple[str, str]]:
    if columns := _COLUMNS.fullmatch(text):
        for column in _names(columns["columns"]):
            yield columns["privilege"], column
        return
    for privilege in _names(text):
        yield privilege, ""


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _held(conn: Connection[Any], schema: str, grant: Grant) -> bool:
    if grant.kind == "SCHEMA ":
        return _is(conn, _SCHEMA, grant.role, schema)
    if grant.kind:
        return _is(conn, _FUNCTION, grant.role, schema, grant.name)
    if grant.column:
        return _is(conn, _COLUMN, grant.role, grant.privilege, schema, grant.name, grant.column)
    return _is(conn, _TABLE, grant.role, grant.privilege, schema, grant.name)


def _is(conn: Connection[Any], query: str, *arguments: str) -> bool:
    row = conn.execute(query.encode(), arguments).fetchone()
    return bool(row and row[0])
