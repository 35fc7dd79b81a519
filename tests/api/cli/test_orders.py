"""`liberation orders`: what finance sees and records of the orders of organisations."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from ledger.ids import new_id
from ledger.orders.commands import PlaceOrder
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.api.cli.test_licences import ORG, org, recorded, refused, told  # noqa: F401 - a fixture
from tests.ledger.order_examples import command, line

NOW = datetime.now(UTC)


@pytest.fixture
def order_id(org: str) -> str:  # noqa: F811 - as above
    """Of a course for two members, which is to be paid first."""
    made = new_id("ord")
    lines = (line("crs_1", "usr_mia", "usr_ola", order_id=made),)
    fields = {"command_id": new_id("cmd"), "order_id": made, "org_id": ORG, "lines": lines}
    asyncio.run(recorded(org, command(PlaceOrder, NOW, **fields, expected_minor=20_000)))
    project(org)
    return made


def test_an_order_is_found_paid_and_given_back_by_its_id_or_its_number(
    run: Run, ledger: str, order_id: str
) -> None:
    (listed,) = told(run, "orders", "list", "--open", "--org", ORG)
    number = listed["number"]
    assert (listed["order_id"], listed["open_minor"], listed["org_name"]) == (order_id, 20_000, None)
    assert re.search(rf"{number} +{order_id} +{ORG} +200\.00 USD", run("orders", "list").stdout)
    assert "There is no such order." in run("orders", "list", "--org", "org_other").stdout
    paid = run("orders", "pay", number, "5000", "--reference", "SEPA 17")
    assert paid.stdout == f"150.00 USD are open of {number}.\n", paid.output
    before = f"{NOW - timedelta(days=1):%Y-%m-%d}"
    refused(
        run,
        "when it came to be owed, to today",
        "orders",
        "pay",
        number,
        "1",
        "--reference",
        "x",
        "--on",
        before,
    )
    refused(run, "150.00 USD", "orders", "pay", order_id, "15001", "--reference", "SEPA 18")
    lost = run("orders", "write-off", listed["invoice_id"], "--reason", "Bankrupt").stdout
    assert lost == f"0.00 USD are open of {number}, and 50.00 USD are owed to the organisation.\n"
    project(ledger)
    shown = run("orders", "show", number).stdout
    assert f"{order_id}  written_off, of {ORG}" in shown
    assert "200.00 USD invoiced, 50.00 USD paid," in shown
    assert re.search(r"oit_\w+ +crs_1 +usr_mia +100\.00 USD +0\.00 USD +ended", shown)
    assert told(run, "orders", "show", order_id)["owed_minor"] == 5_000
    assert told(run, "orders", "list", "--open") == []
    out = run("orders", "pay-out", order_id, "5000", "--reference", "SEPA 19")
    assert out.stdout == f"0.00 USD are owed of {order_id} after it.\n", out.output
    refused(run, "There is no order 'nobodys'", "orders", "pay", "nobodys", "1", "--reference", "x")
