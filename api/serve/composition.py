"""The composition of an application: Stripe, projections and the worker, each open as long as it runs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import stripe

from api.accounts.owners import TableOwners
from api.background.deliveries import Job, Worker
from api.background.jobs import jobs_of
from api.background.outside import Outside
from api.background.projecting import projecting
from api.clock import Clock, SystemClock
from api.email.mailer import Mailer
from api.endpoints.sender import WebhookSender
from api.endpoints.transport import Transport
from api.enrolments.certifying import Certifying
from api.seats.of_organisations import TableLicences
from api.services import Background, Composition, Gateway, Services
from api.settings import Settings
from api.streaks.zones import ContactZones
from api.stripe.client import open_stripe
from api.stripe.contact import Contact
from api.stripe.gateway import StripeGateway
from ledger.store import Store, conninfo


class Stripe(msgspec.Struct):
    gateway: Gateway
    client: stripe.StripeClient


def composition_of(
    settings: Settings, database_url: str, *, background: tuple[Background, ...], clock: Clock | None = None
) -> Composition:
    """`background` is `ALL_HERE` where the worker runs in this process, and projections with it; empty where
    another process runs both.
    """
    clock = clock or SystemClock()

    def open_outside(store: Store, contact: Contact) -> AbstractAsyncContextManager[Stripe]:
        return stripe_of(composition, store, contact)

    composition = Composition(
        settings,
        database_url,
        open_stripe=open_outside,
        open_runner=projecting if background else None,
        background=background,
        clock=clock,
    )
    return composition


@asynccontextmanager
async def stripe_of(composition: Composition, store: Store, contact: Contact) -> AsyncIterator[Stripe]:
    settings, clock, catalogue = composition.settings, composition.clock, composition.catalogue
    dsn = conninfo(composition.database_url, schema=settings.schema, name="deliveries")
    logging.getLogger("stripe").setLevel(logging.WARNING)  # else each call and its address
    async with (
        open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base, contact=contact) as client,
        ContactZones.open(dsn) as zones,
    ):
        gateway = StripeGateway(
            store,
            client,
            clock,
            return_url=settings.stripe_return_url,
            certifier=Certifying(store, clock, catalogue, dsn),
            owners=TableOwners(dsn),
            recovery=settings.recovery,
            zones=zones,
            catalogue=catalogue,
            licences=TableLicences(dsn),
        )
        yield Stripe(gateway, client)


@asynccontextmanager
async def working(services: Services) -> AsyncIterator[Worker]:
    """Woken by the projections of this process."""
    async with _working(services, _jobs(services)) as worker:
        yield worker


@asynccontextmanager
async def hurrying(services: Services) -> AsyncIterator[Worker]:
    """`working` while the clock is moved on by days: what falls due is looked for all the time."""
    due = [job for job in _jobs(services) if job.name in HURRIED]
    async with _working(services, [msgspec.structs.replace(job, every_s=HURRY_S) for job in due]) as worker:
        yield worker


@asynccontextmanager
async def sending(services: Services) -> AsyncIterator[WebhookSender]:
    """Webhooks to others. Woken as the worker is."""
    settings = services.settings
    sender = WebhookSender(
        services.database_url,
        services.store,
        services.endpoint_secrets,
        Transport(loopback=settings.webhook_loopback),
        services.clock,
        schema=settings.schema,
    )
    async with sender:
        if services.runner is not None:
            services.runner.on_advance(sender.wake)
        sender.start()
        yield sender


ALL_HERE: tuple[Background, ...] = (working, sending)
HURRIED = frozenset(
    {
        "funds_available",
        "dunning",
        "reservations_expired",
        "days_closed",
        "tokens_settled",
        "licences_advanced",
        "movements_claimed",
        "movement_funds_available",
        "overage_invoiced",
    }
)
HURRY_S = 0.5
MAILS_AT_ONCE = 4


@asynccontextmanager
async def _working(services: Services, jobs: Sequence[Job]) -> AsyncIterator[Worker]:
    """What a server for mail holds up is mail alone."""
    url, schema = services.database_url, services.settings.schema
    assert isinstance(services.gateway, StripeGateway), "the worker delivers what `stripe_of` opened"
    async with Mailer.open(services) as mailer:
        outside = Outside(services.gateway, mailer)
        async with (
            Worker(url, outside, schema=schema, jobs=jobs, at_leisure=False) as worker,
            Worker(url, outside, schema=schema, at_leisure=True, concurrency=MAILS_AT_ONCE) as mailing,
        ):
            if services.runner is not None:
                services.runner.on_advance(worker.wake)
                services.runner.on_advance(mailing.wake)
            yield worker


def _jobs(services: Services) -> Sequence[Job]:
    gateway = services.gateway
    assert isinstance(gateway, StripeGateway), "the worker delivers what `stripe_of` opened"
    return jobs_of(services.store, services.stripe, gateway, services.clock, services.settings)
