"""Stripe: reached, its key taken, and all read that is read; on the sandbox with the real SDK."""

from __future__ import annotations

import msgspec
import pytest
from stripe import StripeClient

from api.doctor import stripe
from api.doctor.finding import Finding
from api.sandbox import Sandbox
from api.sandbox.faults import Fault
from api.settings import Settings
from api.stripe.client import STRIPE_VERSION, open_stripe
from tests.api.doctor.conftest import Told

TEST = Settings(stripe_api_key="rk_test_1")
LIVE = Settings(stripe_api_key="rk_live_1")


def ask(sandbox: Sandbox, fault: Fault) -> None:
    sandbox.call(lambda: sandbox.state.faults.ask(fault))


async def test_a_key_that_may_all_is_well(client: StripeClient) -> None:
    probes = await stripe.probe_all(client)
    assert [probe.name for probe in probes if probe.error] == ["payment_methods"], (
        "it lists a customer's alone"
    )
    found = stripe.examine(TEST, probes)
    assert {finding.level for finding in found} == {"ok"}
    assert {finding.check for finding in found} == {
        "stripe", "stripe.key", "stripe.address", "stripe.permissions", "stripe.version", "clock.stripe",
    }  # fmt: skip


async def test_every_missing_permission_is_told_at_once(
    sandbox: Sandbox, client: StripeClient, of: Told
) -> None:
    for path in ("/v1/refunds", "/v1/payouts", "/v1/webhook_endpoints"):
        ask(sandbox, Fault(kind="forbidden", path=path, times=None))
    found = of(stripe.examine(TEST, await stripe.probe_all(client)), "stripe.permissions")
    assert found.level == "wrong"
    for name in ("refunds (rak_refund_read)", "payouts (rak_payout_read)", "webhook_endpoints"):
        assert name in found.todo
    assert "charges" not in found.todo


async def test_what_only_the_doctor_reads_is_not_needed(
    sandbox: Sandbox, client: StripeClient, of: Told
) -> None:
    ask(sandbox, Fault(kind="forbidden", path="/v1/webhook_endpoints"))
    assert of(stripe.examine(TEST, await stripe.probe_all(client)), "stripe.permissions").level == "worrying"


async def test_a_refused_key_is_wrong_and_nothing_else_is_guessed(sandbox: Sandbox, of: Told) -> None:
    async with open_stripe("sk_live_refused_here", api_base=sandbox.url, max_network_retries=0) as client:
        found = stripe.examine(LIVE, await stripe.probe_all(client))
    assert len(found) == 2
    assert "refuses the key" in of(found, "stripe.key").said


async def test_a_stripe_that_is_away_is_one_finding(of: Told) -> None:
    async with open_stripe("sk_test_1", api_base="http://127.0.0.1:1", max_network_retries=0) as client:
        [found] = stripe.examine(TEST, await stripe.probe_all(client))
    assert (found.level, found.reached) == ("wrong", False)


async def test_a_stripe_that_answers_some_calls_is_worrying(
    sandbox: Sandbox, client: StripeClient, of: Told
) -> None:
    ask(sandbox, Fault(kind="error_before", path="/v1/charges"))
    found = stripe.examine(TEST, await stripe.probe_all(client))
    assert of(found, "stripe").level == "worrying"
    assert of(found, "stripe.permissions").level == "ok"


def probe(**headers: str) -> stripe.Probe:
    return stripe.Probe("charges", {name.replace("_", "-"): value for name, value in headers.items()})


def test_another_version_in_the_answer_is_wrong() -> None:
    assert stripe.version([probe(stripe_version=STRIPE_VERSION)]).level == "ok"
    found = stripe.version([probe(stripe_version="2020-01-01")])
    assert (found.level, "2020-01-01" in found.said) == ("wrong", True)


@pytest.mark.parametrize(
    ("key", "level", "mode"),
    [
        ("rk_live_1", "ok", "real money moves"),
        ("sk_live_1", "worrying", "real money moves"),
        ("sk_test_1", "ok", "no money moves"),
    ],
)
def test_the_keys_mode_is_told(key: str, level: str, mode: str) -> None:
    found = stripe.key(Settings(stripe_api_key=key), [probe()])
    assert (found.level, mode in found.said) == (level, True)


def test_a_live_key_that_goes_elsewhere_is_worrying() -> None:
    elsewhere = {"stripe_api_base": "http://user:hunter2@proxy.example/x"}
    found = stripe.address(msgspec.structs.replace(LIVE, **elsewhere))
    assert (found.level, "proxy.example" in found.said, "hunter2" in repr(found)) == ("worrying", True, False)
    assert stripe.address(msgspec.structs.replace(TEST, **elsewhere)).level == "ok"
    assert stripe.address(LIVE).level == "ok"


def test_without_a_key_there_is_a_sandbox() -> None:
    found: Finding = stripe.none(Settings())
    assert (found.level, "sandbox" in found.said) == ("ok", True)
    assert stripe.none(Settings(stripe_api_base="http://x")).level == "wrong"
