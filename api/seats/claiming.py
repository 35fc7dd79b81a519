"""A seat claimed for a device: what the licence says and which leases are over, and one decision on both."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from litestar import Request
from litestar.datastructures import State
from msgspec import Struct

from api.http.auth import Principal
from api.licences.holding import held as licence_held
from api.seats import leases
from api.seats.bodies import OfDevice, SeatHeld
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.errors import Contended, Refused
from ledger.ids import new_id
from ledger.licence_tiers import Grant
from ledger.licences.live import LicenceNotLive
from ledger.licences.state import Licence, granted_at
from ledger.licences.status import Status, status_at
from ledger.seats.commands import ActivateSeat, SeatTerms
from ledger.seats.decider import SEATS
from ledger.seats.events import SeatActivated
from ledger.seats.state import Seat, Seats
from ledger.seats.stream import stream_of
from ledger.store.batched_queries import Connection

Call = Request[Principal, Any, State]
_ATTEMPTS = 3
"""The licence may change while a claim is made of it, which is then made again."""


class Claim(Struct, frozen=True):
    """Who claims of which licence, on which device."""

    licence: Licence
    status: Status
    grant: Grant
    user_id: str
    device: str
    now: datetime

    @property
    def lease(self) -> timedelta:
        return timedelta(minutes=self.grant.lease_minutes)

    @property
    def until(self) -> datetime:
        return self.now + self.lease


class Claimed(Struct, frozen=True):
    seat: SeatHeld
    new: bool
    done: Submitted


async def claim(services: Services, request: Call, key: str, data: OfDevice, user_id: str) -> Claimed:
    """Raises what the rules refuse it for."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(Contended):
            return await _claimed(services, request, await claim_of(services, key, data, user_id))
    return await _claimed(services, request, await claim_of(services, key, data, user_id))


async def claim_of(services: Services, key: str, data: OfDevice, user_id: str) -> Claim:
    """Raises what `held` does, and `LicenceNotLive` for a licence that never had a term."""
    licence, now = await licence_held(services, key), services.now()
    status, granted = status_at(licence, now), granted_at(licence, now)
    if granted is None or status is None:
        raise LicenceNotLive("This licence is quoted and not issued.")
    async with services.reading() as connection:
        device = await leases.device_of(connection, licence.licence_id, data.fingerprint)
    return Claim(licence, status, granted.grant, user_id, device, now)


async def seats_of(services: Services, licence_id: str) -> Seats:
    seats: Seats = await services.store.state(SEATS, stream_of(licence_id))
    return seats


async def _claimed(services: Services, request: Call, asked: Claim) -> Claimed:
    licence_id, seat_id = asked.licence.licence_id, new_id("sea")
    before = await seats_of(services, licence_id)
    async with services.reading() as connection:
        until, lapsed = await _leased(connection, asked, before)
        if asked.grant.floating and until is None:
            await leases.begin(connection, seat_id, licence_id, asked.until)
    try:
        done = await services.submitter.submit(_command(asked, seat_id, lapsed), origin_of(request))
    except Refused:  # else it may be recorded all the same
        async with services.reading() as connection:
            await leases.end(connection, [seat_id])
        raise
    seats = await seats_of(services, licence_id)
    if gone := [one for one in (*lapsed, seat_id) if one not in seats.devices]:
        async with services.reading() as connection:
            await leases.end(connection, gone)
    seat = seats.held.get(asked.device) or Seat(seat_id, asked.user_id, asked.grant.floating)
    new = any(isinstance(one.event, SeatActivated) for one in done.recorded)
    return Claimed(shown(asked, seat, until or asked.until), new, done)


async def _leased(
    connection: Connection, asked: Claim, seats: Seats
) -> tuple[datetime | None, tuple[str, ...]]:
    """Until when the device's own floating seat is held after this heartbeat, None where it has none or was
    too late; and what has lapsed.
    """
    held, until = seats.held.get(asked.device), None
    if held is not None and held.floating:
        until = await leases.beat(connection, held.seat_id, asked.now, asked.lease)
    over = await leases.close(connection, asked.licence.licence_id, asked.now)
    while nobodys := [one for one in over if one not in seats.devices]:  # released, or never given
        await leases.end(connection, nobodys)
        over = await leases.close(connection, asked.licence.licence_id, asked.now)
    if held is not None and held.floating and until is None:
        over = [held.seat_id, *(one for one in over if one != held.seat_id)]
    return until, tuple(over)


def _command(asked: Claim, seat_id: str, lapsed: tuple[str, ...]) -> ActivateSeat:
    return ActivateSeat(
        command_id=new_id("cmd"),
        effective_at=asked.now,
        licence_id=asked.licence.licence_id,
        org_id=asked.licence.org_id,
        seat_id=seat_id,
        device=asked.device,
        user_id=asked.user_id,
        terms=SeatTerms(
            as_of=asked.licence.facts,
            status=asked.status,
            limit=asked.grant.seats,
            floating=asked.grant.floating,
            transfers=asked.grant.transfers,
        ),
        lapsed=lapsed,
    )


def shown(asked: Claim, seat: Seat, until: datetime) -> SeatHeld:
    return SeatHeld(
        seat_id=seat.seat_id,
        licence_id=asked.licence.licence_id,
        user_id=seat.user_id,
        floating=seat.floating,
        until=until if seat.floating else None,
        features=list(asked.grant.features),
    )
