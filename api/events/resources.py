"""An event as everybody outside gets it: in the feed, in the stream and as the body of a webhook."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from projections.public_events import PublicEventRow


class EventItem(msgspec.Struct, frozen=True, kw_only=True):
    """`id` stays the same however often it is told. `data` is that of `type` in its `version`."""

    id: str
    type: str
    version: int
    position: int
    timestamp: datetime
    """When it happened."""
    org_id: str | None
    """Whose organisation's it is; null for what is the platform's."""
    data: Annotated[dict[str, Any], Meta(description="See docs/guides/webhooks.md for each type.")]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of positions. `next_after` is what to ask for next, also where there is nothing now."""

    items: list[EventItem]
    has_more: bool
    next_after: int


def item_of(row: PublicEventRow, *, thin: bool = False) -> EventItem:
    """`thin` leaves the id of what it is about alone in the data, which comes first."""
    data: dict[str, Any] = msgspec.json.decode(row.data)
    return EventItem(
        id=row.event_id,
        type=row.type,
        version=row.version,
        position=row.position,
        timestamp=row.effective_at,
        org_id=row.org_id or None,
        data=dict(islice(data.items(), 1)) if thin else data,
    )
