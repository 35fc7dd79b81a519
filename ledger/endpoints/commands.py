"""What can be asked of an endpoint to which we send webhooks."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.message import Command, Instant

Payload = Literal["full", "thin"]
"""All of an event's data, or the id of what it is about alone."""
Cause = Literal["asked", "gone", "failing"]
"""Why it is sent nothing: somebody asked for that; it answered 410; it has failed for days."""


class CreateEndpoint(Command, frozen=True, kw_only=True):
    """`count` is how many its organisation or the platform has, as far as is known; `most` the limit."""

    NAME: ClassVar[str] = "endpoints.create"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"key_id", "count", "most"})
    endpoint_id: str
    org_id: str
    """Whose events it gets; empty for all."""
    url: str
    types: tuple[str, ...]
    """Public names of events; empty for all."""
    payload: Payload
    ordered: bool
    """One at a time, in the order of positions: what fails holds up what comes after it."""
    key_id: str
    """Of the service's key from which its secrets are derived."""
    count: int
    most: int


class ChangeEndpoint(Command, frozen=True, kw_only=True):
    """As it is to be from now on."""

    NAME: ClassVar[str] = "endpoints.change"
    endpoint_id: str
    url: str
    types: tuple[str, ...]
    payload: Payload
    ordered: bool


class RotateEndpointSecret(Command, frozen=True, kw_only=True):
    """Until `old_until` what is sent is signed with both secrets."""

    NAME: ClassVar[str] = "endpoints.rotate_secret"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"key_id", "old_until"})
    endpoint_id: str
    key_id: str
    old_until: Instant


class DisableEndpoint(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "endpoints.disable"
    endpoint_id: str
    cause: Cause


class EnableEndpoint(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "endpoints.enable"
    endpoint_id: str


class DeleteEndpoint(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "endpoints.delete"
    endpoint_id: str


EndpointCommand = (
    CreateEndpoint | ChangeEndpoint | RotateEndpointSecret | DisableEndpoint | EnableEndpoint | DeleteEndpoint
)
