"""Somebody's tokens and their streak, as they are now."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency

from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.owner import owner_of
from api.http.paging import Cursor, Limit, Page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import newest_first, select
from api.services import Services
from api.streaks.zones import ZONE_OF
from api.subscriptions.entitlements import tier_of
from api.tokens.balances import balance_of
from api.tokens.resources import Streak, TokenBalance, TokenMovement, movement_of
from api.tokens.streaks import streak_of
from ledger.errors import NotFound
from ledger.streaks.decider import STREAKS
from ledger.streaks.stream import stream_of as streak_stream
from ledger.tokens.decider import TOKENS
from ledger.tokens.stream import stream_of
from projections.tokens.tables import TOKEN_MOVEMENTS

Call = Request[Principal, Any, State]
TAGS = ["tokens"]


@get(
    "/api/tokens/balance",
    operation_id="getTokenBalance",
    summary="Tokens that can be spent, are pending or owed",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_balance(
    request: Call, services: NamedDependency[Services], user_id: WhoseParameter = None
) -> Read[TokenBalance]:
    """With what expires soon, and what the month's cap leaves."""
    whose = owner_of(request, user_id)
    tokens = await services.store.state(TOKENS, stream_of(whose))
    tier = await tier_of(services, whose)
    return Read(balance_of(whose, tokens, services.now(), tier, services.catalogue))


HISTORY = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE user_id = %(user_id)s AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    TOKEN_MOVEMENTS,
)


@get(
    "/api/tokens/history",
    operation_id="listTokenMovements",
    summary="What changed somebody's tokens",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def list_history(
    request: Call,
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    user_id: WhoseParameter = None,
) -> Read[Page[TokenMovement]]:
    """Newest first, each with the balance after it. What expired or matured is here once it is recorded."""
    whose = {"user_id": owner_of(request, user_id)}
    return await newest_first(
        services.reads, HISTORY, TOKEN_MOVEMENTS, whose, movement_of, cursor=cursor, limit=limit
    )


@get(
    "/api/tokens/streak",
    operation_id="getStreak",
    summary="Days in a row on which somebody learnt",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_streak(
    request: Call, services: NamedDependency[Services], user_id: WhoseParameter = None
) -> Read[Streak]:
    """By the clock of the user's time zone, which `PUT /api/me` sets."""
    whose = owner_of(request, user_id)
    zone = await services.point_reads.ask(ZONE_OF, whose)
    streak = await services.store.state(STREAKS, streak_stream(whose))
    return Read(streak_of(whose, streak, services.now(), zone))


HANDLERS = (get_balance, list_history, get_streak)
