"""The questions that are asked of the tables of organisations. Each list has the columns of what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Protocol, TypeVar

import msgspec

from api.http.paging import Page as PageOf
from api.http.paging import before, page
from api.http.responses import Read
from api.reads import ReadPool
from ledger.store.batched_queries import Connection


class Listed(Protocol):
    __struct_fields__: ClassVar[tuple[str, ...]]

    @property
    def position(self) -> int: ...


L = TypeVar("L", bound=Listed)

ORGANISATIONS: Final = """
    SELECT m.org_id, coalesce(w.name, '(erased)'), m.role, o.closed_at IS NOT NULL, m.joined_at, m.position
    FROM organisation_members AS m
    JOIN organisations AS o USING (org_id)
    LEFT JOIN organisation_words AS w USING (words_id)
    WHERE m.user_id = %(user_id)s AND m.position < %(before)s
    ORDER BY m.position DESC
    LIMIT %(limit)s
"""
MEMBERS: Final = """
    SELECT user_id, role, joined_at, position
    FROM organisation_members
    WHERE org_id = %(org_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
"""
INVITATIONS: Final = """
    SELECT invitation_id, nullif(user_id, ''), role, invited_by, invited_at, expires_at, position
    FROM organisation_invitations
    WHERE org_id = %(org_id)s AND status = 'open' AND expires_at > %(now)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
"""
OWN_INVITATIONS: Final = """
    SELECT i.invitation_id, i.org_id, coalesce(w.name, '(erased)'), i.role, i.invited_at, i.expires_at,
        i.position
    FROM organisation_invitations AS i
    JOIN organisations AS o USING (org_id)
    LEFT JOIN organisation_words AS w USING (words_id)
    WHERE i.user_id = %(user_id)s AND i.user_id <> '' AND i.status = 'open' AND i.expires_at > %(now)s
        AND o.closed_at IS NULL AND i.position < %(before)s
    ORDER BY i.position DESC
    LIMIT %(limit)s
"""
CLASSES: Final = """
    SELECT c.class_id, coalesce(w.name, '(erased)'), c.archived_at IS NOT NULL, c.created_at, c.position
    FROM organisation_classes AS c
    LEFT JOIN organisation_words AS w USING (words_id)
    WHERE c.org_id = %(org_id)s AND c.position < %(before)s
    ORDER BY c.position DESC
    LIMIT %(limit)s
"""
OWN_CLASSES: Final = """
    SELECT c.class_id, coalesce(w.name, '(erased)'), c.archived_at IS NOT NULL, c.created_at, c.position
    FROM class_members AS m
    JOIN organisation_classes AS c USING (class_id)
    LEFT JOIN organisation_words AS w USING (words_id)
    WHERE m.user_id = %(user_id)s AND m.org_id = %(org_id)s AND c.position < %(before)s
    ORDER BY c.position DESC
    LIMIT %(limit)s
"""
CLASS_MEMBERS: Final = """
    SELECT user_id, joined_at, position
    FROM class_members
    WHERE class_id = %(class_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
"""


async def listed(
    pool: ReadPool, query: str, of: Mapping[str, Any], kind: type[L], *, cursor: str | None, limit: int
) -> Read[PageOf[L]]:
    """A page of a list by position, the newest first; `kind` is a struct of the query's columns."""
    arguments = {**of, "before": before(cursor), "limit": limit + 1}
    async with pool.connection() as connection:
        shown = await found(connection, query, arguments, kind)
    return Read(page(shown, limit, lambda one: (one.position,)))


async def found(connection: Connection, query: str, of: Mapping[str, Any], kind: type[L]) -> list[L]:
    rows = await (await connection.execute(query.encode(), of)).fetchall()
    return [kind(**dict(zip(kind.__struct_fields__, row, strict=True))) for row in rows]


class EveryOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """As an operator looks at it."""

    org_id: str
    name: str
    closed: bool
    members: int
    licences: int
    created_at: datetime
    position: int


EVERY: Final = """
    SELECT o.org_id, coalesce(w.name, '(erased)'), o.closed_at IS NOT NULL,
        (SELECT count(*) FROM organisation_members AS m WHERE m.org_id = o.org_id),
        (SELECT count(*) FROM licences AS l WHERE l.org_id = o.org_id),
        o.created_at, o.position
    FROM organisations AS o
    LEFT JOIN organisation_words AS w USING (words_id)
    WHERE (%(org_id)s::text IS NULL OR o.org_id = %(org_id)s) AND o.position < %(before)s
    ORDER BY o.position DESC
    LIMIT %(limit)s
"""


_OWNED: Final = """
    SELECT count(*)
    FROM organisation_members AS m
    JOIN organisations AS o USING (org_id)
    WHERE m.user_id = %s AND m.role = 'owner' AND o.closed_at IS NULL
"""


async def owned(connection: Connection, user_id: str) -> int:
    """How many open organisations a user owns; by the tables, which may lag."""
    row = await (await connection.execute(_OWNED, (user_id,))).fetchone()
    return int(row[0]) if row else 0


_NAMES: Final = """
    SELECT o.org_id, w.name
    FROM organisations AS o
    JOIN organisation_words AS w USING (words_id)
    WHERE o.org_id = ANY(%s) AND w.name IS NOT NULL
"""


async def names_of(connection: Connection, org_ids: Iterable[str]) -> dict[str, str]:
    """By id, for lists of what organisations have; without those whose names are erased."""
    found = await connection.execute(_NAMES.encode(), (sorted(set(org_ids)),))
    return dict(await found.fetchall())
