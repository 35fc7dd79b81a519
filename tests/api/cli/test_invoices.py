"""`liberation invoices`: finance finds what was paid outside Stripe."""

from __future__ import annotations

import asyncio

from ledger.message import Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_commands import refused
from tests.api.cli.test_courses import project
from tests.ledger.subscription_examples import START, STRIPE_INVOICE, invoice_snapshot

STRIPE = Origin(actor="stripe", roles=frozenset({"system", "admin"}))
ELSEWHERE = invoice_snapshot(charge_id="", charged_minor=0, balance_transaction=None, off_stripe_minor=999)


async def told(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(ELSEWHERE, STRIPE)


def test_what_was_paid_elsewhere_is_listed_and_found_by_id_or_number(run: Run, ledger: str) -> None:
    asyncio.run(told(ledger))
    project(ledger)
    listed = run("invoices", "receivable").stdout.splitlines()[1]
    assert listed.split()[:2] == ["A-1", STRIPE_INVOICE]
    assert listed.endswith(f"  {START:%Y-%m-%d %H:%M}")
    refused(run("invoices", "pay", "A-2", "1", "--reference", "x"), 2, "name one by its id or number")
    early = run("invoices", "pay", "A-1", "1", "--reference", "x", "--on", "2025-12-31")
    refused(early, 2, "when this invoice was finalized")
    paid = run("invoices", "pay", "A-1", "400", "--reference", "SEPA 1")
    assert paid.stdout == "5.99 USD are open of A-1.\n", paid.output
