"""`stripe webhook-endpoint`, with the real SDK against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from api.sandbox import Sandbox, running_sandbox
from api.sandbox.faults import Fault
from api.settings import Settings
from api.stripe.client import STRIPE_VERSION
from api.webhooks.endpoint import address
from ledger.webhooks.decider import SUBSCRIBED, SUBSCRIBED_OF_ACCOUNTS
from tests.api.cli.conftest import Run
from tests.api.cli.test_commands import misused, refused

BASE = "https://pay.example.org"
URL = f"{BASE}/api/webhooks/stripe"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, run: Run) -> Iterator[Sandbox]:
    """The commands find it."""
    with running_sandbox(environ={}) as running:
        monkeypatch.setenv("LIBERATION_STRIPE_API_KEY", "rk_test_restricted")
        monkeypatch.setenv("LIBERATION_STRIPE_API_BASE", running.url)
        yield running


@pytest.fixture
def endpoints(sandbox: Sandbox) -> Iterator[Any]:
    """As the dashboard shows and changes them."""
    http = stripe.RequestsClient()
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": sandbox.url}, http_client=http)
    yield client.v1.webhook_endpoints
    http.close()  # type: ignore[no-untyped-call]  # untyped in the SDK


def test_it_says_what_to_make_by_hand_without_asking_stripe(run: Run) -> None:
    said = run("stripe", "webhook-endpoint", "--url", BASE)
    assert said.exit_code == 0, said.output
    for word in (URL, STRIPE_VERSION, *SUBSCRIBED):
        assert word in said.stdout
    as_json = json.loads(run("stripe", "webhook-endpoint", "--json", public_url=f"{BASE}/").stdout)
    assert as_json == {"url": URL, "api_version": STRIPE_VERSION, "enabled_events": list(SUBSCRIBED)}
    assert "LIBERATION_PUBLIC_URL" not in said.output
    unknown = run("stripe", "webhook-endpoint")
    assert "/api/webhooks/stripe" in unknown.stdout
    assert "LIBERATION_PUBLIC_URL" in unknown.stderr


def test_it_is_made_with_our_version_and_types_and_the_secret_is_shown_once(run: Run, endpoints: Any) -> None:
    made = run("stripe", "webhook-endpoint", "--create", "--url", BASE)
    assert made.exit_code == 0, made.output
    [secret] = made.stdout.split()
    assert secret.startswith("whsec_")
    [endpoint] = endpoints.list().data
    assert (endpoint.url, endpoint.status, endpoint.api_version) == (URL, "enabled", STRIPE_VERSION)
    assert endpoint.enabled_events == list(SUBSCRIBED)
    again = run("stripe", "webhook-endpoint", "--create", "--url", URL, "--json")
    assert again.exit_code == 0, again.output
    shown = json.loads(again.stdout)
    assert (shown["outcome"], shown["differences"]) == ("exists", [])
    assert "secret" not in shown
    assert len(endpoints.list().data) == 1


def test_that_of_connected_accounts_is_made_beside_the_platforms(run: Run, endpoints: Any) -> None:
    for options in ([], ["--connect"]):
        made = run("stripe", "webhook-endpoint", "--create", "--url", BASE, *options)
        assert made.exit_code == 0, made.output
        again = run("stripe", "webhook-endpoint", "--create", "--url", BASE, "--json", *options)
        assert json.loads(again.stdout)["differences"] == []
    of_accounts, platform = endpoints.list().data
    assert (platform.application, of_accounts.application is None) == (None, False)
    assert of_accounts.enabled_events == list(SUBSCRIBED_OF_ACCOUNTS)
    said = run("stripe", "webhook-endpoint", "--url", BASE, "--connect")
    assert "connected accounts" in said.stdout
    assert json.loads(run("stripe", "webhook-endpoint", "--json", "--connect").stdout)["connect"] is True


def test_the_secret_goes_into_a_file_of_its_owner(run: Run, endpoints: Any, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    made = run("stripe", "webhook-endpoint", "--create", "--url", BASE, "--secret-out", str(file))
    assert made.exit_code == 0, made.output
    assert file.read_text(encoding="utf-8").startswith("whsec_")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "whsec_" not in made.output
    other = ("stripe", "webhook-endpoint", "--create", "--url", "https://other.example", "--secret-out")
    refused(run(*other, str(file)), 2, "is there already")
    refused(run(*other, str(tmp_path / "no" / "file")), 2, "cannot be written")
    assert [endpoint.url for endpoint in endpoints.list().data] == [URL], "nothing was made without its file"


@pytest.mark.parametrize("options", [["--create"], ["--create", "--update"], ["--create", "--json"]])
def test_the_secret_of_one_that_is_there_cannot_be_written(
    run: Run, endpoints: Any, tmp_path: Path, options: list[str]
) -> None:
    endpoints.create({"url": URL, "enabled_events": list(SUBSCRIBED), "api_version": STRIPE_VERSION})
    file = tmp_path / "secret"
    done = run("stripe", "webhook-endpoint", *options, "--url", BASE, "--secret-out", str(file))
    assert done.exit_code == 2, done.output
    assert f"{file} is not written" in done.stderr
    assert "Roll it at Stripe" in done.stderr
    assert URL in done.stdout, "what is there is shown all the same"
    assert not file.exists()


def test_a_file_is_not_left_behind_when_stripe_makes_nothing(
    run: Run, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.call(lambda: sandbox.state.faults.ask(Fault(kind="forbidden", method="POST", times=None)))
    file = tmp_path / "secret"
    made = run("stripe", "webhook-endpoint", "--create", "--url", BASE, "--secret-out", str(file))
    refused(made, 2, "permission", "by hand")
    assert not file.exists()


def test_one_that_differs_is_told_and_brought_in_line(run: Run, endpoints: Any) -> None:
    types = [*SUBSCRIBED[1:], "customer.created"]
    there = endpoints.create({"url": URL, "enabled_events": types, "api_version": STRIPE_VERSION})
    endpoints.update(there.id, {"disabled": True})
    found = run("stripe", "webhook-endpoint", "--create", "--url", BASE)
    assert found.exit_code == 1, found.output
    for word in ("disabled", f"lacks the event types {SUBSCRIBED[0]}\n", "customer.created", "--update"):
        assert word in found.stdout
    updated = run("stripe", "webhook-endpoint", "--update", "--url", BASE, "--json")
    assert updated.exit_code == 0, updated.output
    assert json.loads(updated.stdout)["outcome"] == "updated"
    [endpoint] = endpoints.list().data
    assert (endpoint.status, endpoint.enabled_events) == ("enabled", list(SUBSCRIBED))


@pytest.mark.parametrize("version", ["2024-06-20", None])
def test_a_version_cannot_be_changed_and_it_says_what_to_do(
    run: Run, endpoints: Any, version: str | None
) -> None:
    pinned = {"api_version": version} if version else {}
    endpoints.create({"url": URL, "enabled_events": ["*"], **pinned})
    found = run("stripe", "webhook-endpoint", "--update", "--url", BASE)
    assert found.exit_code == 1, found.output
    assert f"API version is {version or 'the account'}" in found.stdout
    assert "Delete this one" in found.stdout


def test_two_with_one_address_are_told(run: Run, endpoints: Any) -> None:
    for _ in range(2):
        endpoints.create({"url": URL, "enabled_events": list(SUBSCRIBED), "api_version": STRIPE_VERSION})
    found = run("stripe", "webhook-endpoint", "--create", "--url", BASE)
    assert (found.exit_code, "2 endpoints" in found.stdout) == (1, True)


def test_update_makes_none(run: Run, endpoints: Any) -> None:
    endpoints.create({"url": "https://other.example/api/webhooks/stripe", "enabled_events": ["*"]})
    refused(run("stripe", "webhook-endpoint", "--update", "--url", BASE), 2, URL, "--create")


def test_what_cannot_be_asked_for(run: Run) -> None:
    key = {"stripe_api_key": "sk_test_1"}
    refused(run("stripe", "webhook-endpoint", "--create", **key), 2, "--url", "LIBERATION_PUBLIC_URL")
    refused(run("stripe", "webhook-endpoint", "--create", "--url", BASE), 2, "LIBERATION_STRIPE_API_KEY")
    misused(run("stripe", "webhook-endpoint", "--secret-out", "x"), "--create")
    away = {**key, "stripe_api_base": "http://127.0.0.1:1"}
    refused(run("stripe", "webhook-endpoint", "--create", "--url", BASE, **away), 3, "cannot be reached")
    live = run("stripe", "webhook-endpoint", "--url", "http://pay.example.org", stripe_api_key="sk_live_1")
    refused(live, 2, "not https")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (BASE, URL),
        (f"{BASE}/", URL),
        (URL, URL),
        (f"{URL}/", URL),
        (f"{BASE}/money", f"{BASE}/money/api/webhooks/stripe"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/api/webhooks/stripe"),
    ],
)
def test_the_address_ends_in_our_path(given: str, found: str) -> None:
    assert address(given, Settings()) == found
    assert address("", Settings(public_url=given)) == found


@pytest.mark.parametrize(
    "given", ["pay.example.org", "ftp://x", "https://", "https://x:port", "https://x/?a=1", "https://x/#a",
              "https://user:pw@x", "https://x y"],
)  # fmt: skip
def test_what_is_no_address_is_told(run: Run, given: str) -> None:
    refused(run("stripe", "webhook-endpoint", "--url", given), 2, "no address")
