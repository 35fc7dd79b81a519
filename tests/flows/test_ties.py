"""Users, organisations, instructors, other systems, the dashboard and banks do whatever can be done, and
webhooks are lost, doubled and shuffled: at rest the books say of everybody what Stripe says, and cash is its.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.sandbox.server import Sandbox, running_sandbox
from api.stripe.client import open_stripe
from tests.api.stripe.paces import AT_ONCE, LATE
from tests.api.stripe.world import Bench, fresh_database, open_world
from tests.flows.town.town import Town, check_tables, program


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        yield sandbox


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # what a failing run does is read best as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
async def test_the_books_say_of_everybody_what_stripe_says(
    running: Sandbox, server: str, template: str, seed: int
) -> None:
    lot = random.Random(seed)  # noqa: S311  no secret: a repeatable lot
    running.state.settings = lot.choice([AT_ONCE, LATE])
    running.call(running.state.reset)
    with fresh_database(server, template) as url:
        async with (
            open_stripe(running.api_key, api_base=running.url) as client,
            open_world(url, client) as world,
        ):
            town = Town(Bench(running), world, lot)
            for step in program(lot):
                await town.do(step)
                if lot.random() < 0.1:
                    await town.rests()
            await town.rests()
            await asyncio.to_thread(check_tables, url)
