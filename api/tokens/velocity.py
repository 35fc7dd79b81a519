"""Who was given unusually much, or unusually often: for administrators to look at."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import get
from litestar.di import NamedDependency

from api.http.paging import Cursor, Limit, Page, before_key, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.tokens.routes import TAGS
from ledger.rewards import TokenRules
from projections.queries import velocity
from projections.queries.velocity import FIRST, Seen


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a user, beyond one of the limits that the catalogue has under `tokens.velocity`. It is
    no judgement, and nothing follows from it.
    """

    user_id: str
    limit: velocity.Limit
    allowed: int
    """More than so many is beyond it; for `alone_bp`, so many tokens or more."""
    times: int
    """How many awards, requests or changes there were."""
    tokens: int
    """Of those awards, pending ones too."""
    admin_id: str | None
    """Who gave, asked for or confirmed them; null where it is not about one administrator."""
    since: datetime
    """When the hour or the day began; for `by_one_admin` and `time_zones`, the first day of those that are
    looked at on which there was any."""
    until: datetime
    """Before which it ended, or ends."""


@get(
    "/api/tokens/velocity",
    operation_id="listSuspiciousVelocity",
    summary="Users who earn unusually much or often",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_velocity(
    services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Suspicion]]:
    """Newest first, each limit for itself. Hours and days are of UTC; the catalogue says how many."""
    rules, before = services.catalogue.tokens, before_key(cursor, FIRST)
    async with services.reading() as connection:
        found = await velocity.suspicious(connection, rules, services.now(), before, limit + 1)
    seen = page(found, limit, lambda one: one.key)
    items = [_shown(one, rules) for one in seen.items]
    return Read(Page(items=items, has_more=seen.has_more, next_cursor=seen.next_cursor))


def _shown(found: Seen, rules: TokenRules) -> Suspicion:
    since, lasting = velocity.span_of(found, rules)
    return Suspicion(
        user_id=found.user_id,
        limit=found.limit,
        allowed=velocity.near(rules) if found.limit == "alone_bp" else getattr(rules.velocity, found.limit),
        times=found.seen,
        tokens=found.amount,
        admin_id=found.admin_id or None,
        since=since,
        until=since + lasting,
    )


HANDLERS = (list_velocity,)
