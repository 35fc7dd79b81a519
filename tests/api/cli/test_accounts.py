"""`liberation accounts`: connected accounts from the command line."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

from api.cli.accounts import LAST_PAYOUTS, STATUSES
from ledger.accounts.standing import Status
from ledger.message import Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.account_examples import RESTRICTED, look, request
from tests.ledger.bank_payout_examples import seen

IVY = Origin(actor="usr_ivy", roles=frozenset({"instructor", "system"}))


async def opened(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(request(), IVY)
        await store.handle(look(RESTRICTED), IVY)


async def paid_out(url: str) -> None:
    async with Store.open(url) as store:
        for number in range(1, LAST_PAYOUTS + 2):
            await store.handle(seen("paid", payout_id=f"po_{number}"), IVY)
        await store.handle(seen("failed", "account_closed", payout_id="po_3"), IVY)


def test_accounts_are_listed_and_shown(run: Run, ledger: str) -> None:
    assert "There is no connected account." in run("accounts", "list").stdout
    assert run("accounts", "show", "usr_ivy").exit_code == 2
    asyncio.run(opened(ledger))
    project(ledger)
    assert "requirements.past_due" in run("accounts", "list", "--status", "restricted").stdout
    assert json.loads(run("accounts", "list", "--status", "enabled", "--json").stdout) == []
    shown = run("accounts", "show", "usr_ivy").stdout
    assert "cannot be paid: Stripe sends no money to the account" in shown
    assert "individual.verification.document" in shown
    assert json.loads(run("accounts", "show", "usr_ivy", "--json").stdout)["status"] == "restricted"


def test_an_account_is_shown_with_what_it_last_paid_to_its_owners_bank(run: Run, ledger: str) -> None:
    asyncio.run(opened(ledger))
    asyncio.run(paid_out(ledger))
    project(ledger)
    shown = run("accounts", "show", "usr_ivy").stdout
    assert "po_11  70.00 USD  arrived\n" in shown
    assert "po_3  70.00 USD  bounced: the bank account is closed\n" in shown
    assert "po_1  " not in shown, "the last ten"
    payouts = json.loads(run("accounts", "show", "usr_ivy", "--json").stdout)["bank_payouts"]
    assert len(payouts) == LAST_PAYOUTS
    assert (payouts[0]["payout_id"], payouts[0]["bounce"]) == ("po_11", None)


def test_the_statuses_are_those_of_the_rules() -> None:
    assert set(STATUSES) == set(get_args(Status))
