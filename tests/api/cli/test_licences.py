"""`liberation licences` and `organisations`: what operators and finance do, from the command line."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from api.cli.licences import STATUSES
from api.organisations.words import NAMES
from ledger.ids import new_id
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.status import Status
from ledger.licences.stream import stream_of
from ledger.licences.terms import Billing
from ledger.message import Command, Origin
from ledger.seats.commands import ActivateSeat
from ledger.store import Store, conninfo
from ledger.usage.commands import RecordUsage
from ledger.usage.metrics import month_of
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.organisation_examples import MIA, OLA, create, joins
from tests.ledger.seat_examples import HARD, TEN, count

ROLES = frozenset({"admin", "enterprise", "student"})
NOW = datetime.now(UTC)
ORG = "org_lakeside"
LATER = f"{NOW + timedelta(days=30):%Y-%m-%d}"


async def recorded(url: str, *commands: Command) -> None:
    async with Store.open(url) as store:
        for command in commands:
            origin = Origin(actor=getattr(command, "user_id", "usr_root"), roles=ROLES)
            await store.handle(replace(command, effective_at=datetime.now(UTC)), origin)


@pytest.fixture
def org(ledger: str) -> str:
    """An organisation with an owner and a member; the ledger's address."""
    asyncio.run(recorded(ledger, *(replace(one, org_id=ORG) for one in (create(), *joins(MIA)))))
    project(ledger)
    return ledger


async def licence(url: str, licence_id: str) -> Licence:
    async with Store.open(url) as store:
        return await store.state(LICENCE, stream_of(licence_id))


def issued(run: Run, url: str, *options: str) -> str:
    """Its id."""
    done = run("licences", "issue", ORG, *(options or ("professional", "--tax-bp", "2000")))
    assert done.exit_code == 0, done.output
    project(url)
    return done.stdout.split()[0]


def in_use(licence_id: str) -> tuple[Command, Command]:
    """A seat of Mia's, and seven courses."""
    of: Any = {"effective_at": NOW, "licence_id": licence_id, "org_id": ORG}
    seat = ActivateSeat(
        command_id=new_id("cmd"), seat_id="sea_1", device="a hash", user_id=MIA, terms=TEN, **of
    )
    counted = RecordUsage(
        command_id=new_id("cmd"),
        metric="courses_created",
        month=month_of(NOW),
        source="eu-1",
        items=(count(1, 7),),
        terms=HARD,
        **of,
    )
    return seat, counted


async def named(url: str) -> None:
    """Its name is kept beside the facts, as the route keeps it."""
    async with await AsyncConnection.connect(conninfo(url), autocommit=True) as conn:
        row = await (await conn.execute("SELECT words_id FROM organisations")).fetchone()
        assert row is not None
        await NAMES.write(conn, row[0], ORG, OLA, "Lakeside")


def told(run: Run, *command: str) -> Any:
    return json.loads(run(*command, "--json").stdout)


def refused(run: Run, said: str, *command: str) -> None:
    done = run(*command)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


def test_an_organisation_is_shown_with_its_members_and_how_many_licences_it_has(run: Run, org: str) -> None:
    issued(run, org)
    (listed,) = told(run, "organisations", "list")
    assert (listed["org_id"], listed["members"], listed["licences"], listed["closed"]) == (ORG, 2, 1, False)
    assert re.search(rf"{ORG} +\(erased\) +2 +1 ", run("organisations", "list").stdout)
    shown = run("organisations", "show", ORG).stdout
    assert f"{ORG}  (erased), 2 members, 1 licences" in shown
    assert re.search(rf"{MIA} +member", shown)
    assert told(run, "organisations", "show", ORG)["members"][-1]["user_id"] == OLA
    refused(run, "There is no organisation 'org_nobody'", "organisations", "show", "org_nobody")


