"""Stripe's own command line judges the sandbox: what it triggers it makes by calls of its choosing, whose
answers it reads. https://docs.stripe.com/stripe-cli/triggers
"""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.sandbox import Sandbox

CLI = shutil.which("stripe") or ""
THREADS = 4
ELSEWHERE = {
    "cash_balance.": "bank transfers are not in the sandbox",
    "customer_cash_balance_transaction.": "bank transfers are not in the sandbox",
    "identity.": "nobody's identity is verified here",
    "issuing_": "no cards are issued here",
    "payment_intent.partially_funded": "bank transfers are not in the sandbox",
    "payment_intent.processing": "of a SEPA debit; those of us_bank_account are in the sandbox",
    "checkout.session.async_payment_": "of a SEPA debit; those of us_bank_account are in the sandbox",
    "payment_link.": "a payment link belongs to no user of ours",
    "plan.": "what plans were, prices are",
    "quote.": "nothing is sold by quotes",
    "reporting.": "the ledger has reports of its own",
    "subscription_schedule.": "changes wait in the ledger and not at Stripe",
    "tax_rate.": "the sandbox has no taxes",
    "v1.billing.meter.": "no price is metered",
}
"""What the CLI can trigger and does not concern us, and why."""


ON_THE_WAY = ".created"
"""What is changed or deleted was made first, and that is not triggered again by itself."""
LATER = ("balance.available", "customer.subscription.paused")
"""It triggers no more than what leads to them."""
EVENTS = "SELECT json_extract(body, '$.type') FROM objects WHERE json_extract(body, '$.object') = 'event'"


def run(*arguments: str, home: Path, key: str = "") -> subprocess.CompletedProcess[str]:
    """It asks nobody for news: whatever is not on loopback goes to a proxy that is not there."""
    environ = {"HOME": str(home), "HTTPS_PROXY": "http://127.0.0.1:9", "STRIPE_CLI_TELEMETRY_OPTOUT": "1"}
    if key:
        environ["STRIPE_API_KEY"] = key
    return subprocess.run([CLI, *arguments], env=environ, capture_output=True, text=True, check=False)


def is_made_on_the_way(event: str, others: list[str]) -> bool:
    family = event.removesuffix("created")
    return event.endswith(ON_THE_WAY) and any(one.startswith(family) for one in others if one != event)


@pytest.mark.skipif(not CLI, reason="the Stripe CLI is not on the PATH")
def test_what_the_official_cli_triggers_happens(sandbox: Sandbox, tmp_path: Path) -> None:
    listed = run("trigger", "--help", home=tmp_path).stdout.partition("Usage:")[0]
    known = re.findall(r"^ +([a-z0-9_]+(?:\.[a-z0-9_]+)+)$", listed, re.MULTILINE)
    assert len(known) > len(ELSEWHERE), "it lists what it can trigger"
    ours = [event for event in known if not event.startswith(tuple(ELSEWHERE))]

    def failure(event: str) -> str:
        done = run("trigger", event, "--api-base", sandbox.url, home=tmp_path, key=sandbox.api_key)
        return "" if done.returncode == 0 else f"{event}: {done.stderr}"

    with ThreadPoolExecutor(THREADS) as pool:
        tried = pool.map(failure, (event for event in ours if not is_made_on_the_way(event, ours)))
    assert [one for one in tried if one] == []
    told = {row[0] for row in sandbox.call(lambda: sandbox.state.store.rows(EVENTS))}
    silent = {event for event in ours if not event.startswith("subscription.")} - told
    assert silent <= set(LATER), "each is an event, and not only some calls"
