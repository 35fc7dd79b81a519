"""Whether Stripe tells us: the endpoint, its secret, and what came of late."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
import pytest
from stripe import StripeClient

from api.doctor import webhooks
from api.sandbox import Sandbox
from api.sandbox.faults import Fault, FaultKind
from api.settings import Settings
from api.stripe.client import STRIPE_VERSION
from api.webhooks.endpoint import Endpoint
from ledger.store import conninfo
from ledger.webhooks.decider import SUBSCRIBED
from tests.api.doctor.conftest import Told

URL = "https://pay.example/api/webhooks/stripe"
WELL = Endpoint(
    id="we_1", url=URL, status="enabled", enabled_events=list(SUBSCRIBED), api_version=STRIPE_VERSION
)


def changed(**changes: Any) -> list[Endpoint]:
    return [msgspec.structs.replace(WELL, **changes)]


async def test_an_endpoint_is_found_by_its_address_or_its_path(client: StripeClient) -> None:
    params: Any = {"url": URL, "enabled_events": list(SUBSCRIBED), "api_version": STRIPE_VERSION}
    await client.v1.webhook_endpoints.create_async(params)
    for public_url in ("", "https://pay.example", "https://PAY.example:443/"):
        found = await webhooks.endpoints(client, Settings(public_url=public_url))
        assert {finding.level for finding in found} == {"ok"}, public_url
    found_none, _ = await webhooks.endpoints(client, Settings(public_url="https://other.example"))
    assert (found_none.level, "other.example" in found_none.said) == ("worrying", True)


async def test_the_endpoint_for_connected_accounts_stands_beside_the_other(client: StripeClient) -> None:
    params: Any = {"url": URL, "enabled_events": list(SUBSCRIBED), "api_version": STRIPE_VERSION}
    await client.v1.webhook_endpoints.create_async(params)
    alone = await webhooks.endpoints(client, Settings())
    assert [finding.level for finding in alone if "--connect" in finding.said] == ["ok"]
    of_accounts: Any = {**params, "enabled_events": ["account.updated"], "connect": True}
    await client.v1.webhook_endpoints.create_async(of_accounts)
    found = await webhooks.endpoints(client, Settings())
    [lacking] = [finding for finding in found if finding.level != "ok"]
    assert "capability.updated" in lacking.said
    assert "--connect" in lacking.todo


async def test_an_address_that_stripe_could_not_call_is_wrong(client: StripeClient) -> None:
    live = Settings(public_url="http://pay.example", stripe_api_key="rk_live_1")
    found = webhooks.reached_at(live)
    assert (found.level, "https" in found.said) == ("wrong", True)
    assert await webhooks.endpoints(client, live) == [], "it is said once"
    assert (
        webhooks.reached_at(Settings(public_url="https://pay.example", stripe_api_key="rk_live_1")).level
        == "ok"
    )
    assert webhooks.reached_at(Settings(public_url="http://localhost:8000")).level == "ok"
    assert webhooks.reached_at(Settings(public_url="http://pay.example?a=1")).level == "wrong"


@pytest.mark.parametrize(("kind", "levels"), [("forbidden", []), ("error_before", ["worrying"])])
async def test_endpoints_that_cannot_be_looked_at_end_nothing_else(
    sandbox: Sandbox, client: StripeClient, kind: FaultKind, levels: list[str]
) -> None:
    sandbox.call(lambda: sandbox.state.faults.ask(Fault(kind=kind, times=None)))
    assert [found.level for found in await webhooks.endpoints(client, Settings())] == levels


def test_none_is_wrong_where_real_money_moves(of: Told) -> None:
    found = of(webhooks.compare([], URL, live=True), "webhooks.endpoint")
    assert (found.level, "--create" in found.todo) == ("wrong", True)


def test_missing_and_superfluous_types_are_listed(of: Told) -> None:
    found = of(
        webhooks.compare(changed(enabled_events=list(SUBSCRIBED[2:])), URL, live=False), "webhooks.events"
    )
    assert found.level == "wrong"
    assert f"{SUBSCRIBED[0]}, {SUBSCRIBED[1]}." in found.said
    for more in ("customer.created", "*"):
        types = [*SUBSCRIBED, more]
        found = of(webhooks.compare(changed(enabled_events=types), URL, live=False), "webhooks.events")
        assert (found.level, more in found.said, "--update" in found.todo) == ("worrying", True, True)


def test_a_disabled_one_is_wrong(of: Told) -> None:
    [state, *_] = webhooks.compare(changed(status="disabled"), URL, live=False)
    assert (state.level, "--update" in state.todo) == ("wrong", True)


@pytest.mark.parametrize("version", ["2020-01-01", None])
def test_another_version_is_worrying(of: Told, version: str | None) -> None:
    found = of(webhooks.compare(changed(api_version=version), URL, live=True), "webhooks.version")
    assert (found.level, "delete we_1" in found.todo) == ("worrying", True)


def test_two_with_one_address_are_worrying() -> None:
    assert webhooks.compare([WELL, WELL], URL, live=True)[-1].level == "worrying"


def test_a_secret_can_be_missing_and_no_more_is_claimed_of_it() -> None:
    key = {"stripe_api_key": "sk_test_1"}
    assert webhooks.secret(Settings(**key)).level == "wrong"  # type: ignore[arg-type]  # one of many fields
    found = webhooks.secret(Settings(stripe_api_key="sk_test_1", stripe_webhook_secret=("whsec_hunter2",)))
    assert (found.level, "cannot be asked" in found.said, "hunter2" in repr(found)) == ("ok", True, False)
    assert webhooks.secret(Settings()).level == "ok"


INSERT = """
    INSERT INTO webhooks SELECT 'evt_' || n, 'payout.paid', 'po_1', now(), now(), 'applied', '', n > %s, n
    FROM generate_series(1, 5) AS n
"""


@pytest.mark.parametrize(("delivered", "level"), [(0, "worrying"), (1, "ok"), (5, "ok")])
def test_events_that_come_by_catching_up_alone_are_worrying(
    database_url: str, delivered: int, level: str
) -> None:
    with psycopg.connect(conninfo(database_url)) as conn:
        assert webhooks.deliveries(conn).level == "ok"
        conn.execute(INSERT, (delivered,))
        assert webhooks.deliveries(conn).level == level
