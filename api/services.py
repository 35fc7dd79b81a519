"""What the handlers work with: opened as the application starts, complete when it is made, and closed in
reverse when it stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import stripe
from litestar import Request

from api.clock import Clock, SystemClock
from api.endpoint_secrets import EndpointSecrets
from api.http.api_keys import FIND_API_KEY
from api.http.auth import Authenticator, Principal
from api.http.client_address import ClientAddresses
from api.http.idempotency import ASYNCHRONOUS_OPTIONS, Idempotency
from api.http.positions import Positions
from api.http.ratelimit import RateLimit
from api.http.signing_keys import SigningKeys, open_keys
from api.lettering import fonts_in
from api.licence_keyring import LicenceKeyring
from api.metering import ApiCalls
from api.metrics import Metrics
from api.reads import PLANNED_ONCE, ReadPool, with_options
from api.settings import Settings, SettingsError
from api.standing import Standing
from api.stripe.accounts.objects import AccountLink
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.contact import Contact as StripeContact
from api.stripe.gateway import Delivered
from api.submitting import Submitter
from api.tickets import Tickets
from ledger import catalogue
from ledger.catalogue import DEFAULT_CATALOGUE, Catalogue, InvalidCatalogue
from ledger.effects import Effect
from ledger.ids import derived_id
from ledger.message import Origin, Recorded
from ledger.store import Store, conninfo
from ledger.store.batched_queries import Connection, QueryBatcher
from ledger.subscriptions.promotions import Promotion
from ledger.subscriptions.worth import PaidTime
from projections.engine.runner import BatchRunner


class Gateway(Protocol):
    """What the API needs of `StripeGateway`: deliver an effect while the request waits."""

    async def deliver_now(self, effect: Effect, origin: Origin, cause: Recorded) -> Delivered:
        """Nothing when it must be tried again later, which the worker does."""
        ...

    async def next_action(self, payment_id: str) -> Delivered:
        """The cardholder's secrets, fetched anew. Raises `Postponed` when Stripe does not answer."""
        ...

    async def page_url(self, session_id: str) -> str:
        """See `StripeGateway.page_url`."""
        ...

    async def portal_url(self, customer_id: str, return_url: str) -> str:
        """See `StripeGateway.portal_url`."""
        ...

    async def next_invoice_action(self, stripe_invoice_id: str) -> Delivered:
        """As `next_action`, for the open invoice of a subscription."""
        ...

    async def can_be_canceled(self, payment_id: str) -> bool:
        """Of a payment that is under way. Raises `Postponed` when Stripe does not answer."""
        ...

    async def next_setup_action(self, setup_intent_id: str) -> Delivered:
        """As `next_action`, for a card that a subscription is to charge later."""
        ...

    async def preview_change(
        self, user_id: str, subscription_id: str, plan: Plan, at: datetime, paid: PaidTime | None = None
    ) -> ChangePreview:
        """What an upgrade would charge, by Stripe and us. Raises `Postponed` when Stripe does not answer, as
        `RefusedByStripe` when it refuses, and refusals.
        """
        ...

    async def promotion(self, code: str) -> Promotion | None:
        """See `StripeGateway.promotion`."""
        ...

    async def waiting_time_minor(self, stripe_subscription_id: str, at: datetime) -> int:
        """See `StripeGateway.waiting_time_minor`."""
        ...

    async def look_at_subscription(self, stripe_subscription_id: str, origin: Origin) -> None:
        """See `StripeGateway.look_at_subscription`. Raises `Postponed` when Stripe does not answer."""
        ...

    async def onboarding_link(
        self, user_id: str, return_url: str, refresh_url: str, origin: Origin
    ) -> AccountLink:
        """A credential. Raises `Postponed` when Stripe does not answer, and refusals."""
        ...

    async def refresh_account(self, user_id: str, origin: Origin) -> None:
        """Records what Stripe says of a connected account now. Raises `Postponed` when it does not answer."""
        ...

    async def account_to_pay(self, user_id: str, currency: str, origin: Origin) -> str:
        """Its id at Stripe. Raises `Postponed` when Stripe does not answer, and refusals."""
        ...

    async def platform_available(self) -> Mapping[str, int]:
        """What the platform can transfer now, by currency. Raises `Postponed` when Stripe does not answer."""
        ...


