"""The composition of an application: Stripe, projections and the worker, each open as long as it runs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import stripe

from api.background.deliveries import Job, Worker
from api.background.jobs import jobs_of
from api.background.projecting import projecting
from api.clock import Clock
from api.services import Background, Composition, Gateway, Services
from api.settings import Settings
from api.stripe.client import open_stripe
from api.stripe.gateway import StripeGateway


class Stripe(msgspec.Struct):
    gateway: Gateway
    client: stripe.StripeClient


def composition_of(
    settings: Settings, database_url: str, *, background: tuple[Background, ...], clock: Clock | None = None
) -> Composition:
    """`background` is `ALL_HERE` where projections and worker run in this process."""
    return Composition(settings, database_url, open_stripe=stripe_of, background=background, clock=clock)


@asynccontextmanager
async def stripe_of(services: Services) -> AsyncIterator[Stripe]:
    settings = services.settings
    logging.getLogger("stripe").setLevel(logging.WARNING)  # else each call and its address
    async with open_stripe(
        settings.stripe_api_key, api_base=settings.stripe_api_base, contact=services.contact
    ) as client:
        gateway = StripeGateway(services.store, client, services.clock, return_url=settings.stripe_return_url)
        yield Stripe(gateway, client)


@asynccontextmanager
async def working(services: Services) -> AsyncIterator[Worker]:
    """After `projecting`, which wakes it."""
    async with _working(services, _jobs(services)) as worker:
        yield worker


@asynccontextmanager
async def hurrying(services: Services) -> AsyncIterator[Worker]:
    """`working` while the clock is moved on by days: what falls due is looked for all the time."""
    due = [job for job in _jobs(services) if job.name in HURRIED]
    async with _working(services, [msgspec.structs.replace(job, every_s=HURRY_S) for job in due]) as worker:
        yield worker


ALL_HERE: tuple[Background, ...] = (projecting, working)
HURRIED = frozenset({"funds_available", "dunning", "days_closed"})
HURRY_S = 0.5


@asynccontextmanager
async def _working(services: Services, jobs: Sequence[Job]) -> AsyncIterator[Worker]:
    settings = services.settings
    assert isinstance(services.gateway, StripeGateway), "the worker delivers what `stripe_of` opened"
    worker = Worker(services.composition.database_url, services.gateway, schema=settings.schema, jobs=jobs)
    async with worker:
        if services.runner is not None:
            services.runner.on_advance(worker.wake)
        yield worker


def _jobs(services: Services) -> Sequence[Job]:
    days = services.settings.idempotency_days
    return jobs_of(services.store, services.stripe, services.clock, idempotency_days=days)
