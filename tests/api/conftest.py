"""The application on a real database, called through ASGI; Stripe is played where it is not the subject."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from api.sandbox.server import Sandbox, running_sandbox
from api.settings import Settings
from tests.api.at_stripe import AtStripe
from tests.api.support import Caller, FakeStripe, Running, running
from tests.databases import clone, drop

OpenApp = Callable[..., Awaitable[Running]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        stripe_webhook_secret=("whsec_test",),
        webhook_loopback=True,
        deliver_inline_timeout_s=5.0,
        idempotency_wait_s=5.0,
    )


@pytest.fixture
def stripe() -> FakeStripe:
    return FakeStripe()


@pytest.fixture
async def open_app(database_url: str, settings: Settings, stripe: FakeStripe) -> AsyncIterator[OpenApp]:
    """Opens an application with other settings, or a second one on the same database."""
    async with AsyncExitStack() as stack:

        async def open_(**changes: object) -> Running:
            changed = msgspec.structs.replace(settings, **changes)
            return await stack.enter_async_context(running(changed, database_url, stripe))

        yield open_


@pytest.fixture
async def app(open_app: OpenApp) -> Running:
    return await open_app()


@pytest.fixture(scope="session")
async def refusing(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """One for all that only look, or are refused: they leave nothing behind."""
    folder = tmp_path_factory.mktemp("refusing")
    settings = Settings(data_dir=folder, rate_limit_per_minute=1_000_000, rate_limit_burst=100_000)
    url = clone(server, template)
    async with running(settings, url, FakeStripe()) as opened:
        yield opened
    drop(server, url)


@pytest.fixture
def refused(refusing: Running) -> Caller:
    """A student who gets nothing done."""
    return refusing.caller("usr_refused", "student")


@pytest.fixture(scope="session")
def played_stripe() -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as opened:
        yield opened


@pytest.fixture
def at_stripe(played_stripe: Sandbox) -> AtStripe:
    """Where Stripe is the subject: empty at the start of each test. `open_at_stripe` opens on it."""
    played_stripe.call(played_stripe.state.reset)
    return AtStripe(played_stripe)


@pytest.fixture
async def open_at_stripe(
    at_stripe: AtStripe, settings: Settings, database_url: str
) -> AsyncIterator[OpenApp]:
    async with AsyncExitStack() as stack:

        async def open_(**changes: object) -> Running:
            changed = msgspec.structs.replace(settings, **changes)
            at_stripe.app = await stack.enter_async_context(running(changed, database_url, at_stripe))
            return at_stripe.app

        yield open_


@pytest.fixture
def student(app: Running) -> Caller:
    return app.caller("usr_student", "student")


@pytest.fixture
def other(app: Running) -> Caller:
    return app.caller("usr_other", "student")


@pytest.fixture
def admin(app: Running) -> Caller:
    return app.caller("usr_admin", "admin")


@pytest.fixture
def service(app: Running) -> Caller:
    return app.caller("svc_books", "service")
