"""What moved at Stripe by nothing of ours: listed, and explained by finance."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from api.http.auth import Principal
from api.http.body import IdempotencyKey, Text, known_shape
from api.http.checks import Check, blank_fault
from api.http.paging import Cursor, Limit, Page
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, rows, select
from api.services import Services, origin_of
from api.words import ACCOUNT
from ledger.errors import NotFound
from ledger.store import Store
from ledger.unclaimed.commands import ExplainMovement, WithdrawExplanation
from ledger.unclaimed.decider import UNCLAIMED, Movement
from ledger.unclaimed.refusals import AccountNotExplainable, ExplanationUnsaid, MovementKnown
from ledger.unclaimed.stream import stream_of
from projections.unclaimed import UNCLAIMED as MOVEMENTS
from projections.unclaimed import Status, UnclaimedRow

TAGS = ["webhooks"]
Call = Request[Principal, Any, State]


class UnclaimedMovement(msgspec.Struct, frozen=True, kw_only=True):
    """One of Stripe's balance transactions. `kind`, `reporting_category`, `balance_type` and `source_id` are
    Stripe's; `account` is what it is posted against, empty when it was taken back as ours (`claimed_by` is
    the stream that posts it). `description` is there where Stripe's own words name nobody.
    """

    position: int
    balance_transaction_id: str
    status: Status
    kind: str
    reporting_category: str
    balance_type: str
    source_id: str
    description: str
    currency: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    account: str
    note: str
    claimed_by: str
    created_at: datetime
    available_at: datetime
    found_at: datetime
    age_s: float
    """Since Stripe moved it."""


class MovementExplanation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`account` takes it out of 1090. The note stays for ever, so let it name nobody."""

    account: Annotated[str, msgspec.Meta(pattern=ACCOUNT)]
    note: Annotated[Text, Check(blank_fault)]


class NoMovementExplanation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more is to be said."""


class MovementStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is posted now, beside cash."""

    balance_transaction_id: str
    explained: bool
    account: str
    currency: str
    amount_minor: int
    net_minor: int


LISTED = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position < %(before)s AND status = %(status)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    MOVEMENTS,
)


@get(
    "/api/webhooks/unexplained",
    operation_id="listUnexplained",
    summary="What moved at Stripe by nothing of ours",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_unexplained(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: Annotated[
        Status,
        QueryParameter(
            description="`known` by its kind, such as a top-up; `claimed` when it turned out to be ours."
        ),
    ] = "unexplained",
) -> Read[Page[UnclaimedMovement]]:
    """As found, newest first."""
    show = partial(shown, now=services.now())
    return await newest_first(
        services.reads, LISTED, MOVEMENTS, {"status": status}, show, cursor=cursor, limit=limit
    )


_BY_ID = select("SELECT {columns} FROM {table} WHERE balance_transaction_id = %(movement_id)s", MOVEMENTS)


@get(
    "/api/webhooks/unexplained/{movement_id:str}",
    operation_id="getUnexplained",
    summary="One movement at Stripe by nothing of ours",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_unexplained(
    movement_id: FromPath[str], services: NamedDependency[Services]
) -> Read[UnclaimedMovement]:
    """By its `balance_transaction_id`, also once it is explained, known or claimed."""
    known_shape(movement_id, "txn_")

    async def seen() -> UnclaimedRow | None:
        async with services.reading() as connection:
            return next(iter(await rows(connection, _BY_ID, MOVEMENTS, {"movement_id": movement_id})), None)

    found = await find(seen, services.positions)
    if found is None:
        raise _unknown(movement_id)
    return Read(shown(found, services.now()))


def shown(row: UnclaimedRow, now: datetime) -> UnclaimedMovement:
    fields = msgspec.structs.asdict(row)
    del fields["pending"], fields["last_position"]
    age_s = max(0.0, round((now - row.created_at).total_seconds(), 1))
    return UnclaimedMovement(**fields, age_s=age_s)


@post(
    "/api/webhooks/unexplained/{movement_id:str}/explain",
    operation_id="explainMovement",
    summary="Say what moved at Stripe",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is posted to that account",
    responses=responses(NotFound, MovementKnown, AccountNotExplainable, ExplanationUnsaid),
)
async def explain_movement(
    movement_id: FromPath[str],
    data: JSONBody[MovementExplanation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[MovementStanding]:
    """Out of 1090, on the day of the movement; processing fees have what Stripe kept of it. Explained anew,
    the former explanation is withdrawn.
    """
    effective_at = await found_at(services.store, movement_id)

    async def work(command_id: str) -> Response[Any]:
        command = ExplainMovement(
            command_id=command_id,
            effective_at=effective_at,
            balance_transaction_id=movement_id,
            account=data.account,
            note=data.note,
        )
        return await _decided(services, request, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/webhooks/unexplained/{movement_id:str}/withdraw",
    operation_id="withdrawExplanation",
    summary="Take an explanation back",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is unexplained again",
    responses=responses(NotFound, MovementKnown),
)
async def withdraw_explanation(
    movement_id: FromPath[str],
    data: JSONBody[NoMovementExplanation],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[MovementStanding]:
    """Nothing happens to one that is not explained."""
    effective_at = await found_at(services.store, movement_id)

    async def work(command_id: str) -> Response[Any]:
        command = WithdrawExplanation(
            command_id=command_id,
            effective_at=effective_at,
            balance_transaction_id=movement_id,
        )
        return await _decided(services, request, command)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def found_at(store: Store, movement_id: str) -> datetime:
    """When the fact that found it is dated, as the movement is. Raises `NotFound`."""
    facts = await store.read_stream(stream_of(known_shape(movement_id, "txn_")))
    if not facts:
        raise _unknown(movement_id)
    return facts[0].metadata.effective_at


def _unknown(movement_id: str) -> NotFound:
    return NotFound(
        f"There is no movement {movement_id!r:.80} that nobody knows; GET /api/webhooks/unexplained "
        "lists those that there are."
    )


async def _decided(
    services: Services, request: Call, command: ExplainMovement | WithdrawExplanation
) -> Response[MovementStanding]:
    done = await services.submitter.submit(command, origin_of(request))
    stream = stream_of(command.balance_transaction_id)
    movement: Movement = await services.store.state(UNCLAIMED, stream)
    standing = MovementStanding(
        balance_transaction_id=movement.balance_transaction_id,
        explained=movement.explained,
        account=movement.account,
        currency=movement.currency,
        amount_minor=movement.amount_minor,
        net_minor=movement.net_minor,
    )
    return Response(standing, status_code=200, headers=done.headers)


HANDLERS = (list_unexplained, get_unexplained, explain_movement, withdraw_explanation)
