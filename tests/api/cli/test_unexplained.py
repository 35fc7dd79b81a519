"""`liberation stripe unexplained`: what moved at Stripe and nobody explained."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

from api.cli.unexplained import STATUSES
from ledger.message import Origin
from ledger.store import Store
from projections.unclaimed import Status
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.unclaimed_examples import ID, explain, moved

STRIPE = Origin(actor="stripe", roles=frozenset({"system", "admin"}))


async def recorded(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(moved(source_id="ch_1"), STRIPE)


async def explained(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(explain("4000"), STRIPE)


def test_what_is_unexplained_is_listed_until_it_is_explained(run: Run, ledger: str) -> None:
    assert "Nothing is." in run("stripe", "unexplained").stdout
    asyncio.run(recorded(ledger))
    project(ledger)
    words = run("stripe", "unexplained").stdout.split()
    assert words[words.index(ID) + 1 :][:5] == ["ch_1", "charge", "7.24", "USD", "1090"]
    [listed] = json.loads(run("stripe", "unexplained", "--json").stdout)
    assert (listed["balance_transaction_id"], listed["net_minor"]) == (ID, 724)
    asyncio.run(explained(ledger))
    project(ledger)
    assert "Nothing is." in run("stripe", "unexplained").stdout
    assert ID in run("stripe", "unexplained", "--status", "explained").stdout


def test_finance_says_what_it_was_and_takes_it_back(run: Run, ledger: str) -> None:
    asyncio.run(recorded(ledger))
    done = run("stripe", "explain", ID, "--account", "4000", "--note", "The shop's")
    assert (done.exit_code, done.stdout) == (0, f"{ID} is posted to 4000.\n"), done.output
    blank = run("stripe", "explain", ID, "--account", "4010", "--note", " ")
    assert (blank.exit_code, "Say in `note`" in blank.output) == (2, True), blank.output
    assert run("stripe", "withdraw", ID).stdout == f"{ID} is unexplained, in 1090.\n"
    unknown = run("stripe", "withdraw", "txn_never")
    assert (unknown.exit_code != 0, "txn_never" in unknown.output) == (True, True)
    project(ledger)
    assert ID in run("stripe", "unexplained").stdout


def test_the_statuses_are_those_of_the_table() -> None:
    assert get_args(Status) == STATUSES
