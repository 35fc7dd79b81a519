"""The sandbox as a Litestar app: Stripe's API at /v1 and its controls at /_sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from api.sandbox.control import control_router
from api.sandbox.errors import StripeError, bug
from api.sandbox.ids import request_id
from api.sandbox.pipeline import Pipeline, unrecognized
from api.sandbox.state import State

TICK_S = 0.5
_log = logging.getLogger("liberation.sandbox")


class LiveKeyError(Exception):
    """A live key is configured where a sandbox is to start."""


def refuse_live_key(environ: Mapping[str, str]) -> None:
    """A sandbox beside a live key would take customers' payments and move no money. Raises LiveKeyError."""
    key = environ.get("LIBERATION_STRIPE_API_KEY", "")
    if not key and (path := environ.get("LIBERATION_STRIPE_API_KEY_FILE")):
        with contextlib.suppress(OSError):
            key = Path(path).read_text(encoding="utf-8")
    if key.strip().startswith(("sk_live_", "rk_live_")):
        raise LiveKeyError(
            "LIBERATION_STRIPE_API_KEY is a live key, so the sandbox does not start. "
            "Unset it, or use a key that starts with sk_test_."
        )


def create_app(state: State, *, environ: Mapping[str, str] = os.environ) -> Litestar:
    """Raises LiveKeyError. The caller closes `state`."""
    refuse_live_key(environ)
    return Litestar(
        route_handlers=[_stripe_handler(state), control_router(state)],
        lifespan=[_background(state)],
        exception_handlers={
            NotFoundException: _not_found,
            MethodNotAllowedException: _not_found,
            StripeError: _stripe_error,
            Exception: _bug,
        },
        openapi_config=None,
        logging_config=None,
    )


def _stripe_handler(state: State) -> ASGIRouteHandler:
    """One mount for all of /v1: Litestar 2.25 raises KeyError for ASGI handlers with path parameters, and
    its HTTP handlers leave no way to send half an answer, which faults need.
    """
    pipeline = Pipeline(state)

    @asgi("/v1", is_mount=True, copy_scope=False)
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await pipeline(scope, receive, send)

    return handle


def _background(state: State) -> Any:
    """Webhooks go out and time goes by while the app runs."""

    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(state.deliveries.run()), asyncio.create_task(_tick(state))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return running


async def _tick(state: State) -> None:
    while True:
        state.run_due()
        await asyncio.sleep(TICK_S)


def _not_found(request: Request[Any, Any, Any], _: Exception) -> Response[bytes]:
    return _stripe_error(request, unrecognized(request.method, request.url.path))


def _bug(request: Request[Any, Any, Any], cause: Exception) -> Response[bytes]:
    if isinstance(cause, HTTPException):
        return _stripe_error(request, StripeError(cause.detail, status=cause.status_code))
    _log.error("%s %s failed in the sandbox itself", request.method, request.url.path, exc_info=cause)
    return _stripe_error(request, bug())


def _stripe_error(_: Request[Any, Any, Any], error: StripeError) -> Response[bytes]:
    return Response(
        error.body(),
        status_code=error.status,
        media_type="application/json",
        headers={"Request-Id": request_id()},
    )