def test_a_licence_goes_its_way_from_the_issue_to_the_end(run: Run, org: str) -> None:
    asyncio.run(named(org))
    assert "There is no licence." in run("licences", "list").stdout
    one = issued(run, org)
    assert f"{one} is active, in term 1 until" in run("licences", "activate", one).stdout
    assert "is suspended" in run("licences", "suspend", one, "--reason", "Unpaid").stdout
    assert "is active" in run("licences", "reinstate", one, "--reason", "Paid").stdout
    assert "in term 2 until" in run("licences", "renew", one, "--term", "2", "--given").stdout
    refused(run, "term", "licences", "renew", one, "--term", "2")
    assert "a new key, its number 2" in run("licences", "reissue", one, "--reason", "Lost").stdout
    project(org)
    assert re.search(rf"{one} +{ORG} +Lakeside +professional +active +2 ", run("licences", "list").stdout)
    assert told(run, "licences", "list", "--status", "revoked") == []
    (ending,) = told(run, "licences", "list", "--ends-before", f"{NOW.year + 3}-01-01")
    assert ending["licence_id"] == one
    assert told(run, "licences", "list", "--ends-before", LATER) == []
    shown = run("licences", "show", one).stdout
    assert f"{one}  active, of {ORG} (Lakeside)" in shown
    assert re.search(r"1 +professional .* 4900\.00 USD +500 +named +active_users 500, ", shown)
    assert "is revoked" in run("licences", "revoke", one, "--reason", "They closed", "--credit").stdout
    project(org)
    assert [found["licence_id"] for found in told(run, "licences", "list", "--status", "revoked")] == [one]
    assert told(run, "licences", "show", one)["reason"] == "They closed"


def test_a_licence_and_its_renewal_are_quoted(run: Run, org: str) -> None:
    done = run("licences", "quote", ORG, "starter", "--until", LATER, "--months", "24")
    assert (done.exit_code, f"can be had until {LATER}" in done.stdout) == (0, True), done.output
    project(org)
    (quoted,) = told(run, "licences", "list")
    assert (quoted["status"], quoted["quote"]["net_minor"]) == ("quoted", 198_000)
    shown = run("licences", "show", quoted["licence_id"]).stdout
    assert "offers term 1, starter for 24 months at 1980.00 USD, until" in shown
    assert "It has no term" in shown
    refused(run, "quote", "licences", "suspend", quoted["licence_id"], "--reason", "Unpaid")
    one = issued(run, org)
    assert one in run("licences", "quote", one, "professional", "--until", LATER).stdout
    assert asyncio.run(licence(org, one)).quote.term == 2  # type: ignore[union-attr]  # there is one


def test_a_renewal_is_due_as_late_as_the_invoice_before_it(run: Run, org: str) -> None:
    one = issued(run, org, "starter", "--net-days", "60", "--tax-bp", "1900")
    assert run("licences", "renew", one, "--term", "2").exit_code == 0
    assert run("licences", "quote", one, "--until", LATER).exit_code == 0
    found = asyncio.run(licence(org, one))
    assert found.quote is not None
    assert found.billing == found.quote.billing == Billing(kind="invoice", net_days=60, tax_bp=1900)
    assert found.quote.grant.tier == "starter"
    other = asyncio.run(licence(org, issued(run, org, "starter")))
    assert other.billing.net_days == 30, "where there is none before it"


