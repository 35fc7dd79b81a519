"""`liberation accounts`: connected accounts from the command line."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

from api.cli.accounts import STATUSES
from ledger.accounts.standing import Status
from ledger.message import Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.account_examples import RESTRICTED, look, request

IVY = Origin(actor="usr_ivy", roles=frozenset({"instructor", "system"}))


async def opened(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(request(), IVY)
        await store.handle(look(RESTRICTED), IVY)


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


def test_the_statuses_are_those_of_the_rules() -> None:
    assert set(STATUSES) == set(get_args(Status))
