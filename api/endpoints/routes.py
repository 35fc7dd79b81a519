"""Endpoints of others: made, looked at, changed, given another secret, and taken away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, cast

from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.endpoint_secrets import WebhookKeysUnavailable
from api.endpoints.managing import Call, check_owner, check_url, endpoint_of
from api.endpoints.resources import (
    Endpoint,
    EndpointAsWished,
    EndpointWithSecret,
    ListedEndpoint,
    NewEndpoint,
    NewSecret,
    OfEndpoint,
    State,
    fields_of,
)
from api.events.whose import visible_to
from api.http.body import IdempotencyKey
from api.http.idempotency import Unkept
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import select
from api.services import Services, origin_of
from ledger.endpoints.commands import (
    ChangeEndpoint,
    CreateEndpoint,
    DeleteEndpoint,
    DisableEndpoint,
    EnableEndpoint,
    EndpointCommand,
    RotateEndpointSecret,
)
from ledger.endpoints.decider import ENDPOINT
from ledger.endpoints.refusals import TooManyEndpoints, UnknownEventType
from ledger.endpoints.state import Endpoint as EndpointState
from ledger.endpoints.stream import stream_of
from ledger.errors import Contended, NotFound
from ledger.ids import new_id
from ledger.organisations.refusals import OrganisationIsClosed
from projections.endpoints import ENDPOINTS

TAGS = ["webhooks"]
MOST = 20
"""Of one organisation, or of the platform."""
_COUNT: Final = "SELECT count(*) FROM endpoints WHERE org_id = %s AND deleted_at IS NULL"


async def _state(services: Services, endpoint_id: str) -> EndpointState:
    return await services.store.state(ENDPOINT, stream_of(endpoint_id))


async def _with_secret(services: Services, endpoint_id: str) -> EndpointWithSecret:
    endpoint = await _state(services, endpoint_id)
    secret = services.endpoint_secrets.secret(endpoint_id, endpoint.secret)
    return EndpointWithSecret(**fields_of(endpoint), secret=secret)


@post(
    "/api/webhook-endpoints",
    operation_id="createEndpoint",
    summary="Have events sent to an address",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is there, with the secret that signs what is sent",
    responses=responses(
        NotFound, OrganisationIsClosed, TooManyEndpoints, UnknownEventType, WebhookKeysUnavailable
    ),
)
async def create_endpoint(
    data: JSONBody[NewEndpoint],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[EndpointWithSecret]:
    """It is sent what happens from now on. The secret is shown here alone."""
    await check_owner(services, request, data.org_id)

    async def work(command_id: str) -> Response[Any]:
        endpoint_id = services.id_of("whe", command_id)

        async def make() -> CreateEndpoint:
            await check_url(services.settings, data.url)
            return CreateEndpoint(
                command_id=command_id,
                effective_at=services.now(),
                endpoint_id=endpoint_id,
                org_id=data.org_id or "",
                **_wished(data),
                key_id=services.endpoint_secrets.key_id,
                count=await _count(services, data.org_id or ""),
                most=MOST,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        location = {"Location": f"/api/webhook-endpoints/{endpoint_id}"}
        shown = await _with_secret(services, endpoint_id)
        return Unkept(shown, status_code=201, headers={**done.headers, **location})

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _count(services: Services, org_id: str) -> int:
    async with services.reading() as connection:
        found = await (await connection.execute(_COUNT, (org_id,))).fetchone()
    return int(found[0]) if found else 0


def _wished(data: EndpointAsWished) -> dict[str, Any]:
    types = tuple(dict.fromkeys(data.types))
    return {"url": data.url, "types": types, "payload": data.payload, "ordered": data.ordered}


_LIST: Final = select(
    """
    SELECT t.endpoint_id, t.org_id, t.url, t.types, t.payload, t.ordered, t.disabled, t.old_until,
    t.created_at, q.failing_since, (SELECT count(*) FROM deliveries AS d WHERE d.endpoint_id = t.endpoint_id
    AND d.state = 'pending'), (SELECT count(*) FROM deliveries AS d WHERE d.endpoint_id = t.endpoint_id AND
    d.state = 'parked'), (SELECT count(*) FROM deliveries AS d WHERE d.endpoint_id = t.endpoint_id AND d.state
    = 'uncertain'), t.position FROM {table} AS t LEFT JOIN delivery_queues AS q USING (endpoint_id) WHERE
    t.deleted_at IS NULL AND t.position < %(before)s AND (%(orgs)s::text[] IS NULL OR t.org_id =
    ANY(%(orgs)s)) ORDER BY t.position DESC LIMIT %(limit)s """,
    ENDPOINTS,
)


@get(
    "/api/webhook-endpoints",
    operation_id="listEndpoints",
    summary="The endpoints that the caller manages",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_endpoints(
    request: Call, services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[ListedEndpoint]]:
    """The one last made first, with how their deliveries stand."""
    orgs = await visible_to(services, request, None)
    async with services.reading() as connection:
        asked = {"orgs": orgs, "before": before(cursor), "limit": limit + 1}
        found = await (await connection.execute(_LIST, asked)).fetchall()
    return Read(page([_listed(row) for row in found], limit, lambda item: (item.position,)))


def _listed(row: tuple[Any, ...]) -> ListedEndpoint:
    endpoint_id, org_id, url, types, payload, ordered, disabled, old_until, *counted = row
    created_at, failing_since, pending, parked, uncertain, position = counted
    return ListedEndpoint(
        endpoint_id=endpoint_id,
        org_id=org_id or None,
        url=url,
        types=types,
        payload=payload,
        ordered=ordered,
        state=cast("State", disabled or "enabled"),
        old_secret_until=old_until,
        created_at=created_at,
        failing_since=failing_since,
        pending=pending,
        parked=parked,
        uncertain=uncertain,
        position=position,
    )


@get(
    "/api/webhook-endpoints/{endpoint_id:str}",
    operation_id="getEndpoint",
    summary="One endpoint",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_endpoint(
    endpoint_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Read[Endpoint]:
    """As it is by the ledger, without its secret."""
    return Read(Endpoint(**fields_of(await endpoint_of(services, request, endpoint_id))))


@put(
    "/api/webhook-endpoints/{endpoint_id:str}",
    operation_id="changeEndpoint",
    summary="Change where and what an endpoint is sent",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is so from now on",
    responses=responses(NotFound, UnknownEventType, Contended),
)
async def change_endpoint(
    endpoint_id: FromPath[str],
    data: JSONBody[EndpointAsWished],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Endpoint]:
    """All of it: what is left out takes its default. What waits for it goes to the new address."""
    await endpoint_of(services, request, endpoint_id)

    async def work(command_id: str) -> Response[Any]:
        async def make() -> ChangeEndpoint:
            await check_url(services.settings, data.url)
            return ChangeEndpoint(**_fields(services, endpoint_id, command_id), **_wished(data))

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return Response(await _shown(services, endpoint_id), status_code=200, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _fields(services: Services, endpoint_id: str, command_id: str) -> dict[str, Any]:
    return {"command_id": command_id, "effective_at": services.now(), "endpoint_id": endpoint_id}


async def _shown(services: Services, endpoint_id: str) -> Endpoint:
    return Endpoint(**fields_of(await _state(services, endpoint_id)))


@post(
    "/api/webhook-endpoints/{endpoint_id:str}/rotate-secret",
    operation_id="rotateEndpointSecret",
    summary="Give an endpoint another secret",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The new secret",
    responses=responses(NotFound, WebhookKeysUnavailable, Contended),
)
async def rotate_secret(
    endpoint_id: FromPath[str],
    data: JSONBody[NewSecret],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[EndpointWithSecret]:
    """Both sign until the overlap is over, a day unless told, so that no receiver refuses any meanwhile."""
    await endpoint_of(services, request, endpoint_id)

    async def work(command_id: str) -> Response[Any]:
        async def make() -> RotateEndpointSecret:
            return RotateEndpointSecret(
                **_fields(services, endpoint_id, command_id),
                key_id=services.endpoint_secrets.key_id,
                old_until=services.now() + timedelta(hours=data.overlap_hours),
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        return Unkept(await _with_secret(services, endpoint_id), status_code=200, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/webhook-endpoints/{endpoint_id:str}/disable",
    operation_id="disableEndpoint",
    summary="Send an endpoint nothing for now",
    tags=TAGS,
    status_code=200,
    response_description="It is sent nothing",
    responses=responses(NotFound, Contended),
)
async def disable_endpoint(
    endpoint_id: FromPath[str],
    data: JSONBody[OfEndpoint],  # noqa: ARG001  an empty object
    request: Call,
    services: NamedDependency[Services],
) -> Response[Endpoint]:
    """What happens meanwhile can be redelivered, by its time."""
    await endpoint_of(services, request, endpoint_id)
    command = DisableEndpoint(**_fields(services, endpoint_id, new_id("cmd")), cause="asked")
    return await _done(services, request, command)


@post(
    "/api/webhook-endpoints/{endpoint_id:str}/enable",
    operation_id="enableEndpoint",
    summary="Send an endpoint events again",
    tags=TAGS,
    status_code=200,
    response_description="It is sent what happens from now on, and what waited",
    responses=responses(NotFound, Contended),
)
async def enable_endpoint(
    endpoint_id: FromPath[str],
    data: JSONBody[OfEndpoint],  # noqa: ARG001  an empty object
    request: Call,
    services: NamedDependency[Services],
) -> Response[Endpoint]:
    """Also one that was disabled as it failed: mend it first."""
    await endpoint_of(services, request, endpoint_id)
    return await _done(services, request, EnableEndpoint(**_fields(services, endpoint_id, new_id("cmd"))))


@delete(
    "/api/webhook-endpoints/{endpoint_id:str}",
    operation_id="deleteEndpoint",
    summary="Take an endpoint away",
    tags=TAGS,
    status_code=200,
    response_description="It is gone, and nothing is sent there any more",
    responses=responses(NotFound, Contended),
)
async def delete_endpoint(
    endpoint_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[Endpoint]:
    """For good; its deliveries are seen no more."""
    await endpoint_of(services, request, endpoint_id)
    return await _done(services, request, DeleteEndpoint(**_fields(services, endpoint_id, new_id("cmd"))))


async def _done(services: Services, request: Call, command: EndpointCommand) -> Response[Endpoint]:
    done = await services.submitter.submit(command, origin_of(request))
    return Response(await _shown(services, command.endpoint_id), status_code=200, headers=done.headers)


HANDLERS = (
    create_endpoint,
    list_endpoints,
    get_endpoint,
    change_endpoint,
    rotate_secret,
    disable_endpoint,
    enable_endpoint,
    delete_endpoint,
)
