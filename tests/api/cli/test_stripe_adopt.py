"""`liberation stripe adopt`: what Stripe has and the ledger lacks."""

from __future__ import annotations

import json

import psycopg
import pytest
import stripe

from api.sandbox.server import Sandbox
from tests.api.cli.conftest import Run
from tests.api.cli.test_payouts import at_stripe

__all__ = ["at_stripe"]
BEGUN = "SELECT position, effect->>'payment_id' FROM outbox ORDER BY position"
LEDGER = "SELECT ledger_id::text FROM liberation.head"
ACTORS = "SELECT DISTINCT metadata->>'actor' FROM liberation.event_log WHERE type = 'payments.succeeded.v1'"


def paid(sandbox: Sandbox, **metadata: str) -> None:
    """At Stripe alone."""
    client = stripe.StripeClient(sandbox.api_key, base_addresses={"api": sandbox.url})
    client.v1.payment_intents.create(
        {
            "amount": 1_000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": metadata,
        }
    )


@pytest.fixture
def parked(ledger: str) -> list[str]:
    """Payments whose effects gave up."""
    with psycopg.connect(ledger, autocommit=True, options="-c search_path=liberation") as conn:
        conn.execute("UPDATE outbox SET parked_at = now(), last_error = 'gave up', attempts = 10")
        return [payment_id for _, payment_id in conn.execute(BEGUN).fetchall()]


def test_it_is_shown_then_done_and_then_nothing_is_lacking(
    run: Run, ledger: str, parked: list[str], at_stripe: Sandbox
) -> None:
    with psycopg.connect(ledger) as conn:
        [(ledger_id,)] = conn.execute(LEDGER).fetchall()
    paid(at_stripe, payment_id=parked[0], user_id="usr_1", ledger_id=ledger_id)
    paid(at_stripe, payment_id="pay_theirs", user_id="usr_1", ledger_id="another")
    shown = run("stripe", "adopt")
    assert shown.exit_code == 1, shown.output
    assert parked[0] in shown.stdout
    assert "payments.succeeded.v1" in shown.stdout
    assert "Nothing was done. With --apply, 1 would be taken up." in shown.stdout
    assert "Of other ledgers, and never taken: 1." in shown.stdout
    done = run("stripe", "adopt", "--apply", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    [line] = told["objects"]
    assert (line["our_id"], line["result"], line["amount_minor"]) == (parked[0], "taken_up", 1_000)
    assert told["requeued"] == ["1.payments.0"], "what was parked about it, and nothing else"
    assert run("outbox", "list", "--json").stdout.count("gave up") == 2
    again = run("stripe", "adopt", "--apply")
    assert (again.exit_code, "Nothing is lacking, of 1" in again.stdout) == (0, True), again.output
    with psycopg.connect(ledger) as conn:
        assert conn.execute(ACTORS).fetchall() == [("operator",)]


def test_what_cannot_be_taken_up_is_told_with_exit_code_1(
    run: Run, ledger: str, parked: list[str], at_stripe: Sandbox
) -> None:
    paid(at_stripe, payment_id="pay_long_ago", user_id="usr_1")
    paid(at_stripe, payment_id=parked[1], user_id="usr_1")
    left = run("stripe", "adopt", "--apply")
    assert left.exit_code == 1, left.output
    assert "pay_long_ago" in left.stdout
    assert "names no ledger" in left.stdout
    assert "Taken up: 1." in left.stdout, "another does not bar what is known here"


def test_without_stripe_it_is_exit_code_3(run: Run, ledger: str) -> None:
    away = {"stripe_api_key": "sk_test_x", "stripe_api_base": "http://127.0.0.1:1"}
    refused = run("stripe", "adopt", "--apply", **away)
    assert (refused.exit_code, "Stripe cannot be reached" in refused.output) == (3, True)