def test_an_invoice_is_paid_credited_and_written_off_by_its_id_or_its_number(run: Run, org: str) -> None:
    asyncio.run(named(org))
    one = issued(run, org)
    (invoice,) = told(run, "licences", "invoices", one)
    number, invoice_id = invoice["number"], invoice["invoice_id"]
    paid = run("licences", "pay", number, "288000", "--reference", "SEPA 17")
    assert paid.stdout == f"3000.00 USD are open of {number}.\n", paid.output
    before = f"{NOW - timedelta(days=1):%Y-%m-%d}"
    refused(run, "must not be before", "licences", "pay", number, "1", "--reference", "x", "--on", before)
    refused(run, "3000.00 USD", "licences", "pay", invoice_id, "300001", "--reference", "SEPA 18")
    for amount in ("1.50", "0", "-1", "9" * 30):
        refused(run, "150 for 1.50 USD", "licences", "pay", "--reference", "x", "--", invoice_id, amount)
    project(org)
    assert told(run, "licences", "invoices", "--overdue") == []
    assert re.search(
        rf"{number} +{invoice_id} .* 5880\.00 USD +3000\.00 USD", run("licences", "invoices", "--open").stdout
    )
    owed = run("licences", "receivables").stdout
    assert re.search(rf"{ORG} +Lakeside +3000\.00 USD +3000\.00 USD +0\.00 USD", owed)
    tied = told(run, "licences", "receivables", "--as-of", f"{NOW:%Y-%m-%d}")["items"]
    assert [found["total_minor"] for found in tied] == [300_000]
    credited = run("licences", "credit", invoice_id, "--net", "300000", "--reason", "Agreed").stdout
    assert credited == f"0.00 USD are open of {number}, and 600.00 USD are owed to the organisation.\n"
    project(org)
    assert "600.00 USD are owed to them by credit notes" in run("licences", "show", one).stdout
    out = run("licences", "pay-out", one, "60000", "--reference", "SEPA 19")
    assert out.stdout == f"0.00 USD are owed of {one} after it.\n", out.output
    other = issued(run, org, "starter")
    (unpaid,) = told(run, "licences", "invoices", other)
    lost = run("licences", "write-off", unpaid["invoice_id"], "--reason", "Bankrupt")
    assert "0.00 USD are open of" in lost.stdout, lost.output
    refused(run, "There is no invoice 'nobodys'", "licences", "pay", "nobodys", "1", "--reference", "x")


def test_who_has_seats_and_what_was_used_is_shown(run: Run, org: str) -> None:
    one = issued(run, org)
    assert "Nobody has a seat of it." in run("licences", "seats", one).stdout
    assert "  0 of its seats are in use\n" in run("licences", "show", one).stdout
    asyncio.run(recorded(org, *in_use(one)))
    project(org)
    assert told(run, "licences", "show", one)["seats_in_use"] == 1
    assert re.search(r"sea_1 +usr_mia .* it is released", run("licences", "seats", one).stdout)
    assert [seat["user_id"] for seat in told(run, "licences", "seats", one)] == ["usr_mia"]
    shown = run("licences", "usage", one).stdout
    assert re.search(r"courses_created +7 +7 +100 +0", shown)
    (counted,) = [
        metric
        for metric in told(run, "licences", "usage", one, "--month", month_of(NOW))["metrics"]
        if metric["metric"] == "courses_created"
    ]
    assert counted["used"] == 7
    for what in ("seats", "invoices", "show", "usage"):
        refused(run, "There is no licence 'lic_nobodys'", "licences", what, "lic_nobodys")


def test_what_cannot_be_sold_is_refused_with_what_there_is(run: Run, org: str, tmp_path: Path) -> None:
    refused(run, "there are starter, professional, enterprise, custom", "licences", "issue", ORG, "gold")
    refused(run, "is not sold in EUR, but in USD", "licences", "issue", ORG, "starter", "--currency", "EUR")
    refused(run, "there is no such organisation", "licences", "issue", "org_nobody", "starter")
    refused(run, "There is no licence 'lic_nobodys'", "licences", "activate", "lic_nobodys")
    numbers = tmp_path / "numbers.json"
    numbers.write_text('{"year_minor": 5000, "seats": 3, "floating": true}')
    one = issued(run, org, "custom", "--custom", str(numbers))
    assert asyncio.run(licence(org, one)).last.grant.seats == 3  # type: ignore[union-attr]  # it was issued
    again = run("licences", "renew", one, "--term", "2")
    assert again.exit_code == 0, again.output
    assert asyncio.run(licence(org, one)).last.grant.seats == 3  # type: ignore[union-attr]  # as before
    numbers.write_text('{"seats": 3}')
    refused(
        run,
        "missing required field `year_minor`",
        "licences",
        "issue",
        ORG,
        "custom",
        "--custom",
        str(numbers),
    )


def test_the_statuses_are_those_of_the_rules() -> None:
    assert set(STATUSES) == set(get_args(Status))
