"""`liberation recognise`: revenue up to a day, by hand."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from ledger.balance import BalanceTransaction
from ledger.invoices.commands import RecordInvoiceSnapshot
from ledger.invoices.events import InvoiceLine
from ledger.licences.commands import IssueLicence
from ledger.message import Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.ledger.licence_examples import command

PAID = datetime(2026, 1, 31, tzinfo=UTC)
END = datetime(2026, 2, 28, tzinfo=UTC)
STRIPE = Origin(actor="stripe", roles=frozenset({"system"}))


async def bill(url: str) -> None:
    """An invoice of 28.00 for 28 days, paid on the first."""
    line = InvoiceLine(line_id="il_1", amount_minor=2_800, period_start=PAID, period_end=END)
    entry = BalanceTransaction(
        balance_transaction_id="txn_1",
        amount_minor=2_800,
        fee_minor=111,
        net_minor=2_689,
        currency="usd",
        available_at=PAID + timedelta(days=2),
        created_at=PAID,
    )
    snapshot = RecordInvoiceSnapshot(
        command_id="cmd_bill",
        effective_at=PAID,
        stripe_invoice_id="in_1",
        subscription_id="sub_1",
        user_id="usr_1",
        status="paid",
        number="A-1",
        billing_reason="subscription_create",
        currency="usd",
        lines=(line,),
        total_minor=2_800,
        tax_minor=0,
        finalized_at=PAID,
        payment_intent_id="pi_1",
        charge_id="ch_1",
        charged_minor=2_800,
        paid_at=PAID,
        balance_transaction=entry,
    )
    async with Store.open(url) as store:
        await store.handle(snapshot, STRIPE)


def test_up_to_a_day_then_the_rest_then_nothing(run: Run, ledger: str) -> None:
    asyncio.run(bill(ledger))
    first = json.loads(run("recognise", "--until", "2026-02-09", "--json").stdout)
    assert first == {"until": "2026-02-09", "invoices": 1, "entries": 10, "totals_minor": {"usd": 1_000}}
    rest = run("recognise")
    assert rest.exit_code == 0
    assert "1800" in rest.stdout
    assert "18 entries for 1 invoices" in rest.stdout
    assert "Nothing was left to recognise" in run("recognise").stdout
    assert run("replay", "--check").exit_code == 0


def test_a_day_that_is_not_over_is_refused(run: Run, ledger: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    refused = run("recognise", "--until", str(tomorrow))
    assert (refused.exit_code, "is not over" in refused.stderr) == (2, True)
    assert run("recognise", "--until", "soon").exit_code == 2


async def licence_for_a_year(url: str) -> None:
    """990.00 from the first of January on."""
    admin = Origin(actor="usr_boss", roles=frozenset({"admin"}))
    async with Store.open(url) as store:
        await store.handle(command(IssueLicence), admin)


def test_licences_are_closed_beside_invoices(run: Run, ledger: str) -> None:
    asyncio.run(licence_for_a_year(ledger))
    first = json.loads(run("recognise", "--until", "2026-01-10", "--json").stdout)
    assert first == {"until": "2026-01-10", "invoices": 1, "entries": 10, "totals_minor": {"usd": 2_712}}
    again = json.loads(run("recognise", "--until", "2026-01-11", "--json").stdout)
    assert again == {"until": "2026-01-11", "invoices": 1, "entries": 1, "totals_minor": {"usd": 272}}
