"""What was sent to an endpoint and what became of it; sent again; and tried out."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from api.endpoint_secrets import WebhookKeysUnavailable
from api.endpoints.managing import Call, check_url, endpoint_of
from api.endpoints.resources import (
    Attempt,
    Delivery,
    DeliveryInFull,
    DeliveryState,
    OfEndpoint,
    Redelivered,
    Since,
    Tested,
)
from api.endpoints.sender import headers_of
from api.endpoints.transport import Transport
from api.events.resources import EventItem, item_of
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Fresh, Read
from api.reads import rows, select
from api.services import Services
from ledger.errors import NotFound
from ledger.ids import new_id
from projections.public_events import PUBLIC_EVENTS

TAGS = ["webhooks"]
SHOWN_ATTEMPTS = 100

_COLUMNS: Final = """
    SELECT e.event_id, e.type, d.position, d.state, d.attempts, d.due_at, d.last_status, d.last_fault,
        d.last_attempt_at, d.delivered_at
    FROM deliveries AS d
    JOIN public_events AS e USING (position)
"""
_LIST: Final = (
    _COLUMNS
    + """
    WHERE d.endpoint_id = %(endpoint_id)s
        AND d.position < %(before)s
        AND (%(state)s::text IS NULL OR d.state = %(state)s)
    ORDER BY d.position DESC
    LIMIT %(limit)s
    """
)
_ONE: Final = _COLUMNS + "WHERE d.endpoint_id = %s AND e.event_id = %s"
_EVENT: Final = select("SELECT {columns} FROM {table} WHERE position = %s", PUBLIC_EVENTS)
_ATTEMPTS: Final = """
    SELECT attempted_at, status, fault, took_ms
    FROM delivery_attempts
    WHERE endpoint_id = %s AND position = %s
    ORDER BY attempted_at DESC
    LIMIT %s
