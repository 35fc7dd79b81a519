"""Seats of a licence: claimed, kept and released by who holds its key."""

from __future__ import annotations

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.http.owner import owner_of
from api.http.promises import responses
from api.licences.holding import LicenceKey, LicenceKeyInvalid, LicenceKeyReplaced
from api.seats.bodies import OfDevice, SeatFreed, SeatHeld
from api.seats.claiming import Call, Claimed, claim, claim_of, seats_of, shown
from api.seats.leases import beat
from api.services import Services, origin_of
from ledger.errors import NotFound
from ledger.ids import new_id
from ledger.licences.live import LicenceNotLive, check_live
from ledger.seats.commands import ReleaseSeat
from ledger.seats.refusals import SeatsExceeded, SeatTaken, TransfersExceeded

TAGS = ["licences"]
_HAD = {200: ResponseSpec(SeatHeld, description="It had one already", generate_examples=False)}
_ANEW = {201: ResponseSpec(SeatHeld, description="It has one anew", generate_examples=False)}
OF_KEY = (LicenceKeyInvalid, LicenceKeyReplaced, LicenceNotLive, NotFound)


@post(
    "/api/enterprise/licenses/activate",
    operation_id="activateSeat",
    summary="Claim a seat of a licence",
    tags=TAGS,
    response_description="The device has a seat",
    responses=responses(SeatsExceeded, SeatTaken, *OF_KEY) | _HAD,
)
async def activate_seat(
    data: JSONBody[OfDevice], request: Call, services: NamedDependency[Services], licence_key: LicenceKey
) -> Response[SeatHeld]:
    """For a device, by its fingerprint: 201, and 200 when it has one already. A named seat lasts until it is
    released; a floating one until `until`, which heartbeats move on. Over the limit only new ones wait.
    """
    user_id = owner_of(request, data.user_id, also="service")
    return _answered(await claim(services, request, licence_key, data, user_id))


@post(
    "/api/enterprise/licenses/heartbeat",
    operation_id="keepSeat",
    summary="Keep a floating seat",
    tags=TAGS,
    status_code=200,
    response_description="The device has its seat",
    responses=responses(SeatsExceeded, SeatTaken, *OF_KEY) | _ANEW,
)
async def keep_seat(
    data: JSONBody[OfDevice], request: Call, services: NamedDependency[Services], licence_key: LicenceKey
) -> Response[SeatHeld]:
    """Records nothing. One that comes too late claims a seat anew (201), which may be refused."""
    user_id = owner_of(request, data.user_id, also="service")
    asked = await claim_of(services, licence_key, data, user_id)
    check_live(asked.status)
    held = (await seats_of(services, asked.licence.licence_id)).held.get(asked.device)
    if held is not None and held.user_id == user_id:
        async with services.reading() as connection:
            until = await beat(connection, held.seat_id, asked.now, asked.lease)
        if until is not None or not held.floating:
            return Response(shown(asked, held, until or asked.until), status_code=200)
    return _answered(await claim(services, request, licence_key, data, user_id))


def _answered(claimed: Claimed) -> Response[SeatHeld]:
    return Response(claimed.seat, status_code=201 if claimed.new else 200, headers=claimed.done.headers)


@post(
    "/api/enterprise/licenses/release",
    operation_id="releaseSeat",
    summary="Give a seat back",
    tags=TAGS,
    status_code=200,
    response_description="The device has no seat",
    responses=responses(TransfersExceeded, *OF_KEY),
)
async def release_seat(
    data: JSONBody[OfDevice], request: Call, services: NamedDependency[Services], licence_key: LicenceKey
) -> Response[SeatFreed]:
    """As often as one likes; of named seats a licence may allow only so many a month."""
    user_id = owner_of(request, data.user_id, also="service")
    asked = await claim_of(services, licence_key, data, user_id)
    command = ReleaseSeat(
        command_id=new_id("cmd"),
        effective_at=asked.now,
        licence_id=asked.licence.licence_id,
        device=asked.device,
        user_id=user_id,
        transfers=asked.grant.transfers,
    )
    done = await services.submitter.submit(command, origin_of(request))
    return Response(SeatFreed(freed=bool(done.recorded)), status_code=200, headers=done.headers)


HANDLERS = (activate_seat, keep_seat, release_seat)
