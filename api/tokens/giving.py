"""Awards by administrators and services, and penalties."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.http.body import IdempotencyKey, known_shape
from api.http.paging import Cursor, Limit, Page
from api.http.positions import find
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.services import Services, origin_of
from api.submitting import Submitted
from api.subscriptions.entitlements import tier_of
from api.tokens.by_hand import (
    award_of,
    award_shown,
    awarded_once,
    confirmation_of,
    decided_once,
    no_request,
    request_at,
)
from api.tokens.resources import (
    AwardRequest,
    NewTokenAward,
    NewTokenPenalty,
    OfAwardRequest,
    TokenAward,
    TokenPenalty,
    request_of,
)
from api.tokens.routes import TAGS, Call
from ledger.errors import Forbidden, NotFound
from ledger.ids import derived_id
from ledger.rewards import BY_HAND
from ledger.tokens.commands import DeclineAward, PenaliseTokens, RequestAward
from ledger.tokens.decider import TOKENS
from ledger.tokens.events import TokensPenalised
from ledger.tokens.following import Now, Source
from ledger.tokens.refusals import (
    AwardDecided,
    CapReached,
    DailyLimitReached,
    InvalidTokens,
    SameAdmin,
    SecondAdminNeeded,
    SourceUsed,
    TooManyRequests,
    UnknownRule,
)
from ledger.tokens.stream import stream_of
from ledger.tokens.strips import total
from projections.tokens.tables import TOKEN_REQUESTS, TokenRequestRow


@post(
    "/api/tokens/award",
    operation_id="awardTokens",
    summary="Award tokens",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="They are granted, or wait for a second administrator (`status`)",
    responses=responses(
        UnknownRule, InvalidTokens, SourceUsed, CapReached, DailyLimitReached, TooManyRequests, Forbidden
    ),
)
async def award_tokens(
    data: JSONBody[NewTokenAward],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[TokenAward]:
    """By hand, which is an admin's, or by a rule. As much as the limits leave is granted. By hand, more than
    an admin may give a user on one day waits until another admin confirms it, and so does what an admin
    gives themselves.
    """

    async def work(command_id: str) -> Response[Any]:
        source = _source(services, request, data, command_id)
        try:
            done = await _awarded(services, request, data, source)
        except SecondAdminNeeded:
            done = await _requested(services, request, data, source, command_id)
        return Response(award_shown(done.recorded), status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


def _source(services: Services, request: Call, data: NewTokenAward, command_id: str) -> Source:
    """Raises `UnknownRule`, `Forbidden` or `InvalidTokens`."""
    if data.rule not in services.catalogue.tokens.rules:
        known = ", ".join(sorted(services.catalogue.tokens.rules))
        raise UnknownRule(f"There is no rule {data.rule!r:.80}; there are {known}.")
    if data.rule == BY_HAND and "admin" not in request.user.roles:
        raise Forbidden("Only an admin awards tokens by hand; a service names another rule.")
    if not data.source_ref and data.rule != BY_HAND:
        raise InvalidTokens("`source_ref` must say what this is awarded for.")
    return Source(data.user_id, data.rule, data.source_ref or derived_id("gift", command_id))


async def _awarded(services: Services, request: Call, data: NewTokenAward, source: Source) -> Submitted:
    """Raises `SecondAdminNeeded`."""
    if source.rule == BY_HAND and source.user_id == request.user.id:
        raise SecondAdminNeeded("Nobody gives themselves tokens without a second administrator.")
    now = Now(services.now(), await tier_of(services, source.user_id), services.catalogue)
    command = await award_of(services.store, source, now, data.amount or 0, data.reason)
    with awarded_once(source):
        return await services.submitter.submit(command, origin_of(request))


async def _requested(
    services: Services, request: Call, data: NewTokenAward, source: Source, command_id: str
) -> Submitted:
    command = RequestAward(
        command_id=command_id,
        effective_at=services.now(),
        user_id=source.user_id,
        request_id=services.id_of("awr", command_id),
        source_ref=source.source_ref,
        amount=data.amount or 0,
        reason=data.reason,
        admin_id=request.user.id,
    )
    return await services.submitter.submit(command, origin_of(request))


async def _request(services: Services, request_id: str) -> TokenRequestRow:
    """Raises `NotFound`."""
    known_shape(request_id, "awr_")

    async def look() -> TokenRequestRow | None:
        async with services.reading() as connection:
            return await request_at(connection, request_id)

    found = await find(look, services.positions)
    if found is None:
        raise no_request(request_id)
    return found


@post(
    "/api/tokens/awards/{request_id:str}/confirm",
    operation_id="confirmAward",
    summary="Confirm an award that another admin asked for",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="It is granted",
    responses=responses(NotFound, SameAdmin, AwardDecided, SourceUsed, CapReached, DailyLimitReached),
)
async def confirm_award(
    request_id: FromPath[str],
    data: JSONBody[OfAwardRequest],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[TokenAward]:
    """Neither by who asked for it nor by whom it is for."""
    asked = await _request(services, request_id)

    async def work(_command_id: str) -> Response[Any]:
        now = Now(services.now(), await tier_of(services, asked.user_id), services.catalogue)
        command = await confirmation_of(services.store, asked, now, request.user.id)
        with decided_once(asked):
            done = await services.submitter.submit(command, origin_of(request))
        return Response(award_shown(done.recorded), status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


@post(
    "/api/tokens/awards/{request_id:str}/decline",
    operation_id="declineAward",
    summary="Decline an award that an admin asked for",
    tags=TAGS,
    status_code=204,
    opt={IDEMPOTENT: True},
    response_description="It waits no more",
    responses=responses(NotFound, AwardDecided),
)
async def decline_award(
    request_id: FromPath[str],
    data: JSONBody[OfAwardRequest],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[None]:
    """Also by who asked for it."""
    asked = await _request(services, request_id)

    async def work(command_id: str) -> Response[Any]:
        command = DeclineAward(
            command_id=command_id,
            effective_at=services.now(),
            user_id=asked.user_id,
            request_id=request_id,
        )
        with decided_once(asked):
            done = await services.submitter.submit(command, origin_of(request))
        return Response(None, status_code=204, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


WAITING = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE status = 'waiting' AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    TOKEN_REQUESTS,
)


@get(
    "/api/tokens/awards",
    operation_id="listAwardRequests",
    summary="Awards by hand that wait for a second admin",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_requests(
    services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[AwardRequest]]:
    """Newest first."""
    return await newest_first(
        services.reads, WAITING, TOKEN_REQUESTS, {}, request_of, cursor=cursor, limit=limit
    )


@post(
    "/api/tokens/penalise",
    operation_id="penaliseTokens",
    summary="Take tokens as a penalty",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    response_description="They are taken",
    responses=responses(InvalidTokens),
)
async def penalise_tokens(
    data: JSONBody[NewTokenPenalty],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[TokenPenalty]:
    """In the order of expiry. What the balance does not have is debt, which later awards repay first."""

    async def work(command_id: str) -> Response[Any]:
        command = PenaliseTokens(
            command_id=command_id,
            effective_at=services.now(),
            user_id=data.user_id,
            penalty_id=services.id_of("pen", command_id),
            amount=data.amount,
            reason=data.reason,
        )
        done = await services.submitter.submit(command, origin_of(request))
        event = done.recorded[-1].event
        assert isinstance(event, TokensPenalised)
        tokens = await services.store.state(TOKENS, stream_of(data.user_id))
        shown = TokenPenalty(
            penalty_id=event.penalty_id,
            user_id=event.user_id,
            amount=event.amount,
            taken=total(event.taken),
            owed=event.owed,
            balance=tokens.balance,
            debt=tokens.debt,
        )
        return Response(shown, status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


HANDLERS = (award_tokens, confirm_award, decline_award, list_requests, penalise_tokens)
