"""`liberation disputes`: looked at and answered from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import stripe

from api.sandbox.resources import disputes
from api.sandbox.server import Sandbox
from ledger.message import Origin
from ledger.payments.commands import DisputeSnapshot
from ledger.store import Reader, Store
from projections import live
from tests.api.cli.conftest import Run
from tests.api.cli.test_payouts import at_stripe
from tests.api.stripe.world import Bench
from tests.ledger.examples import snapshot
from tests.service import eventually

__all__ = ["at_stripe"]
STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))


def opened(sandbox: Sandbox) -> str:
    """At Stripe alone."""
    client = stripe.StripeClient(sandbox.api_key, base_addresses={"api": sandbox.url})
    paid = client.v1.payment_intents.create(
        {
            "amount": 1_250,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    return Bench(sandbox).dispute(str(paid.latest_charge))


async def told(url: str, dispute_id: str) -> None:
    """Of the ledger's first payment."""
    async with Store.open(url) as store:
        first = (await store.read(0, 1))[0].event
        payment_id: str = first.payment_id  # type: ignore[attr-defined]  # a payment begins it
        seen = DisputeSnapshot(
            dispute_id=dispute_id,
            charge_id="ch_1",
            amount_minor=1_250,
            currency="usd",
            reason="general",
            status="needs_response",
            opened_at=datetime.now(UTC),
        )
        await store.handle(snapshot(payment_id=payment_id, disputes=(seen,)), STRIPE)


def test_a_dispute_is_shown_and_answered_once(run: Run, ledger: str, at_stripe: Sandbox) -> None:
    dispute_id = opened(at_stripe)
    asyncio.run(told(ledger, dispute_id))
    with Reader(ledger) as reader, live.runner(ledger) as runner:
        eventually(lambda: runner.position() == reader.head())
    assert dispute_id in run("disputes", "list", "--status", "needs_response").stdout
    assert run("disputes", "list", "--status", "won").stdout == "There is none.\n"
    assert "There is no evidence." in run("disputes", "show", dispute_id).stdout
    assert run("disputes", "show", "du_none").exit_code == 2
    empty = run("disputes", "submit", dispute_id, "--yes")
    assert (empty.exit_code, "the bank would get nothing" in empty.stderr) == (2, True)
    evidence: Any = {"customer_name": "Ann"}
    staged = disputes.Update(evidence=evidence, submit=False)
    Bench(at_stripe).does(lambda tx: disputes.update(tx, dispute_id, staged))
    assert run("disputes", "submit", dispute_id, "--yes").stdout == "Stripe has taken it.\n"
    shown = json.loads(run("disputes", "show", dispute_id, "--json").stdout)
    assert (shown["submission_count"], shown["texts"]) == (1, {"customer_name": 3})
    assert (shown["answer"]["by"], shown["answer"]["status"]) == ("operator", "answered")
    late = run("disputes", "accept", dispute_id, "--yes")
    assert (late.exit_code, "bank looks at it" in late.stderr) == (2, True)
