"""`doctor`: everything at once, in lines for people and JSON for machines, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.doctor.finding import Finding
from api.doctor.work import findings_of
from api.operations.health import Health
from api.sandbox import running_sandbox
from tests.api.cli.conftest import Run
from tests.api.cli.test_commands import NOWHERE, findings, owner, refused


def test_a_new_installation_has_nothing_wrong_and_what_is_worrying_says_what_to_do(
    run: Run, ledger: str, tmp_path: Path
) -> None:
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "0 wrong" in done.stdout
    assert "→ Let the service log in as another" in done.stdout
    assert "LIBERATION_SMTP_HOST is not set" in done.stdout
    found = findings(run("doctor", "--json").stdout)
    assert found["work"]["level"] == "ok"
    assert found["stripe"]["level"] == "ok"
    assert not (tmp_path / "data").exists(), "looking makes nothing"


CHECKS = {
    "books.tokens",
    "books.receivables",
    "subscriptions",
    "catalogue", "clock.database", "clock.stripe", "credentials", "database.durability", "database.encoding",
    "database.facts", "database.grants", "database.login", "database.migrations", "database.version", "disk",
    "files.data_dir", "files.secrets", "licence_keys", "mail", "stripe", "stripe.address", "stripe.key",
    "stripe.payouts", "stripe.permissions", "stripe.version", "webhooks.address", "webhooks.connect",
    "webhooks.deliveries", "webhooks.endpoint", "webhooks.events", "webhooks.secret", "webhooks.version",
    "work",
}  # fmt: skip


def test_with_a_key_stripe_is_asked_and_nothing_is_left_out(run: Run, ledger: str) -> None:
    with running_sandbox(environ={}, webhook_url="https://pay.example/api/webhooks/stripe") as sandbox:
        key = {"stripe_api_key": sandbox.api_key, "stripe_api_base": sandbox.url}
        done = run("doctor", "--json", stripe_webhook_secret="whsec_hunter2", **key)
    assert done.exit_code == 0, done.output
    found = findings(done.stdout)
    assert found.keys() == CHECKS
    assert found["stripe.permissions"]["level"] == "ok"
    assert (found["webhooks.events"]["level"], "*" in found["webhooks.events"]["said"]) == ("worrying", True)
    assert "hunter2" not in done.output
    assert sandbox.api_key not in done.output


def test_what_is_wrong_is_exit_code_1(run: Run, ledger: str) -> None:
    with owner(ledger) as conn:
        conn.execute("INSERT INTO stopped_projections VALUES ('audit', 1, 'cannot take it', now())")
        conn.execute("UPDATE positions SET notification_id = 0 WHERE application_name = 'audit'")
    done = run("doctor")
    assert done.exit_code == 1, done.output
    assert "wrong     work                 Projection audit stopped." in done.stdout
    assert not json.loads(run("doctor", "--json").stdout)["ok"]


def test_what_does_not_answer_is_exit_code_3_unless_something_else_is_wrong(run: Run, ledger: str) -> None:
    away = {
        "stripe_api_key": "sk_test_1",
        "stripe_webhook_secret": "whsec_1",
        "stripe_api_base": "http://127.0.0.1:1",
    }
    assert run("doctor", **away).exit_code == 3
    assert run("doctor", database_url=NOWHERE).exit_code == 3
    assert run("doctor", **{**away, "stripe_webhook_secret": ""}).exit_code == 1


def test_what_keeps_the_service_from_starting_is_found_while_stripe_is_away(run: Run, ledger: str) -> None:
    live = {
        "stripe_api_key": "rk_live_1",
        "stripe_webhook_secret": "whsec_1",
        "stripe_api_base": "http://127.0.0.1:1",
    }
    done = run("doctor", "--json", **live, public_url="http://pay.example", catalogue="/nowhere/plans.toml")
    assert done.exit_code == 1, done.output
    found = findings(done.stdout)
    assert (found["webhooks.address"]["level"], "https" in found["webhooks.address"]["said"]) == (
        "wrong",
        True,
    )
    assert (found["catalogue"]["level"], "/nowhere/plans.toml" in found["catalogue"]["said"]) == (
        "wrong",
        True,
    )


def test_what_cannot_be_looked_at_yet_is_not_called_well(run: Run, database_url: str) -> None:
    done = run("doctor", database_url=database_url, schema="elsewhere")
    assert (
        done.exit_code,
        "skipped   database.facts       Not checked: there is no ledger yet" in done.stdout,
    ) == (1, True)
    assert done.stdout.splitlines()[-1].endswith(" skipped")


def test_without_a_ledger_it_says_where_one_would_be(run: Run, tmp_path: Path) -> None:
    done = run("doctor")
    assert (done.exit_code, "liberation migrate" in done.stdout) == (1, True)
    assert not (tmp_path / "data").exists()
    refused(run("doctor", potr="1"), 2, "LIBERATION_POTR")


@pytest.mark.parametrize(
    ("health", "levels", "todo"),
    [
        (Health(position=3), ["ok"], ""),
        (Health(wrong=["the database does not answer"]), ["wrong"], "liberation worker"),
        (Health(worrying=["1 effect is parked"]), ["worrying"], "outbox requeue"),
        (Health(worrying=["1 movement at Stripe is unexplained"]), ["worrying"], "stripe explain"),
        (Health(worrying=["1 subscription is billed by none of our plans"]), ["worrying"], "`subscriptions`"),
    ],
)
def test_work_is_told_as_readyz_tells_it(health: Health, levels: list[str], todo: str) -> None:
    found: list[Finding] = findings_of(health)
    assert [finding.level for finding in found] == levels
    assert todo in found[0].todo
