"""Who has a licence's seats, for the managers of its organisation, and taking one back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey
from api.http.owner import is_admin
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.licences.managing import Call, licence_of
from api.seats.bodies import LicenceSeat, OfSeat, SeatFreed
from api.services import Services, origin_of
from ledger.errors import NotFound
from ledger.licences.state import granted_at
from ledger.message import Command
from ledger.seats.commands import DeactivateSeat
from ledger.seats.refusals import TransfersExceeded
from ledger.store.batched_queries import Connection

TAGS = ["licences"]
_HELD = """
    SELECT seat_id, licence_id, user_id, floating, activated_at, until, position
    FROM seats
    LEFT JOIN seat_leases USING (seat_id, licence_id)
    WHERE licence_id = %(licence_id)s AND ended = '' AND position < %(before)s
        AND (NOT floating OR (until > %(now)s AND NOT closed))
    ORDER BY position DESC
    LIMIT %(limit)s
"""


@get(
    "/api/enterprise/licenses/{licence_id:str}/seats",
    operation_id="listSeats",
    summary="Who has a licence's seats",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_seats(
    licence_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Page[LicenceSeat]]:
    """The newest first. A floating seat whose lease is over is not among them, as it is anybody's."""
    await licence_of(services, request, licence_id)
    async with services.reading() as connection:
        seats = await seats_held(connection, licence_id, services.now(), before(cursor), limit + 1)
    return Read(page(seats, limit, lambda one: (one.position,)))


async def seats_held(
    connection: Connection, licence_id: str, now: datetime, before: int, limit: int
) -> list[LicenceSeat]:
    """The newest first, of those whose position is before `before`."""
    asked = {"licence_id": licence_id, "before": before, "now": now, "limit": limit}
    found = await (await connection.execute(_HELD, asked)).fetchall()
    return [LicenceSeat(**dict(zip(LicenceSeat.__struct_fields__, row, strict=True))) for row in found]


@post(
    "/api/enterprise/licenses/{licence_id:str}/seats/{seat_id:str}/deactivate",
    operation_id="deactivateSeat",
    summary="Take a seat back",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="The seat is free",
    responses=responses(NotFound, TransfersExceeded),
)
async def deactivate_seat(
    licence_id: FromPath[str],
    seat_id: FromPath[str],
    data: JSONBody[OfSeat],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[SeatFreed]:
    """From whoever has it. Admins are held to no number of transfers."""
    licence, now = await licence_of(services, request, licence_id), services.now()
    granted = granted_at(licence, now)

    async def work(command_id: str) -> Response[Any]:
        async def command() -> Command:
            return DeactivateSeat(
                command_id=command_id,
                effective_at=now,
                licence_id=licence_id,
                seat_id=seat_id,
                transfers=None if granted is None or is_admin(request) else granted.grant.transfers,
            )

        done = await services.submitter.submit_once(command_id, command, origin_of(request))
        return Response(SeatFreed(freed=True), status_code=200, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


HANDLERS = (list_seats, deactivate_seat)
