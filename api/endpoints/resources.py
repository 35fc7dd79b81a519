"""Webhook endpoints as requests write them and answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from api.endpoints.schedule import Fault
from api.words import ORGANISATION, WEBHOOK_URL
from ledger.endpoints.commands import Payload
from ledger.endpoints.state import Endpoint as EndpointState

OrganisationId = Annotated[str, Meta(pattern=ORGANISATION)]
Url = Annotated[
    str,
    Meta(
        max_length=2_000,
        pattern=WEBHOOK_URL,
        description="https, at a public address. Kept for ever: nothing secret may stand in it.",
        examples=["https://example.org/webhooks"],
    ),
]
EventTypes = Annotated[
    list[Annotated[str, Meta(max_length=100)]],
    Meta(max_length=200, description="Names of events; none is all.", examples=[["invoice.paid"]]),
]
State = Literal["enabled", "asked", "gone", "failing"]
DeliveryState = Literal["pending", "delivered", "parked", "uncertain"]
OVERLAP_HOURS, LONGEST_OVERLAP_HOURS = 24, 168


class EndpointAsWished(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`thin` sends the id of what an event is about alone, to be looked up. `ordered` sends one event after
    the other, by position: one that fails holds up all that comes after it, until it is taken or given up.
    """

    url: Url
    types: EventTypes = []
    payload: Payload = "full"
    ordered: bool = False


class NewEndpoint(EndpointAsWished, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `org_id` of that organisation's events, for who manages it; without it of all, for admins."""

    org_id: OrganisationId | None = None


class NewSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long the old one signs as well."""

    overlap_hours: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP_HOURS)] = OVERLAP_HOURS


class OfEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class Since(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By when events were recorded."""

    since: Annotated[datetime, Meta(tz=True, examples=["2026-03-01T00:00:00Z"])]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`state` says why nothing is sent where it is not `enabled`: somebody `asked` for that, it answered 410
    and is `gone`, or it has been `failing` for five days.
    """

    endpoint_id: str
    org_id: str | None
    url: str
    types: list[str]
    payload: Payload
    ordered: bool
    state: State
    old_secret_until: datetime | None


class EndpointWithSecret(Endpoint, frozen=True, kw_only=True):
    """`secret` is not shown again: keep it where the receiver checks signatures by it."""

    secret: str

    def __repr__(self) -> str:
        return f"EndpointWithSecret(endpoint_id={self.endpoint_id!r}, secret='***')"


class ListedEndpoint(Endpoint, frozen=True, kw_only=True):
    """`failing_since` is null while it takes what it is sent; `parked` were given up, and `uncertain` may
    have left before the ledger was restored.
    """

    created_at: datetime
    failing_since: datetime | None
    pending: int
    parked: int
    uncertain: int
    position: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one endpoint. `parked` was given up after the last attempt."""

    event_id: str
    type: str
    position: int
    state: DeliveryState
    attempts: int
    due_at: datetime
    """When it is tried next, while it is `pending`."""
    last_status: int | None
    """The answer's; null where none came."""
    last_fault: Fault
    last_attempt_at: datetime | None
    delivered_at: datetime | None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """`fault` is empty where it was taken."""

    attempted_at: datetime
    status: int | None
    fault: Fault
    took_ms: int


class DeliveryInFull(Delivery, frozen=True, kw_only=True):
    """`body` is what was sent; of answers nothing but the status is kept."""

    url: str
    body: dict[str, Any]
    tries: list[Attempt]
    """The newest first, 100 at most."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event `endpoint.test`, which was sent once and is kept nowhere."""

    event_id: str
    status: int | None
    fault: Fault
    took_ms: int


class Redelivered(msgspec.Struct, frozen=True, kw_only=True):
    """How many events are sent again."""

    events: int


def fields_of(endpoint: EndpointState) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint.endpoint_id,
        "org_id": endpoint.org_id or None,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "payload": endpoint.payload,
        "ordered": endpoint.ordered,
        "state": cast("State", endpoint.disabled or "enabled"),
        "old_secret_until": endpoint.old_until,
    }
