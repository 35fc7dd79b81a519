"""What the handlers work with, opened when the application starts and closed in reverse when it stops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
import stripe
import structlog
from litestar import Request
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.clock import Clock, SystemClock
from api.http.api_keys import FIND_API_KEY
from api.http.auth import ApiKey, Authenticator, Principal
from api.http.client_address import ClientAddresses
from api.http.idempotency import LANE_OPTIONS, Idempotency
from api.http.keys import open_keys
from api.http.positions import Positions
from api.http.problems import TooSlow
from api.http.ratelimit import RateLimit
from api.metrics import Metrics
from api.settings import Settings, SettingsError
from api.standing import Standing
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.contact import Contact
from api.stripe.gateway import Delivered
from api.submitting import Submitter
from ledger import catalogue
from ledger.catalogue import DEFAULT_CATALOGUE, Catalogue, InvalidCatalogue
from ledger.effects import Effect
from ledger.errors import StoreUnavailable
from ledger.ids import derived_id
from ledger.message import Origin, Recorded
from ledger.store import Store, conninfo
from ledger.store.lane import Connection, Lane
from projections.engine.runner import BatchRunner

log = structlog.get_logger()


class Gateway(Protocol):
    """What the API needs of `StripeGateway`: deliver an effect while the request waits."""

    async def deliver_now(self, effect: Effect, origin: Origin, cause: Recorded) -> Delivered:
        """Nothing when it must be tried again later, which the worker does."""
        ...

    async def action_of(self, payment_id: str) -> Delivered:
        """The cardholder's secrets, fetched anew. Raises `Postponed` when Stripe does not answer."""
        ...

    async def invoice_action_of(self, stripe_invoice_id: str) -> Delivered:
        """The same for the open invoice of a subscription."""
        ...

    async def preview_change(
        self, user_id: str, subscription_id: str, plan: Plan, at: datetime
    ) -> ChangePreview:
        """What an upgrade would charge, by Stripe and us. Raises `Postponed` when Stripe does not answer, and
        refusals.
        """
        ...


class Outside(Protocol):
    """Stripe as the application reaches it."""

    gateway: Gateway
    client: stripe.StripeClient


OpenOutside = Callable[["Services"], AbstractAsyncContextManager[Outside]]
Background = Callable[["Services"], AbstractAsyncContextManager[Any]]


