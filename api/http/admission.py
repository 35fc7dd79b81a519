"""On every route, before its guard: who calls, and how often."""

from __future__ import annotations

import msgspec
from litestar import Litestar
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api.http.access import ACCESS, operation_of
from api.http.auth import Authenticator, Principal
from api.http.behalf import acting, named
from api.http.client_address import ClientAddresses
from api.http.context import STATE, RequestState
from api.http.positions import Positions
from api.http.problems import RateLimited, Unauthenticated
from api.http.ratelimit import RateLimit
from ledger.errors import StoreUnavailable
from ledger.store.batched_queries import QueryBatcher

UNLIMITED = frozenset({"livez", "readyz", "metrics"})
"""What the operator's own machines ask, all the time."""


class Door(msgspec.Struct, frozen=True):
    """What is asked of every request is answered by these. The application's state has it as `door`, as they
    are opened after the application is made.
    """

    authenticator: Authenticator
    limit: RateLimit
    addresses: ClientAddresses
    positions: Positions
    point_reads: QueryBatcher


def door_of(app: Litestar) -> Door:
    door: Door = app.state.door
    return door


class Admission(ASGIMiddleware):
    """Sets `scope["user"]` to the principal, to whom a service acts for, or to None. A credential that does
    not hold is refused even where none is needed: the caller should know.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        operation = operation_of(scope["route_handler"])
        state: RequestState = scope[STATE]  # type: ignore[literal-required]  # our own key in the scope
        access = ACCESS.get(operation)
        if access is not None and access.signature:
            scope["user"] = None  # one HMAC tells a forgery, and Stripe sends in bursts
            await next_app(scope, receive, send)
            return
        door = door_of(scope["litestar_app"])
        state.address = address = f"address:{door.addresses.address(scope)}"
        scope["user"] = principal = await _principal(door, address, state)
        if operation not in UNLIMITED:
            take(door.limit, principal.id if principal else address, state)
        if user_id := named(state.given, principal):
            assert principal is not None, "or it was refused"
            state.on_behalf_of = user_id
            scope["user"] = await acting(principal, user_id, door.point_reads)
        await next_app(scope, receive, send)


async def _principal(door: Door, address: str, state: RequestState) -> Principal | None:
    """A guess costs its address one request, paid before the work and given back when it was right."""
    given = state.given.get(b"authorization")
    if given is None:
        return None
    header = given.decode("latin-1")
    try:
        principal = door.authenticator.recall(header)
    except Unauthenticated:
        take(door.limit, address, state)
        raise
    if principal is None:
        headers = list(state.headers)
        take(door.limit, address, state)
        try:
            principal = await door.authenticator.authenticate(header)
        except StoreUnavailable:
            door.limit.give_back(address)  # nobody knows whether it was a guess
            raise
        door.limit.give_back(address)
        state.headers[:] = headers  # they are to tell of the caller's own limit
    state.actor = principal.id
    return principal


def take(limit: RateLimit, caller: str, state: RequestState, *, what: str = "Too many requests") -> None:
    """One request, of which the answer's headers tell. Raises `RateLimited`, which begins with `what`."""
    verdict = limit.take(caller)
    told = f'"{limit.name}";r={verdict.left};t={verdict.reset_s}'
    state.headers += ((b"ratelimit-policy", limit.policy.encode()), (b"ratelimit", told.encode()))
    if not verdict.allowed:
        raise RateLimited(
            f"{what}: try again in {verdict.reset_s} s.",
            headers={"Retry-After": str(verdict.reset_s)},
        )
