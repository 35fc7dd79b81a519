"""The document, section by section and a page of rows at a time: no connection waits for its reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Composed, Identifier

from api.personal.sections import SECTIONS, Section
from api.reads import ReadPool

PAGE = 500
"""Rows that are in memory at once."""


async def document(pool: ReadPool, user_id: str, at: datetime) -> AsyncIterator[bytes]:
    """JSON: of each domain an object, in which each section is a list of rows as the tables have them."""
    head = msgspec.json.encode({"user_id": user_id, "exported_at": at})
    yield head.removesuffix(b"}")
    for domain, sections in groupby(SECTIONS, lambda section: section.domain):
        yield b',"%s":{' % domain.encode()
        for number, section in enumerate(sections):
            yield b'%s"%s":[' % (b"," if number else b"", section.title.encode())
            async for part in _rows(pool, section, user_id):
                yield part
            yield b"]"
        yield b"}"
    yield b"}"


async def _rows(pool: ReadPool, section: Section, user_id: str) -> AsyncIterator[bytes]:
    first, next_ = _QUERIES[section.domain, section.title]
    values: Mapping[str, Any] = {"user_id": user_id, "omit": list(section.omit), "limit": PAGE}
    query, separator = first, b""
    while True:
        async with pool.connection() as connection:
            found = await (await connection.execute(query, values)).fetchall()
        if found:
            yield separator + b",".join(row[0].encode() for row in found)
        if len(found) < PAGE:
            return
        after = dict(zip(_places(section), found[-1][1:], strict=True))
        query, separator, values = next_, b",", {**values, **after}


def _places(section: Section) -> list[str]:
    return [f"after_{column}" for column in section.key]


def _query(section: Section, *, first: bool) -> Composed:
    conditions: list[Composable] = [_whose(section)]
    if section.further:
        conditions.append(SQL(section.further))
    names = SQL(", ").join(SQL("t.{}").format(Identifier(column)) for column in section.key)
    if not first:
        places = SQL(", ").join(SQL(f"%({place})s") for place in _places(section))
        conditions.append(SQL("({}) > ({})").format(names, places))
    return SQL(
        "SELECT ({row} - %(omit)s::text[])::text, {names} FROM {table} AS t"
        " WHERE {conditions} ORDER BY {names} LIMIT %(limit)s"
    ).format(
        row=SQL("(to_jsonb(t) || {})").format(SQL(section.added)) if section.added else SQL("to_jsonb(t)"),
        names=names,
        table=Identifier(section.table),
        conditions=SQL(" AND ").join(conditions),
    )


def _whose(section: Section) -> Composed:
    column = SQL("t.{}").format(Identifier(section.by))
    if section.through is not None:
        table, user, theirs = map(Identifier, section.through)
        return SQL("{} IN (SELECT {} FROM {} WHERE {} = %(user_id)s)").format(column, theirs, table, user)
    if section.array:
        return SQL("{} @> ARRAY[%(user_id)s::text]").format(column)
    return SQL("{} = %(user_id)s").format(column)


_QUERIES = {
    (section.domain, section.title): (_query(section, first=True), _query(section, first=False))
    for section in SECTIONS
}
