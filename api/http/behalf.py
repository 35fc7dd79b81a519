"""A service that does for a user what that user may: who they are then to all that comes after."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from api.http.auth import Principal
from api.http.problems import FieldError, Unauthenticated, Unprocessable
from api.http.scopes import ACT
from api.words import USER
from ledger.errors import Forbidden
from ledger.store.batched_queries import BatchedQuery, Connection, QueryBatcher

HEADER = "Liberation-On-Behalf-Of"
_GIVEN = HEADER.lower().encode()
LENT = frozenset({"student", "instructor", "enterprise"})
"""The roles that a service can have by somebody else; never an administrator's."""
_UNSEEN = frozenset({"student"})
"""Of whom no fact says more."""
_OPAQUE = re.compile(USER)
# the newest fact of each by the index, however many there are of them
_ROLES = """
    SELECT asked.user_id, newest.roles
    FROM unnest(%s::text[]) AS asked (user_id)
    CROSS JOIN LATERAL (
        SELECT roles FROM audit WHERE actor = asked.user_id ORDER BY position DESC LIMIT 1
    ) AS newest
"""


async def _roles(connection: Connection, user_ids: Sequence[str]) -> list[frozenset[str]]:
    rows = await (await connection.execute(_ROLES, (list(user_ids),))).fetchall()
    known = {user_id: frozenset(roles) for user_id, roles in rows}
    return [LENT.intersection(known.get(user_id, ())) or _UNSEEN for user_id in user_ids]


ROLES_OF: BatchedQuery[str, frozenset[str]] = BatchedQuery(_roles)
"""With which a user did last what they did themselves, as far as those can be lent."""


def named(given: Mapping[bytes, bytes], principal: Principal | None) -> str:
    """The user whom the request's headers name; empty when none. Raises why the caller may not."""
    header = given.get(_GIVEN)
    if header is None:
        return ""
    if principal is None:
        raise Unauthenticated(f"`{HEADER}` needs a credential: send `Authorization: Bearer <API key>`.")
    if ACT not in principal.scopes:
        raise Forbidden(f"`{HEADER}` is for API keys with the scope {ACT} alone.")
    user_id = header.decode("latin-1")
    if not _OPAQUE.fullmatch(user_id):
        detail = "must be the id of a user: letters, digits and _ . : | - (no e-mail address)"
        raise Unprocessable.at(FieldError(detail=detail, parameter=HEADER))
    return user_id


async def acting(principal: Principal, user_id: str, reads: QueryBatcher) -> Principal:
    """The user, as far as the key's scopes go; what is done is known to be done by the key."""
    roles = await reads.ask(ROLES_OF, user_id)
    return replace(principal, id=user_id, roles=roles, actor=principal.id)
