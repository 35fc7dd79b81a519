"""Who subscribes, for support."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.http.body import Since, Until, span
from api.http.paging import Cursor, Limit, Page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.services import Services
from api.subscriptions.subscribing import TierName
from ledger.subscriptions.state import SubscriptionStatus
from projections.subscriptions import SUBSCRIPTIONS, SubscriptionRow


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """`price_minor` is that of one, for one interval; `mrr_minor` what it brings in a month now."""

    user_id: str
    subscription_id: str
    stripe_subscription_id: str
    status: str
    tier: str
    interval: str
    currency: str
    price_minor: int
    mrr_minor: int
    requested_at: datetime
    started_at: datetime | None
    trial_end: datetime | None
    period_end: datetime | None
    past_due_since: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    position: int


_LISTED = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position < %(before)s
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(tier)s::text IS NULL OR tier = %(tier)s)
        AND (%(since)s::timestamptz IS NULL OR requested_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR requested_at < %(until)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    SUBSCRIPTIONS,
)


@get(
    "/api/subscriptions",
    operation_id="listSubscribers",
    summary="List subscribers",
    tags=["subscriptions"],
    responses=NOT_MODIFIED_SPEC,
)
async def list_subscribers(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[SubscriptionStatus | None] = None,
    tier: FromQuery[TierName | None] = None,
    since: Since = None,
    until: Until = None,
) -> Read[Page[Subscriber]]:
    """Subscriptions of everybody, those that are over too, the newest first."""
    start, end = span(since, until)
    filters = {"status": status, "tier": tier, "since": start, "until": end}
    return await newest_first(
        services.reads, _LISTED, SUBSCRIPTIONS, filters, _subscriber, cursor=cursor, limit=limit
    )


def _subscriber(row: SubscriptionRow) -> Subscriber:
    return Subscriber(**{name: getattr(row, name) for name in Subscriber.__struct_fields__})


HANDLERS = (list_subscribers,)
