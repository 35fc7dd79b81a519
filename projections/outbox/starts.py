"""Where each policy starts: it asks for nothing that facts up to there would have asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Cursor

from ledger.policies import POLICIES

Starts = Mapping[str, int]
"""By a policy's name, the position of the last fact before it."""

_SELECT = "SELECT name, starts_after FROM policies"
_STATE = """
    INSERT INTO policies (name, starts_after)
    SELECT name, %s
    FROM unnest(%s::text[]) AS new (name)
    ON CONFLICT (name) DO NOTHING
"""


def starts(cursor: Cursor[Any], head: int) -> Starts:
    """A policy that was never here starts after `head`, and that is stated for ever."""
    found = _read(cursor)
    if missing := [policy.name for policy in POLICIES if policy.name not in found]:
        cursor.execute(_STATE, (head, missing))
        found = _read(cursor)
    return found


def _read(cursor: Cursor[Any]) -> Starts:
    return dict(cursor.execute(_SELECT).fetchall())
