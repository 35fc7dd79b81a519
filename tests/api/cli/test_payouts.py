"""`liberation payouts`: what instructors are paid, from the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from api.cli.payouts import STATUSES
from api.sandbox.server import Sandbox, running_sandbox
from ledger.earnings.commands import AccrueEarnings, RecordTransfer, RequestPayout
from ledger.earnings.state import PayoutStatus
from ledger.earnings.terms import Reckoning
from ledger.message import Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.examples import txn

WORKER = Origin(actor="worker", roles=frozenset({"system"}))
NOW = datetime.now(UTC)
RECKONING = Reckoning(price_currency="usd", basis_minor=0, share_bp=7_000, part_bp=10_000)
PAYOUT = {"payout_id": "ipo_1", "user_id": "usr_ivy", "currency": "usd"}


@pytest.fixture
def at_stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(environ={}) as sandbox:
        monkeypatch.setenv("LIBERATION_STRIPE_API_KEY", sandbox.api_key)
        monkeypatch.setenv("LIBERATION_STRIPE_API_BASE", sandbox.url)
        yield sandbox


def earned(amount: int, key: str = "sale") -> AccrueEarnings:
    return AccrueEarnings(
        command_id=f"accrue_{key}",
        effective_at=NOW,
        user_id="usr_ivy",
        currency="usd",
        kind="sale" if amount > 0 else "refund",
        amount_minor=amount,
        available_on=NOW.date() - timedelta(days=2),
        course_id="crs_1",
        payment_id="pay_1",
        cause_position=1,
        reckoning=RECKONING,
    )


async def paid_out(url: str) -> None:
    async with Store.open(url) as store:
        asked = RequestPayout(command_id="ask", effective_at=NOW, stripe_account_id="acct_1", **PAYOUT)
        made = RecordTransfer(
            command_id="made",
            effective_at=NOW,
            attempt=1,
            amount_minor=7_000,
            stripe_account_id="acct_1",
            transfer_id="tr_1",
            balance_transaction=txn("tr_1", -7_000),
            **PAYOUT,
        )
        for command in (earned(7_000), asked, made):
            await store.handle(command, WORKER)


async def told(url: str, *commands: AccrueEarnings) -> None:
    async with Store.open(url) as store:
        for command in commands:
            await store.handle(command, WORKER)


@pytest.mark.usefixtures("at_stripe")
def test_a_run_says_of_each_whether_they_are_paid_and_why_not(run: Run, ledger: str) -> None:
    assert "Nobody has anything to have." in run("payouts", "run").stdout
    asyncio.run(told(ledger, earned(5_000)))
    project(ledger)
    dry = run("payouts", "run", "--dry-run").stdout
    assert "usr_ivy  50.00 USD  waits: account_not_payable" in dry
    assert "There is no connected account yet: open one." in dry
    [line] = json.loads(run("payouts", "run", "--json").stdout)["lines"]
    assert (line["user_id"], line["result"], line["reason"]) == ("usr_ivy", "waits", "account_not_payable")
    assert "There is no payout." in run("payouts", "list").stdout


def test_a_run_that_stripe_does_not_answer_pays_nothing(run: Run, ledger: str) -> None:
    asyncio.run(told(ledger, earned(5_000)))
    done = run("payouts", "run", stripe_api_key="sk_test_1", stripe_api_base="http://127.0.0.1:9")
    assert (done.exit_code, "Nothing was paid" in done.stderr) == (3, True)


def test_payouts_are_listed_and_what_is_owed_back_is_recalled(run: Run, ledger: str) -> None:
    asyncio.run(paid_out(ledger))
    project(ledger)
    listed = run("payouts", "list", "--user", "usr_ivy").stdout
    assert "ipo_1   usr_ivy  70.00 USD  transferred" in listed
    assert "tr_1      0.00 USD" in listed
    assert json.loads(run("payouts", "list", "--status", "blocked", "--json").stdout) == []
    nothing = run("payouts", "recall", "usr_ivy", "usd")
    assert (nothing.exit_code, "owes nothing back in USD" in nothing.stderr) == (2, True)
    assert run("payouts", "recall", "usr_ivy", "doubloons").exit_code == 2
    asyncio.run(told(ledger, earned(-3_000, "back")))
    assert run("payouts", "recall", "usr_ivy", "USD").stdout == "30.00 USD of tr_1 are taken back.\n"


def test_the_statuses_are_those_of_the_rules() -> None:
    assert set(STATUSES) == set(get_args(PayoutStatus))
