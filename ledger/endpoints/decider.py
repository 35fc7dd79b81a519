"""The rules of one endpoint."""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.endpoints.commands import (
    ChangeEndpoint,
    CreateEndpoint,
    DeleteEndpoint,
    DisableEndpoint,
    EnableEndpoint,
    EndpointCommand,
    RotateEndpointSecret,
)
from ledger.endpoints.events import (
    EndpointChanged,
    EndpointCreated,
    EndpointDeleted,
    EndpointDisabled,
    EndpointEnabled,
    EndpointEvent,
    EndpointSecretRotated,
)
from ledger.endpoints.refusals import TooManyEndpoints, UnknownEventType
from ledger.endpoints.state import Endpoint, evolve
from ledger.endpoints.stream import stream_of
from ledger.errors import NotFound
from ledger.message import Decider
from ledger.public_events.catalogue import OF_ORGANISATIONS, TYPES

_Events = tuple[EndpointEvent, ...]


def decide(command: EndpointCommand, endpoint: Endpoint) -> _Events:
    if isinstance(command, CreateEndpoint):
        return _create(command, endpoint)
    if not endpoint.endpoint_id or endpoint.deleted:
        raise unknown(command.endpoint_id)
    endpoint_id = endpoint.endpoint_id
    match command:
        case ChangeEndpoint():
            return _change(command, endpoint)
        case RotateEndpointSecret():
            rotated = EndpointSecretRotated(
                endpoint_id=endpoint_id,
                serial=endpoint.secret.serial + 1,
                key_id=command.key_id,
                old_until=command.old_until,
            )
            return (rotated,)
        case DisableEndpoint():
            disabled = EndpointDisabled(endpoint_id=endpoint_id, cause=command.cause)
            return () if endpoint.disabled else (disabled,)
        case EnableEndpoint():
            return (EndpointEnabled(endpoint_id=endpoint_id),) if endpoint.disabled else ()
        case DeleteEndpoint():
            return (EndpointDeleted(endpoint_id=endpoint_id),)
        case _:
            assert_never(command)


def unknown(endpoint_id: str) -> NotFound:
    return NotFound(f"There is no webhook endpoint {endpoint_id!r:.80}.")


def _create(command: CreateEndpoint, endpoint: Endpoint) -> _Events:
    if endpoint.endpoint_id:
        return ()
    _check_types(command.types, command.org_id)
    if command.count >= command.most:
        raise TooManyEndpoints(f"There are {command.count} endpoints, and there may be {command.most}.")
    created = EndpointCreated(
        endpoint_id=command.endpoint_id,
        org_id=command.org_id,
        url=command.url,
        types=command.types,
        payload=command.payload,
        ordered=command.ordered,
        key_id=command.key_id,
    )
    return (created,)


def _change(command: ChangeEndpoint, endpoint: Endpoint) -> _Events:
    _check_types(command.types, endpoint.org_id)
    changed = EndpointChanged(
        endpoint_id=endpoint.endpoint_id,
        url=command.url,
        types=command.types,
        payload=command.payload,
        ordered=command.ordered,
    )
    return () if evolve(endpoint, changed) == endpoint else (changed,)


def _check_types(types: tuple[str, ...], org_id: str) -> None:
    known = OF_ORGANISATIONS if org_id else TYPES
    if strange := [name for name in types if name not in known]:
        raise UnknownEventType(f"No event that such an endpoint is told of is called {strange[0]!r:.80}.")


def stream(command: EndpointCommand) -> str:
    return stream_of(command.endpoint_id)


ENDPOINT: Decider[EndpointCommand, Endpoint, EndpointEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Endpoint(),
    commands=get_args(EndpointCommand),
    events=get_args(EndpointEvent),
    begins=(CreateEndpoint,),
)
