"""The real SDK against the sandbox over HTTP, and a ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from stripe import StripeClient

from api.sandbox.server import Sandbox, running_sandbox
from api.stripe.client import open_stripe
from tests.api.stripe.world import Bench, World, open_world


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as running:
        yield running


@pytest.fixture
def bench(sandbox: Sandbox) -> Bench:
    return Bench(sandbox)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[StripeClient]:
    async with open_stripe(
        sandbox.api_key, api_base=sandbox.url, timeout_s=5.0, max_network_retries=0
    ) as opened:
        yield opened


@pytest.fixture
async def world(database_url: str, client: StripeClient) -> AsyncIterator[World]:
    async with open_world(database_url, client) as opened:
        yield opened
