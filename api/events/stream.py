"""Events as they come, by Server-Sent Events: https://html.spec.whatwg.org/multipage/server-sent-events.html

A client that is cut off says where it was, by `Last-Event-ID`, which browsers do by themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.response import Stream

from api.events.reading import events_after
from api.events.resources import item_of
from api.events.routes import TAGS, OrganisationFilter, Types, types_of
from api.events.whose import Call, visible_to
from api.http.document import EVENT_STREAM, MEDIA_TYPES
from api.http.promises import responses
from api.services import Services
from api.words import POSITION
from ledger.errors import NotFound
from projections.public_events import PublicEventRow

LIFE_S = 300.0
"""Then it ends, and the client comes again with its credential, which may hold no longer."""
HEARTBEAT_S = 15.0
"""Whoever is between lets an idle connection live for longer than that."""
POLL_S = 0.25
AT_ONCE = 100

LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        pattern=POSITION,
        description="The `id` of the last event that came, a position; without it, what comes from now on.",
    ),
]


@get(
    "/api/events/stream",
    operation_id="streamEvents",
    summary="What happens, as it happens",
    tags=TAGS,
    opt={MEDIA_TYPES: (EVENT_STREAM,)},
    response_description="Server-Sent Events: `id` is the position, `event` the type, `data` as in the feed",
    responses=responses(NotFound),
)
async def stream_events(
    request: Call,
    services: NamedDependency[Services],
    last_event_id: LastEventId = None,
    types: Types = None,
    org_id: OrganisationFilter = None,
) -> Stream:
    """For five minutes, or until the service stops: come again with `Last-Event-ID`, as browsers do."""
    orgs = await visible_to(services, request, org_id)
    after = services.positions.current() if last_event_id is None else int(last_event_id)
    return Stream(
        _told(services, after, types_of(types), orgs),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _told(
    services: Services, after: int, types: Sequence[str] | None, orgs: Sequence[str] | None
) -> AsyncIterator[bytes]:
    began = spoke = time.monotonic()
    yield b"retry: 1000\n\n"
    looked = -1
    while True:
        position = services.positions.current()
        while position != looked:
            async with services.reading() as connection:
                found, after = await events_after(connection, after, AT_ONCE, types=types, orgs=orgs)
            for row in found:
                yield _event(row)
                spoke = time.monotonic()
            looked = position if len(found) < AT_ONCE else looked
            if services.stopping.is_set():
                break
        now = time.monotonic()
        if services.stopping.is_set() or now - began > LIFE_S:
            return
        if now - spoke > HEARTBEAT_S:
            yield b":\n\n"
            spoke = now
        with suppress(TimeoutError):
            await asyncio.wait_for(services.stopping.wait(), POLL_S)


def _event(row: PublicEventRow) -> bytes:
    """JSON has no line break in it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        row.position,
        row.type.encode(),
        msgspec.json.encode(item_of(row)),
    )


HANDLERS = (stream_events,)
