"""Who belongs to which organisation: what everything else asks of them.

A credential says nothing of it. What must be right at once asks the organisation's own facts
(`standing_in`); what may be a moment late, as the features that somebody has may, asks the tables for all of
a user's (`organisations_of`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, cast

import msgspec

from ledger.organisations.classes import known_class, unknown_class
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.standing import role_of, unknown
from ledger.organisations.state import MEMBER, Class, Organisation, Role
from ledger.organisations.stream import stream_of
from ledger.store import Store
from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher


class Belongs(msgspec.Struct, frozen=True):
    org_id: str
    role: Role
    closed: bool


_OF_USERS: Final = """
    SELECT m.user_id, m.org_id, m.role, o.closed_at IS NOT NULL
    FROM organisation_members AS m
    JOIN organisations AS o USING (org_id)
    WHERE m.user_id = ANY(%s)
    ORDER BY m.position
"""


async def _find(connection: Connection, users: Sequence[str]) -> list[tuple[Belongs, ...]]:
    found = await (await connection.execute(_OF_USERS, (list(users),))).fetchall()
    of: defaultdict[str, list[Belongs]] = defaultdict(list)
    for user_id, org_id, role, closed in found:
        of[user_id].append(Belongs(org_id, cast("Role", role), closed))
    return [tuple(of[user_id]) for user_id in users]


ORGANISATIONS_OF: BatchedQuery[str, tuple[Belongs, ...]] = BatchedQuery(_find)


async def organisations_of(point_reads: QueryBatcher, user_id: str) -> tuple[Belongs, ...]:
    """Those that are open, in the order in which they joined; as far as it is projected."""
    return tuple(one for one in await all_organisations_of(point_reads, user_id) if not one.closed)


async def all_organisations_of(point_reads: QueryBatcher, user_id: str) -> tuple[Belongs, ...]:
    """Also those that are closed, of which what there was can be seen."""
    return await point_reads.ask(ORGANISATIONS_OF, user_id)


async def organisation_of(store: Store, org_id: str) -> Organisation:
    """By the ledger. Empty where there is none."""
    return await store.state(ORGANISATION, stream_of(org_id))


async def standing_in(
    store: Store, org_id: str, user_id: str, *, sees_all: bool = False
) -> tuple[Organisation, Role | None]:
    """With the user's role, by the ledger. Raises `NotFound` for one that they are not in, as for one that
    there is not; None for who is not in it and `sees_all`.
    """
    organisation = await organisation_of(store, org_id)
    if not sees_all or user_id in organisation.members:
        return organisation, role_of(organisation, org_id, user_id)
    if not organisation.org_id:
        raise unknown(org_id)
    return organisation, None


def class_in(organisation: Organisation, class_id: str, user_id: str, role: Role | None) -> Class:
    """As somebody of that role sees it, None for an admin. Raises `NotFound`, also for a class that a member
    is not in.
    """
    known = known_class(organisation, class_id)
    if role == MEMBER and user_id not in known.members:
        raise unknown_class(class_id)
    return known