class Outside(Protocol):
    """Stripe as the application reaches it."""

    gateway: Gateway
    client: stripe.StripeClient


OpenOutside = Callable[[Store, StripeContact], AbstractAsyncContextManager[Outside]]
OpenRunner = Callable[[str, str, Store, Positions], AbstractAsyncContextManager[BatchRunner]]
"""By the database's URL and the schema."""
Background = Callable[["Services"], AbstractAsyncContextManager[Any]]


GUESSES_PER_MINUTE, GUESSES_AT_ONCE = 6, 12
"""Of codes of coupons by one user: a code is worth money to whoever finds it."""


EXPORTS_PER_MINUTE, EXPORTS_AT_ONCE = 1, 5
"""Of one user: each asks every table."""


class Composition:
    """What an application is made of, before anything is opened. `open_runner` has projections run in this
    process, and `background` what else runs as long as it does, such as the worker.

    A test, or a process that serves alone, leaves parts out or puts others in.
    """

    def __init__(
        self,
        settings: Settings,
        database_url: str,
        *,
        open_stripe: OpenOutside,
        open_runner: OpenRunner | None = None,
        background: tuple[Background, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        """Raises `SettingsError` for keys or a catalogue that cannot be used."""
        self.settings = settings
        self.database_url = database_url
        self.open_stripe = open_stripe
        self.open_runner = open_runner
        self.background = background
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        """Set as the server stops: what is answered for as long as it runs ends by it."""
        self.signing_keys = open_keys(settings)
        self.licence_keyring = LicenceKeyring(settings, self.clock)
        self.catalogue = catalogue_of(settings)


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Made by `open_services`. A helper takes what it uses of it; a handler may take all."""

    settings: Settings
    database_url: str
    clock: Clock
    metrics: Metrics
    signing_keys: SigningKeys
    licence_keyring: LicenceKeyring
    endpoint_secrets: EndpointSecrets
    tickets: Tickets
    catalogue: Catalogue
    contact: StripeContact
    standing: Standing
    limit: RateLimit
    coupon_guesses: RateLimit
    exports: RateLimit
    validations: RateLimit
    """By address."""
    licence_validations: RateLimit
    """By licence, and by address where a key is of none."""
    client_addresses: ClientAddresses
    authenticator: Authenticator
    positions: Positions
    point_reads: QueryBatcher
    reads: ReadPool
    planned_reads: ReadPool
    idempotency: Idempotency
    store: Store
    gateway: Gateway
    stripe: stripe.StripeClient
    submitter: Submitter
    api_calls: ApiCalls
    runner: BatchRunner | None
    """Where projections run in this process."""
    stopping: asyncio.Event
    """Set when no more requests are taken."""

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for one list: see `ReadPool`."""
        return self.reads.connection()

    def reading_planned(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for a statement that is planned once: none with filters that may be left out."""
        return self.planned_reads.connection()

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


@asynccontextmanager
async def open_services(composition: Composition) -> AsyncIterator[Services]:
    """With what runs in the background. Raises what opening the store does."""
    settings, contact = composition.settings, StripeContact()
    dsn = conninfo(composition.database_url, schema=settings.schema, name="api")
    fonts_in(settings.fonts_dir)  # refused, if it must be, at the start
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        reads = await enter(ReadPool(dsn, settings.read_connections))
        planned_reads = await enter(ReadPool(dsn, settings.read_connections, PLANNED_ONCE, at_least=0))
        point_reads = await enter(QueryBatcher(dsn))
        # without waiting for the disk: see `idempotency.py` for why that is safe
        asynchronous = await enter(QueryBatcher(with_options(dsn, ASYNCHRONOUS_OPTIONS)))
        store = await enter(Store.open(composition.database_url, schema=settings.schema))
        positions = Positions(lambda: projected_and_head(reads), settings.read_your_writes_timeout_s)
        store.subscribe(lambda position: _appended(position, store, composition.metrics, positions))
        outside = await enter(composition.open_stripe(store, contact))
        runner = await enter(_projections(composition, store, positions))
        patience_s = settings.deliver_inline_timeout_s
        services = Services(
            settings=settings,
            database_url=composition.database_url,
            clock=composition.clock,
            metrics=composition.metrics,
            signing_keys=composition.signing_keys,
            licence_keyring=composition.licence_keyring,
            endpoint_secrets=EndpointSecrets(settings),
            tickets=Tickets(settings.data_dir, settings.jwt_issuer),
            catalogue=composition.catalogue,
            contact=contact,
            standing=Standing(settings, contact),
            limit=RateLimit(settings.rate_limit_per_minute, settings.rate_limit_burst),
            coupon_guesses=RateLimit(GUESSES_PER_MINUTE, GUESSES_AT_ONCE),
            exports=RateLimit(EXPORTS_PER_MINUTE, EXPORTS_AT_ONCE, name="exports"),
            validations=RateLimit(settings.validate_per_minute, settings.validate_burst, name="validate"),
            licence_validations=RateLimit(
                settings.validate_licence_per_minute, settings.validate_licence_burst, name="licence"
            ),
            client_addresses=ClientAddresses(settings.trusted_proxies),
            authenticator=Authenticator(
                settings, composition.signing_keys, lambda digest: point_reads.ask(FIND_API_KEY, digest)
            ),
            positions=positions,
            point_reads=point_reads,
            reads=reads,
            planned_reads=planned_reads,
            idempotency=Idempotency(asynchronous, settings.idempotency_wait_s),
            store=store,
            gateway=outside.gateway,
            stripe=outside.client,
            submitter=Submitter(store, outside.gateway, asynchronous, patience_s),
            api_calls=await enter(ApiCalls(store, composition.clock)),
            runner=runner,
            stopping=composition.stopping,
        )
        for background in composition.background:
            await enter(background(services))
        await positions.refresh()
        if runner is None:
            await enter(positions.following())
        await enter(services.submitter)
        yield services


def _projections(
    composition: Composition, store: Store, positions: Positions
) -> AbstractAsyncContextManager[BatchRunner | None]:
    if composition.open_runner is None:
        return nullcontext()
    return composition.open_runner(composition.database_url, composition.settings.schema, store, positions)


_POSITION = """
    SELECT COALESCE(min(notification_id), 0), (SELECT position FROM head)
    FROM positions
"""


async def projected_and_head(reads: ReadPool) -> tuple[int, int]:
    """The position of the projection that is furthest behind, and the ledger's."""
    async with reads.connection() as connection:
        row = await (await connection.execute(_POSITION)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _appended(position: int, store: Store, metrics: Metrics, positions: Positions) -> None:
    metrics.observe_append(store.appended)
    metrics.head.set(position)
    positions.appended(position)


def catalogue_of(settings: Settings) -> Catalogue:
    """An operator's, or the default. Raises `SettingsError`."""
    if not settings.catalogue:
        return DEFAULT_CATALOGUE
    try:
        return catalogue.load(Path(settings.catalogue))
    except InvalidCatalogue as error:
        raise SettingsError(f"LIBERATION_CATALOGUE cannot be used. {error.detail}") from None


def origin_of(request: Request[Principal, Any, Any]) -> Origin:
    """Who sends the command, on the occasion of this request."""
    state = request.scope["liberation"]  # type: ignore[typeddict-item]  # our own key in the scope
    user = request.user
    return Origin(
        actor=user.actor or user.id,
        on_behalf_of=user.id if user.actor else "",
        roles=user.roles,
        correlation_id=state.request_id,
    )
