"""Find the Stripe events that never reached us, and record them.

Asking only for what came after the last one received would miss any that was lost before it. So all that
Stripe lists in the window is compared with what was recorded, by id, page by page. Stripe is asked for the
types that an endpoint needs, as an account has many more events, in groups as large as it takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from psycopg import AsyncConnection
from stripe import StripeClient

from api.clock import Clock
from api.stripe.objects import StripeEvent, instant
from api.stripe.payments import lookup
from api.webhooks.routes import record
from ledger.store import Store
from ledger.webhooks.decider import SUBSCRIBED

KEPT = timedelta(days=30)
"""How long Stripe lists events. https://docs.stripe.com/api/events"""

STILL_COMING = timedelta(minutes=2)
"""A regular run leaves the newest alone: their webhooks may be on the way."""

RECENT = timedelta(hours=3)
"""What a regular run looks at, once one has compared all that Stripe keeps."""

log = structlog.get_logger()

_KNOWN = "SELECT stripe_event_id FROM webhooks WHERE stripe_event_id = ANY(%s)"


class Missed(msgspec.Struct, frozen=True):
    """An event that Stripe lists and that had not been recorded; it is now."""

    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    created_at: datetime


async def catch_up(
    client: StripeClient,
    conn: AsyncConnection,
    store: Store,
    clock: Clock,
    *,
    window: timedelta = KEPT,
    leave_out: timedelta = timedelta(0),
) -> list[Missed]:
    """What was missed, oldest first, now recorded; the outbox has each applied like a delivered one.

    Reads Stripe's list of events from `window` to `leave_out` ago, those of the types in `SUBSCRIBED`.
    Raises `stripe.StripeError`, `UnexpectedAnswer` or the store's errors; what was recorded until then
    stays, and running it again finds the rest.
    """
    now = clock.now()
    missed: list[Missed] = []
    # without an upper bound when nothing is left out: Stripe's clock may be ahead of ours
    until = now - leave_out if leave_out else None
    for types in _groups(SUBSCRIBED):
        async for page in _pages(lookup.events(client, since=now - window, until=until, types=types)):
            missed += [
                Missed(event.id, event.type, event.data.object.id, instant(event.created))
                for event in await _unknown(conn, page)
                if not await record(store, event, caught_up=True)
            ]
    missed.reverse()  # each group came newest first, and those of one second stay in Stripe's order
    missed.sort(key=lambda one: one.created_at)
    if missed:
        log.warning("webhooks_caught_up", count=len(missed), oldest=missed[0].created_at.isoformat())
    return missed


def _groups(types: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(types), lookup.MOST_TYPES):
        yield types[first : first + lookup.MOST_TYPES]


async def _pages(events: AsyncIterator[StripeEvent]) -> AsyncIterator[list[StripeEvent]]:
    """By Stripe's own page size, so that memory is bounded however many events there are."""
    page: list[StripeEvent] = []
    async for event in events:
        page.append(event)
        if len(page) == lookup.PAGE:
            yield page
            page = []
    if page:
        yield page


async def _unknown(conn: AsyncConnection, page: Iterable[StripeEvent]) -> list[StripeEvent]:
    """The table may lag the ledger: this only spares work, the command ids decide."""
    events = {event.id: event for event in page}
    cursor = await conn.execute(_KNOWN, (list(events),))
    known = {row[0] for row in await cursor.fetchall()}
    return [event for event_id, event in events.items() if event_id not in known]


class RegularCatchUp:
    """For the worker: everything at the start, then what is recent. Answers how many were missed."""

    def __init__(self, client: StripeClient, store: Store, clock: Clock) -> None:
        self._client, self._store, self._clock = client, store, clock
        self._window = KEPT

    async def __call__(self, conn: AsyncConnection) -> int:
        missed = await catch_up(
            self._client, conn, self._store, self._clock, window=self._window, leave_out=STILL_COMING
        )
        self._window = RECENT
        return len(missed)