class Context:
    """What an application is made of. `background` runs as long as it does: projections and the worker.

    A test, or a process that serves alone, leaves parts out or puts others in.
    """

    def __init__(
        self,
        settings: Settings,
        database_url: str,
        *,
        open_stripe: OpenOutside,
        background: tuple[Background, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.database_url = database_url
        self.open_stripe = open_stripe
        self.background = background
        self.clock = clock or SystemClock()


_POSITION = """
    SELECT COALESCE(min(notification_id), 0), (SELECT position FROM head)
    FROM positions
"""
READ_TIMEOUT_S = 5
"""A list that takes longer would hold one of few connections: it is ended, and its caller told why."""
POOL_OPTIONS = f"-c statement_timeout={READ_TIMEOUT_S}s -c plan_cache_mode=force_custom_plan"
"""A list's filters are optional, so that one plan for all of them would use no index."""


class Services:
    """Made before the event loop runs. `store`, `gateway` and `stripe` exist once it is open."""

    store: Store
    gateway: Gateway
    stripe: stripe.StripeClient
    submitter: Submitter
    document: dict[str, Any]
    reference: str

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.context = context
        self.settings = settings
        self.clock = context.clock
        self.metrics = Metrics()
        self.keys = open_keys(settings)
        self.catalogue = _catalogue(settings)
        self.contact = Contact()
        self.standing = Standing(settings, self.contact)
        self.limit = RateLimit(settings.rate_limit_per_minute, settings.rate_limit_burst)
        self.positions = Positions(self._position, settings.read_your_writes_timeout_s)
        self.client_addresses = ClientAddresses(settings.trusted_proxies)
        self.authenticator = Authenticator(settings, self.keys, self._api_key)
        self._dsn = conninfo(context.database_url, schema=settings.schema, name="api")
        self.runner: BatchRunner | None = None
        """Where projections run in this process."""
        self.point_reads = Lane(self._dsn)
        # without waiting for the disk: see `idempotency.py` for why that is safe
        self.asynchronous = Lane(with_options(self._dsn, LANE_OPTIONS))
        self.idempotency = Idempotency(self.asynchronous, settings.idempotency_wait_s)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        context = self.context
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            self.pool = await enter(self._pool())
            await enter(self.point_reads)
            await enter(self.asynchronous)
            self.store = await enter(Store.open(context.database_url, schema=self.settings.schema))
            self.store.subscribe(self._appended)
            outside = await enter(context.open_stripe(self))
            self.gateway, self.stripe = outside.gateway, outside.client
            for background in context.background:
                await enter(background(self))
            await self.positions.refresh()
            if self.runner is None:
                await enter(self.positions.following())
            patience_s = self.settings.deliver_inline_timeout_s
            submitter = Submitter(self.store, self.gateway, self.asynchronous, patience_s)
            self.submitter = await enter(submitter)
            yield

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection for one list. `StoreUnavailable` when the database cannot be reached."""
        try:
            async with self.pool.connection() as connection:
                yield connection
        except psycopg.errors.QueryCanceled as error:
            log.warning("read_too_slow")
            raise TooSlow(
                f"This took longer than {READ_TIMEOUT_S} s and was ended. Narrow it: a shorter time range, "
                "or a filter that fits fewer."
            ) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            log.warning("read_failed", error=type(error).__name__)
            raise StoreUnavailable("The database cannot be reached. Try again in a second.") from error

    def now(self) -> datetime:
        return self.clock.now()

    def id_of(self, prefix: str, command_id: str) -> str:
        """For what a request asks of Stripe. `command_id` stands for its caller, operation and
        Idempotency-Key, so that its repeat means the same thing there, also after a restore.
        """
        return derived_id(prefix, self.store.ledger_id, command_id)

    def stopped(self) -> Mapping[str, str]:
        """Projections of this process that met a fact they cannot take, and why."""
        return self.runner.errors if self.runner else {}

    def _pool(self) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            with_options(self._dsn, POOL_OPTIONS),
            connection_class=AsyncConnection,
            min_size=1,
            max_size=self.settings.read_connections,
            timeout=2.0,
            reconnect_timeout=1.0,
            open=False,
            kwargs={"autocommit": True},
            check=AsyncConnectionPool.check_connection,
        )

    async def _position(self) -> tuple[int, int]:
        """Of the projection that is furthest behind, and of the ledger's head."""
        async with self.reading() as connection:
            row = await (await connection.execute(_POSITION)).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    async def _api_key(self, digest: bytes) -> ApiKey | None:
        return await self.point_reads.ask(FIND_API_KEY, digest)

    def _appended(self, position: int) -> None:
        self.metrics.observe_append(self.store.appended)
        self.metrics.head.set(position)
        self.positions.appended(position)


def _catalogue(settings: Settings) -> Catalogue:
    if not settings.catalogue:
        return DEFAULT_CATALOGUE
    try:
        return catalogue.load(Path(settings.catalogue))
    except InvalidCatalogue as error:
        raise SettingsError(f"LIBERATION_CATALOGUE cannot be used. {error.detail}") from None


def with_options(dsn: str, options: str) -> str:
    """The same connection with more of libpq's `options`."""
    return psycopg.conninfo.make_conninfo(
        dsn, options=f"{psycopg.conninfo.conninfo_to_dict(dsn).get('options', '')} {options}"
    )


def origin_of(request: Request[Principal, Any, Any]) -> Origin:
    """Who sends the command, on the occasion of this request."""
    state = request.scope["liberation"]  # type: ignore[typeddict-item]  # our own key in the scope
    return Origin(actor=request.user.id, roles=request.user.roles, correlation_id=state.request_id)