"""
_REDELIVER: Final = """
    WITH again AS (
        INSERT INTO deliveries (endpoint_id, position, due_at, created_at)
        SELECT t.endpoint_id, e.position, %(now)s, %(now)s
        FROM endpoints AS t
        JOIN public_events AS e ON (t.org_id = '' OR t.org_id = e.org_id)
            AND (t.types = '{}' OR e.type = ANY(t.types))
        WHERE t.endpoint_id = %(endpoint_id)s
            AND e.position <= (SELECT position FROM fan_out)
            AND (%(event_id)s::text IS NULL OR e.event_id = %(event_id)s)
            AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s)
        ON CONFLICT (endpoint_id, position) DO UPDATE
        SET state = 'pending', attempts = 0, due_at = %(now)s, delivered_at = NULL
        WHERE deliveries.state <> 'pending' OR deliveries.lease_until IS NULL
        RETURNING endpoint_id
    ),
    queued AS (
        INSERT INTO delivery_queues (endpoint_id)
        SELECT DISTINCT endpoint_id FROM again
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM again
"""
"""What is on its way just now is left to go there: it is sent as it is."""
StateFilter = Annotated[DeliveryState | None, QueryParameter(name="state", description="How they stand.")]


@get(
    "/api/webhook-endpoints/{endpoint_id:str}/deliveries",
    operation_id="listDeliveries",
    summary="What was sent to an endpoint",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_deliveries(
    endpoint_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    state_: StateFilter = None,
) -> Read[Page[Delivery]]:
    """The newest event first."""
    await endpoint_of(services, request, endpoint_id)
    asked = {"endpoint_id": endpoint_id, "state": state_, "before": before(cursor), "limit": limit + 1}
    async with services.reading() as connection:
        found = await (await connection.execute(_LIST, asked)).fetchall()
    return Read(page([Delivery(**_fields(row)) for row in found], limit, lambda item: (item.position,)))


def _fields(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(Delivery.__struct_fields__, row, strict=True))


@get(
    "/api/webhook-endpoints/{endpoint_id:str}/deliveries/{event_id:str}",
    operation_id="getDelivery",
    summary="One event on its way to an endpoint",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_delivery(
    endpoint_id: FromPath[str],
    event_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
) -> Read[DeliveryInFull]:
    """With what is sent, and each attempt."""
    endpoint = await endpoint_of(services, request, endpoint_id)
    async with services.reading() as connection:
        found = await (await connection.execute(_ONE, (endpoint_id, event_id))).fetchone()
        if found is None:
            raise _unknown(event_id)
        fields = _fields(found)
        [event] = await rows(connection, _EVENT, PUBLIC_EVENTS, (fields["position"],))
        asked = (endpoint_id, fields["position"], SHOWN_ATTEMPTS)
        tried = await (await connection.execute(_ATTEMPTS, asked)).fetchall()
    body = msgspec.to_builtins(item_of(event, thin=endpoint.payload == "thin"))
    names = Attempt.__struct_fields__
    tries = [Attempt(**dict(zip(names, each, strict=True))) for each in tried]
    return Read(DeliveryInFull(**fields, url=endpoint.url, body=body, tries=tries))


def _unknown(event_id: str) -> NotFound:
    return NotFound(f"There is no event {event_id!r:.80} for this endpoint.")


@post(
    "/api/webhook-endpoints/{endpoint_id:str}/deliveries/{event_id:str}/redeliver",
    operation_id="redeliverEvent",
    summary="Send one event again",
    tags=TAGS,
    status_code=200,
    response_description="It is sent with all its attempts anew, by the same id",
    responses=responses(NotFound),
)
async def redeliver_event(
    endpoint_id: FromPath[str],
    event_id: FromPath[str],
    data: JSONBody[OfEndpoint],  # noqa: ARG001  an empty object
    request: Call,
    services: NamedDependency[Services],
) -> Response[Redelivered]:
    """Whatever became of it, and also where the endpoint was disabled when it happened."""
    await endpoint_of(services, request, endpoint_id)
    events = await _redeliver(services, endpoint_id, event_id=event_id)
    if not events:
        raise _unknown(event_id)
    return Response(Redelivered(events=events), status_code=200)


@post(
    "/api/webhook-endpoints/{endpoint_id:str}/redeliver",
    operation_id="redeliverEvents",
    summary="Send all events since a time again",
    tags=TAGS,
    status_code=200,
    response_description="They are sent, each by the id that it had",
    responses=responses(NotFound),
)
async def redeliver_events(
    endpoint_id: FromPath[str],
    data: JSONBody[Since],
    request: Call,
    services: NamedDependency[Services],
) -> Response[Redelivered]:
    """Those that it is told of now, whatever became of them, and also those that it missed while disabled."""
    await endpoint_of(services, request, endpoint_id)
    return Response(
        Redelivered(events=await _redeliver(services, endpoint_id, since=data.since)), status_code=200
    )


async def _redeliver(services: Services, endpoint_id: str, **of: Any) -> int:
    asked = {"endpoint_id": endpoint_id, "now": services.now(), "event_id": None, "since": None, **of}
    async with services.reading() as connection:
        found = await (await connection.execute(_REDELIVER, asked)).fetchone()
    return int(found[0]) if found else 0


@post(
    "/api/webhook-endpoints/{endpoint_id:str}/test",
    operation_id="testEndpoint",
    summary="Send an endpoint a test event",
    tags=TAGS,
    status_code=200,
    response_description="What it answered",
    responses=responses(NotFound, WebhookKeysUnavailable),
)
async def test_endpoint(
    endpoint_id: FromPath[str],
    data: JSONBody[OfEndpoint],  # noqa: ARG001  an empty object
    request: Call,
    services: NamedDependency[Services],
) -> Response[Tested]:
    """Once, at once, signed as all else is. Also to one that is disabled, so that it can be mended."""
    endpoint = await endpoint_of(services, request, endpoint_id)
    await check_url(services.settings, endpoint.url)
    now, event_id = services.now(), new_id("evt")
    event = EventItem(
        id=event_id,
        type="endpoint.test",
        version=1,
        position=0,
        timestamp=now,
        org_id=endpoint.org_id or None,
        data={"endpoint_id": endpoint_id},
    )
    body = msgspec.json.encode(event)
    signature = services.endpoint_secrets.signatures(endpoint_id, (endpoint.secret,), event_id, now, body)
    async with Transport(loopback=services.settings.webhook_loopback) as transport:
        answer = await transport.post(
            endpoint.url, headers_of(event_id, int(now.timestamp()), signature), body
        )
    return Fresh(
        Tested(event_id=event_id, status=answer.status, fault=answer.fault, took_ms=answer.took_ms),
        status_code=200,
    )


HANDLERS = (list_deliveries, get_delivery, redeliver_event, redeliver_events, test_endpoint)
