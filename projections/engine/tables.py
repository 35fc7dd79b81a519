"""A table as a projection declares it: its name, the shape of its rows, its key."""

from __future__ import annotations

import types
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Generic, Literal, LiteralString, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from psycopg.sql import SQL, Composed, Identifier

_PG_TYPES: dict[Any, str] = {
    str: "text",
    int: "int8",
    bool: "bool",
    datetime: "timestamptz",
    date: "date",
    tuple[str, ...]: "text[]",
    dict[str, Any]: "jsonb",
}


class Row(msgspec.Struct, gc=False):
    """One row; its fields are the table's columns, in the table's order. Changed only by its projection."""


R = TypeVar("R", bound=Row)


class Table(msgspec.Struct, Generic[R], frozen=True):
    """A table's name, the shape of its rows and its primary key."""

    name: str
    row: type[R]
    key: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.row.__struct_fields__

    @property
    def pg_types(self) -> list[str]:
        """Of the columns, as COPY in binary form needs them."""
        hints = get_type_hints(self.row)
        return [_PG_TYPES[_required(hints[column])] for column in self.columns]

    def compose(self, template: LiteralString, **more: Composed) -> Composed:
        """`template` with {table}, {columns} and {key} as quoted identifiers."""
        return SQL(template).format(
            table=Identifier(self.name), columns=_names(self.columns), key=_names(self.key), **more
        )


def _required(hint: Any) -> Any:
    """`datetime` from `datetime | None`, and `str` from a `Literal` of texts."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    return str if get_origin(hint) is Literal else hint


def _names(columns: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
