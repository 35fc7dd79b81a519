"""What was redeemed, by whom, and what an administrator makes of what waits."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.http.auth import Principal
from api.http.body import IdempotencyKey, WhoseParameter, known_shape
from api.http.idempotency import Unkept
from api.http.owner import owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.rewards.redemptions import no_redemption, redemption_at, seen
from api.rewards.resources import (
    Cancellation,
    Fulfilment,
    Redemption,
    redemption_of,
)
from api.services import Services, origin_of
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.redeeming import enrolment_id_of
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import NotFound
from ledger.message import Command
from ledger.redemptions.commands import CancelRedemption, FulfilRedemption
from ledger.redemptions.decider import REWARD
from ledger.redemptions.refusals import (
    InvalidRedemption,
    RedemptionNotOpen,
)
from ledger.redemptions.stream import stream_of
from ledger.tokens.commands import restore_id
from projections.redemptions import REDEMPTIONS, RedemptionRow

Call = Request[Principal, Any, State]
TAGS = ["rewards"]

_OF_USER = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    REDEMPTIONS,
)
_WAITING = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE status = 'waiting' AND course_id = '' AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    REDEMPTIONS,
)


@get(
    "/api/tokens/redemptions",
    operation_id="listRedemptions",
    summary="What somebody spent tokens on",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_redemptions(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    user_id: WhoseParameter = None,
) -> Read[Page[Redemption]]:
    """Newest first, those for which the tokens were not there among them."""
    whose = {"user_id": owner_of(request, user_id)}
    return await newest_first(
        services.reads, _OF_USER, REDEMPTIONS, whose, redemption_of, cursor=cursor, limit=limit
    )


@get(
    "/api/tokens/redemptions/waiting",
    operation_id="listWaitingRedemptions",
    summary="Redemptions of everybody that wait to be fulfilled",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_waiting(
    services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Redemption]]:
    """Newest first."""
    return await newest_first(
        services.reads, _WAITING, REDEMPTIONS, {}, redemption_of, cursor=cursor, limit=limit
    )


async def _row(services: Services, redemption_id: str) -> RedemptionRow:
    """Raises `NotFound`."""
    known_shape(redemption_id, "red_")

    async def look() -> RedemptionRow | None:
        async with services.reading() as connection:
            return await redemption_at(connection, redemption_id)

    found = await find(look, services.positions)
    if found is None:
        raise no_redemption(redemption_id)
    return found


@post(
    "/api/tokens/redemptions/{redemption_id:str}/fulfil",
    operation_id="fulfilRedemption",
    summary="Say that what was redeemed is on its way",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is fulfilled",
    status_code=200,
    responses=responses(NotFound, RedemptionNotOpen),
)
async def fulfil_redemption(
    redemption_id: FromPath[str],
    data: JSONBody[Fulfilment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Redemption]:
    """Of merchandise, which waits for it. A course is fulfilled by itself."""
    row = await _row(services, redemption_id)

    async def work(command_id: str) -> Response[Any]:
        command = FulfilRedemption(
            command_id=command_id,
            effective_at=services.now(),
            reward_id=row.reward_id,
            redemption_id=redemption_id,
        )
        return await _moved(services, request, row, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/tokens/redemptions/{redemption_id:str}/cancel",
    operation_id="cancelRedemption",
    summary="Give back the tokens of a redemption",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is cancelled, its tokens are there again, and what it gave is taken",
    status_code=200,
    responses=responses(NotFound, InvalidRedemption, RedemptionNotOpen)
    | {
        202: ResponseSpec(
            Redemption,
            description="It is cancelled, and what follows of it is not all done yet: it goes on by itself",
            generate_examples=False,
        ),
    },
)
async def cancel_redemption(
    redemption_id: FromPath[str],
    data: JSONBody[Cancellation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Redemption]:
    """Once. The same tokens with the expiry that they had; those that have expired meanwhile are good for
    some days more. The item is there again, what was unlocked ends, and a course is taken again.
    """
    row = await _row(services, redemption_id)

    async def work(command_id: str) -> Response[Any]:
        command = CancelRedemption(
            command_id=command_id,
            effective_at=services.now(),
            reward_id=row.reward_id,
            redemption_id=redemption_id,
            reason=data.reason,
        )
        return await _moved(services, request, row, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _moved(services: Services, request: Call, row: RedemptionRow, command: Command) -> Response[Any]:
    done = await services.submitter.submit(command, origin_of(request))
    rewards = await services.store.state(REWARD, stream_of(row.reward_id))
    now = rewards.redemptions[row.redemption_id]
    reason = command.reason if isinstance(command, CancelRedemption) else None
    shown = msgspec.structs.replace(redemption_of(row), status=now.status, ends_at=now.ends_at, reason=reason)
    if now.status == "cancelled" and not await _is_undone(services, row):
        return Unkept(shown, status_code=202, headers=done.headers)
    if row.feature:
        await seen(services, done)
    return Response(shown, status_code=200, headers=done.headers)


async def _is_undone(services: Services, row: RedemptionRow) -> bool:
    """Whether the tokens of what was cancelled are there again, and its course is taken."""
    if not await services.store.find_command(restore_id(row.redemption_id)):
        return False
    if not row.course_id:
        return True
    enrolment = await services.store.state(ENROLMENT, enrolment_stream(row.course_id, row.user_id))
    return not (enrolment.is_live and enrolment.enrolment_id == enrolment_id_of(row.redemption_id))


HANDLERS = (list_redemptions, list_waiting, fulfil_redemption, cancel_redemption)
