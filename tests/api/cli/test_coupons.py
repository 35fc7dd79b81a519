"""`liberation coupons`: what can be taken off prices, and the end of it, from the command line."""

from __future__ import annotations

import asyncio
import json

from ledger.message import Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.coupon_examples import CODE, MAKER, amount_off, create

IVY = Origin(actor="usr_ivy", roles=frozenset({"instructor"}))


async def made(url: str) -> None:
    async with Store.open(url) as store:
        await store.handle(create(), IVY)
        of_amount = create(
            amount_off(), command_id="cmd_take_15", code="TAKE-15", user_id="usr_root", by_admin=True
        )
        await store.handle(of_amount, MAKER)


def test_coupons_are_listed_and_ended(run: Run, ledger: str) -> None:
    assert "There is no coupon." in run("coupons", "list").stdout
    asyncio.run(made(ledger))
    project(ledger)
    listed = run("coupons", "list").stdout
    assert "20 %" in listed
    assert "15.00 USD" in listed
    (found,) = json.loads(run("coupons", "list", "--maker", "usr_ivy", "--json").stdout)
    assert (found["code"], found["maker"], found["ended"]) == (CODE, "usr_ivy", False)
    done = run("coupons", "end", CODE.lower())
    assert (done.exit_code, done.stdout) == (0, f"{CODE} is ended.\n")
    project(ledger)
    assert "ended" in run("coupons", "list").stdout
    assert run("coupons", "end", "NOBODYS").exit_code == 2
