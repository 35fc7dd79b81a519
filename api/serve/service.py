"""The whole service: database, Stripe or its sandbox, and the processes that answer."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import structlog

from api.http.signing_keys import check_keys
from api.serve.composition import ALL_HERE, composition_of
from api.serve.database import kept_database
from api.serve.node import serving
from api.serve.pool import pool
from api.serve.sandbox import stripe_settings
from api.serve.sockets import listen, port_of, url_of
from api.serve.stopping import forever
from api.services import open_services
from api.settings import Settings, SettingsError
from api.webhooks.endpoint import WEBHOOK_PATH

log = structlog.get_logger()


class Running(msgspec.Struct, frozen=True):
    """`sandbox_url` is empty where Stripe itself is used."""

    settings: Settings
    url: str
    sandbox_url: str


Announce = Callable[[Running], None]


async def serve(settings: Settings, announce: Announce) -> None:
    """Until it is cancelled. Raises `SettingsError` or a `LedgerError` when it cannot start."""
    check(settings)
    check_keys(settings)
    with listen(settings.host, settings.port) as listener:
        url = url_of(settings.host, port_of(listener))
        async with surroundings(settings, url) as running, answering(running.settings, listener) as ended:
            announced(running, announce)
            await ended


async def work(settings: Settings, announce: Announce) -> None:
    """Projections and the worker alone, until it is cancelled. Raises as `serve` does."""
    check_keys(settings)
    async with surroundings(settings, url_of(settings.host, settings.port)) as running:
        composition = composition_of(running.settings, running.settings.database_url, background=ALL_HERE)
        async with open_services(composition):
            announced(running, announce)
            await forever()


def check(settings: Settings) -> None:
    """`SettingsError` for what would let the service start and then refuse every webhook."""
    if settings.stripe_api_key and not settings.stripe_webhook_secret:
        raise SettingsError(
            "LIBERATION_STRIPE_API_KEY is set without LIBERATION_STRIPE_WEBHOOK_SECRET: every webhook would "
            "be refused. Take the secret from the endpoint's page in Stripe's dashboard, or make the "
            "endpoint with `liberation stripe webhook-endpoint --create`."
        )


@asynccontextmanager
async def surroundings(settings: Settings, url: str) -> AsyncIterator[Running]:
    """Database and Stripe, kept running. Its settings name both, so that they can be handed on."""
    async with kept_database(settings) as database:
        here = msgspec.structs.replace(settings, database_url=database.url)
        port = int(url.rpartition(":")[2])
        async with stripe_settings(here, url + WEBHOOK_PATH, preferred_port=port + 1 if port else 0) as (
            complete,
            sandbox_url,
        ):
            yield Running(complete, url, sandbox_url)


@asynccontextmanager
async def answering(settings: Settings, listener: socket.socket) -> AsyncIterator[Awaitable[None]]:
    """In this process, or in several. Yields what ends by itself only when something is wrong."""
    if settings.workers > 1:
        async with pool(settings, listener):
            yield forever()
    else:
        composition = composition_of(settings, settings.database_url, background=ALL_HERE)
        async with serving(composition, listener) as ended:
            yield ended


def announced(running: Running, announce: Announce) -> None:
    log.info("service_ready", url=running.url, sandbox_url=running.sandbox_url, pid=os.getpid())
    announce(running)
