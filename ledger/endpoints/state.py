"""What the facts of an endpoint come to."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Struct

from ledger.endpoints.events import (
    EndpointChanged,
    EndpointCreated,
    EndpointDeleted,
    EndpointDisabled,
    EndpointEnabled,
    EndpointEvent,
    EndpointSecretRotated,
)


class SecretName(Struct, frozen=True):
    """Of which a secret is derived, together with the endpoint's id."""

    serial: int
    key_id: str


class Endpoint(Struct, frozen=True):
    endpoint_id: str = ""
    org_id: str = ""
    url: str = ""
    types: tuple[str, ...] = ()
    payload: str = "full"
    ordered: bool = False
    secret: SecretName = SecretName(0, "")
    old_secret: SecretName | None = None
    old_until: datetime | None = None
    disabled: str = ""
    """Why; empty while it is enabled."""
    deleted: bool = False


def evolve(endpoint: Endpoint, event: EndpointEvent) -> Endpoint:
    replace = msgspec.structs.replace
    match event:
        case EndpointCreated():
            return Endpoint(
                event.endpoint_id,
                event.org_id,
                event.url,
                event.types,
                event.payload,
                event.ordered,
                SecretName(1, event.key_id),
            )
        case EndpointChanged():
            return replace(
                endpoint, url=event.url, types=event.types, payload=event.payload, ordered=event.ordered
            )
        case EndpointSecretRotated():
            return replace(
                endpoint,
                secret=SecretName(event.serial, event.key_id),
                old_secret=endpoint.secret,
                old_until=event.old_until,
            )
        case EndpointDisabled():
            return replace(endpoint, disabled=event.cause)
        case EndpointEnabled():
            return replace(endpoint, disabled="")
        case EndpointDeleted():
            return replace(endpoint, deleted=True)
        case _:
            assert_never(event)
