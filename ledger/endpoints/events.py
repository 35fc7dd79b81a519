"""Facts about an endpoint. Its secrets are in none of them: they are derived from the service's key."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class EndpointCreated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "endpoints.created.v1"
    endpoint_id: str
    org_id: str
    url: str
    types: tuple[str, ...]
    payload: str
    ordered: bool
    key_id: str


class EndpointChanged(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "endpoints.changed.v1"
    endpoint_id: str
    url: str
    types: tuple[str, ...]
    payload: str
    ordered: bool


class EndpointSecretRotated(Event, frozen=True, kw_only=True):
    """`serial` is the new secret's; the first has 1."""

    TYPE: ClassVar[str] = "endpoints.secret_rotated.v1"
    endpoint_id: str
    serial: int
    key_id: str
    old_until: Instant


class EndpointDisabled(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "endpoints.disabled.v1"
    endpoint_id: str
    cause: str


class EndpointEnabled(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "endpoints.enabled.v1"
    endpoint_id: str


class EndpointDeleted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "endpoints.deleted.v1"
    endpoint_id: str


EndpointEvent = (
    EndpointCreated
    | EndpointChanged
    | EndpointSecretRotated
    | EndpointDisabled
    | EndpointEnabled
    | EndpointDeleted
)
