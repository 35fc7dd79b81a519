"""Databases for tests: migrated once, then cloned."""

from __future__ import annotations

import uuid

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from ledger.store import migrate

CLONE = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
"""The default writes every page to the log instead, which takes five times as long."""


def make_template(server: str) -> str:
    """The name of a new, migrated database on `server`, an administrator's connection string."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    migrate(make_conninfo(server, dbname=name))
    return name


def clone(server: str, template: str) -> str:
    """The owner's connection string of a new database like `template`."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(CLONE.format(Identifier(name), Identifier(template)))
    return make_conninfo(server, dbname=name)


def drop(server: str, url: str) -> None:
    """Whoever is still connected to it is thrown out."""
    name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
