"""Whatever is sent, the answer is one that the OpenAPI document promises, and never a server error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import create_app
from api.background.projecting import projecting
from api.http.access import TABLE
from api.http.auth import ROLES, mint
from api.serve.node import Server
from api.serve.protocol import Protocol
from api.services import Composition
from api.settings import Settings
from tests.api.support import FakeStripe


@pytest.fixture
def served(database_url: str, settings: Settings, stripe: FakeStripe) -> Iterator[str]:
    """The address of a real server, as `liberation serve` runs it."""
    generous = msgspec.structs.replace(
        settings, rate_limit_per_minute=10**6, rate_limit_burst=10**6, read_your_writes_timeout_s=0.05
    )
    composition = Composition(
        generous, database_url, open_stripe=stripe.open, open_runner=projecting, clock=stripe
    )
    composition.stopping.set()  # so that a stream ends when it has told what there is
    app = create_app(composition)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, loop="asyncio", http=Protocol, log_config=None, lifespan="on"
    )
    server = Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def credential(settings: Settings) -> str:
    return mint(settings, "usr_everything", ROLES)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_promised(served: str, credential: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{served}/schema/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]  # an error fails the test
    tried = {operation.definition.raw["operationId"] for operation in operations}
    assert {row.operation for row in TABLE} - tried == {"getOpenapi"}, "it does not try what it reads"
    for operation in operations:
        _try(operation, mode, {"Authorization": f"Bearer {credential}"})


# A body can be right by the schema and still be refused: a currency that does not exist, an amount that
# Stripe does not take. So `positive_data_acceptance` is left out.
def _try(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    @settings_of_hypothesis(
        max_examples=7,
        deadline=None,
        database=None,
        derandomize=True,  # the same requests each time: what it finds is found before the commit
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def promised(case: Any) -> None:
        case.headers.pop("Ledger-Position", None)  # one that nobody has reached is 503, rightly
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    with suppress(Unsatisfiable):  # nothing of it can be wrong, as it takes nothing
        promised()
