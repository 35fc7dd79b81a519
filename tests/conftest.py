"""One PostgreSQL server for each test process, one database for each test, cloned from a template."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import settings

from ledger.store import Store
from tests import databases
from tests.order import dealt

TESTS = Path(__file__).parent


SLOW = (
    # processes of their own, or an install
    *("flows/", "install/", "docs/", "api/embedded/", "api/cli/"),
    # the sandbox and its process
    *(
        "api/stripe/",
        "api/accounts/test_at_stripe",
        "api/accounts/test_bank_payouts",
        "api/payouts/test_at_stripe",
    ),
    *("api/enrolments/test_purchase", "api/enrolments/test_coupons", "api/enrolments/test_returns"),
    *("api/enrolments/test_unseen", "api/sandbox/test_state", "api/payouts/test_run"),
    *("api/checkout/", "api/disputes/test_answering", "api/payments/test_cards_at_stripe"),
    *("api/subscriptions/test_authentication", "api/subscriptions/test_trial_cards"),
    *("api/sandbox/test_official_cli", "projections/test_unclaimed"),
    # long histories, folded twice
    *(
        "projections/test_rebuild",
        "projections/test_runner",
        "projections/test_buffers",
        "projections/test_export",
    ),
    *(
        "projections/test_subscription_tables",
        "projections/test_instructor_payouts",
        "projections/test_earnings",
    ),
    *(
        "projections/test_courses",
        "projections/test_tokens",
        "projections/test_breakage",
        "projections/test_reviews",
    ),
    *("projections/test_coupons", "projections/test_leaderboards", "projections/test_friendships"),
    *("projections/test_organisations", "projections/test_seats_and_usage", "projections/test_velocity"),
    *("projections/test_redemptions", "api/earnings/test_tie", "api/orders/test_cut_off"),
    *(
        "api/licences/test_licences",
        "api/email/test_stories",
        "api/enrolments/test_redeemed",
        "ledger/test_state_forms",
    ),
    # the store and its schema
    *("ledger/store/test_snapshots", "ledger/store/test_chain", "ledger/store/test_migrations"),
    *("ledger/store/test_handle", "ledger/store/test_library_seams", "api/doctor/test_database"),
    # whole lists and all sources
    *("api/operations/test_health", "api/http/test_schemathesis", "api/courses/test_listing"),
    *("contracts/test_imports", "contracts/test_tidy"),
)
"""What starts processes or takes long for what it is. `make quick` leaves it out, and `make test` begins with
it.
"""


QUICK = "not slow"
"""The choice of `make quick`. It does not even load what is slow, and tries fewer examples of a rule."""
settings.register_profile(QUICK, max_examples=20)


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == QUICK:
        settings.load_profile(QUICK)


def pytest_collection() -> None:
    """What is imported and collected stays to the end: nothing of it is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From now on only what tests make is looked through."""
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """None leaves it to others to say."""
    return True if config.option.markexpr == QUICK and _is_slow(collection_path) else None


def _is_slow(path: Path) -> bool:
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).as_posix().startswith(SLOW)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)
    yield  # now `-m` and `-k` take their choice
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        items[:] = _dealt(items, processes)


def _dealt(items: list[pytest.Item], processes: int) -> Iterator[pytest.Item]:
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    files = [list(tests) for _, tests in groupby(slow, key=lambda item: item.path)]
    return dealt(files, quick, processes)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A connection string of an administrator. `LIBERATION_TEST_SERVER` names another server to use."""
    given = os.environ.get("LIBERATION_TEST_SERVER")
    if given:
        yield given
        return
    from api.embedded import EmbeddedPostgres

    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as postgres:
        yield postgres.url()


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a migrated database to clone."""
    return databases.make_template(server)


@pytest.fixture
def database_url(server: str, template: str) -> Iterator[str]:
    """The owner's connection string of a fresh, migrated database."""
    url = databases.clone(server, template)
    yield url
    databases.drop(server, url)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store.open(database_url) as opened:
        yield opened
