"""A year of subscriptions, from trials to their ends, by the sandbox's clock: every step is compared."""

from __future__ import annotations

import shutil
import subprocess
import sys
from calendar import monthrange
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.store import chain, conninfo
from ledger.subscriptions.proration import seg
from projections.live import check
from projections.queries.export import Format, export
from tests.api.stripe.world import Bench, World
from tests.flows.year import Person, Plan, Year, open_year

pytestmark = pytest.mark.postgres

JOINED = datetime(2027, 1, 17, 10, tzinfo=UTC)
"""Fourteen days of trial end on 31 January, which is then the anchor."""
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MONTH_ENDS = tuple((month, monthrange(2027, month)[1]) for month in range(1, 13))
PRO, ENTERPRISE = 999, 9_900


@pytest.fixture
async def year(world: World, bench: Bench, database_url: str, tmp_path: Path) -> AsyncIterator[Year]:
    bench.advance(JOINED - bench.now(), world)
    async with open_year(world, bench, database_url, tmp_path) as opened:
        yield opened


async def test_a_year_with_a_plan_that_goes_up_and_down(year: Year, database_url: str) -> None:
    ada = year.person("usr_ada")
    await ada.subscribe(trial=True)
    await year.work()
    await year.expect(ada, Plan(status="trialing"))
    cleo = year.person("usr_cleo")
    await cleo.subscribe("enterprise", interval="year")
    await cleo.wish("cancel")
    await year.work()
    await year.expect(cleo, Plan(status="active", tier="enterprise"))
    for month, day in MONTH_ENDS:
        renewal = datetime(2027, month, day, 10, tzinfo=UTC)
        if month == 6:
            await _upgrade(year, ada, renewal - 14 * DAY - 3 * MINUTE)
        if month == 8:
            await _decline_and_recover(year, ada, renewal)
            continue
        if month == 10:
            await year.go_to(renewal - 5 * DAY)
            assert (await ada.wish("update", method="PUT", tier="pro"))["change"]["status"] == "scheduled"
            await year.expect(ada, Plan(status="active", tier="enterprise"))
        await year.go_to(renewal + MINUTE)
        await year.expect(ada, Plan(status="active", tier="enterprise" if month in range(6, 10) else "pro"))
    ended = datetime(2028, 1, 31, 10, tzinfo=UTC)
    await year.go_to(ended - 20 * DAY)
    told = await ada.wish("cancel")
    assert datetime.fromisoformat(told["cancel_at"]).date() == ended.date()
    await year.expect(ada, Plan(status="active"))
    await year.go_to(JOINED.replace(year=2028) + MINUTE)
    await year.expect(cleo, None)
    await year.go_to(ended + MINUTE)
    await year.expect(ada, None)

    paid = [invoice for invoice in await ada.invoices() if invoice["total_minor"]]
    assert {invoice["status"] for invoice in paid} == {"paid"}
    assert [invoice["receipt_number"] for invoice in paid] == list(range(2, 15)), "cleo has the first"
    assert [_dates(invoice) for invoice in paid if invoice["billing_reason"] == "subscription_cycle"] == [
        (f"{before:%m-%d}", f"{after:%m-%d}") for before, after in _periods()
    ]
    amounts = [
        invoice["total_minor"] for invoice in paid if invoice["billing_reason"] == "subscription_cycle"
    ]
    assert amounts == [PRO] * 5 + [ENTERPRISE] * 4 + [PRO] * 3
    await _books_close(year, database_url, ended + DAY)


async def test_a_year_in_which_nobody_pays_any_more(year: Year, database_url: str) -> None:
    """Day 0 declined, 7 days of grace, retries on days 2, 7, 14, 21, then unpaid; on day 51 it ends."""
    await year.go_to(datetime(2027, 1, 31, 10, tzinfo=UTC))
    bob = year.person("usr_bob")
    await bob.subscribe()
    await year.work()
    await year.expect(bob, Plan(status="active"))
    await bob.card_turns("pm_card_visa_chargeDeclinedInsufficientFunds")
    declined = datetime(2027, 2, 28, 10, tzinfo=UTC)
    await year.go_to(declined + MINUTE)
    late = await _overdue(bob)
    await year.expect(bob, late)
    for days, attempts in ((2, 2), (6, 2), (7, 3), (14, 4)):
        await year.go_to(declined + days * DAY + 2 * MINUTE)
        await year.expect(bob, late)
        assert (await bob.invoices())[1]["attempts"] == attempts
    assert (await bob.get("/api/features/sell_courses/check"))["reason"] == "payment_overdue"
    await year.go_to(declined + 21 * DAY + 2 * MINUTE)
    await year.expect(bob, Plan(status="unpaid"))
    assert (await bob.invoices())[1]["attempts"] == 5
    await year.go_to(declined + 50 * DAY)
    await year.expect(bob, Plan(status="unpaid"))
    await year.go_to(declined + 51 * DAY + 2 * MINUTE)
    await year.expect(bob, None)
    assert [invoice["status"] for invoice in await bob.invoices()].count("paid") == 1
    await _books_close(year, database_url, declined + 60 * DAY)


@pytest.mark.skipif(
    shutil.which("hledger") is None, reason="hledger is not installed (Debian package hledger)"
)
async def test_hledger_accepts_the_books_of_a_subscription(year: Year, database_url: str) -> None:
    dan = year.person("usr_dan")
    await dan.subscribe()
    await _upgrade(year, dan, JOINED + 10 * DAY)
    await year.go_to(JOINED + 40 * DAY)
    await dan.wish("cancel", at_once=True)
    await year.go_to(JOINED + 42 * DAY)
    await year.expect(dan, None)
    _accepted(year, database_url, "hledger", "hledger", "check", "--strict", "-f")


async def _upgrade(year: Year, ada: Person, at: datetime) -> None:
    """What the preview told is what is charged."""
    await year.go_to(at)
    before = (await ada.get("/api/subscriptions/current"))["subscription"]
    told = await ada.wish("preview", tier="enterprise")
    moment = datetime.fromisoformat(told["proration_at"])
    period = (datetime.fromisoformat(before["period_start"]), datetime.fromisoformat(before["period_end"]))
    assert told["expected_minor"] == seg(ENTERPRISE, moment, *period) - seg(PRO, moment, *period)
    await ada.wish(
        "update",
        method="PUT",
        tier="enterprise",
        proration_at=told["proration_at"],
        expected_minor=told["expected_minor"],
    )
    await year.work()
    charged = (await ada.invoices())[-1]
    assert (charged["billing_reason"], charged["status"]) == ("subscription_update", "paid")
    assert charged["charged_minor"] == charged["total_minor"] == told["expected_minor"] == told["total_minor"]
    await year.expect(ada, Plan(status="active", tier="enterprise"))


async def _decline_and_recover(year: Year, ada: Person, renewal: datetime) -> None:
    """Declined on the day, and paid by our own retry two days later; access was there all the time."""
    await ada.card_turns("pm_card_visa_chargeDeclinedInsufficientFunds")
    await year.go_to(renewal + MINUTE)
    await year.expect(ada, await _overdue(ada, "enterprise"))
    await ada.card_turns("pm_card_visa")
    await year.go_to(renewal + DAY)
    assert (await ada.invoices())[-1]["status"] == "open"
    await year.go_to(renewal + 2 * DAY + 2 * MINUTE)
    assert (await ada.invoices())[-1]["status"] == "paid"
    await year.expect(ada, Plan(status="active", tier="enterprise"))


async def _overdue(person: Person, tier: str = "pro") -> Plan:
    told = (await person.get("/api/subscriptions/current"))["subscription"]
    return Plan(status="past_due", tier=tier, past_due_since=datetime.fromisoformat(told["past_due_since"]))


def _periods() -> list[tuple[datetime, datetime]]:
    starts = [datetime(2027, month, day, tzinfo=UTC) for month, day in MONTH_ENDS]
    return list(zip(starts, [*starts[1:], datetime(2028, 1, 31, tzinfo=UTC)], strict=True))


def _dates(invoice: dict[str, Any]) -> tuple[str, str]:
    return f"{invoice['period_start']:%m-%d}", f"{invoice['period_end']:%m-%d}"


async def _books_close(year: Year, url: str, at: datetime) -> None:
    """All service is given: nothing is deferred, and everything agrees with everything."""
    await year.go_to(at)
    await year.compare()
    rows = await year.world.rows("SELECT debit_minor, credit_minor FROM balances WHERE account = '2000'")
    assert [row["debit_minor"] - row["credit_minor"] for row in rows] == [0] * len(rows)
    await _roll_forward_ties(year, at)
    assert check(url).differences == ()
    with psycopg.connect(conninfo(url, role="liberation_auditor")) as conn:
        assert chain.verify(conn).position == await year.world.store.head()
    _accepted(year, url, "beancount", str(Path(sys.executable).parent / "bean-check"))


async def _roll_forward_ties(year: Year, end: datetime) -> None:
    """Month by month: each begins where the last ended, and ends with what account 2000 held then."""
    starts = [datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=30 * month) for month in range(20)]
    after_all = (end + DAY).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    months = [start for start in starts if start < end] + [after_all]
    closing = 0
    for start, after in pairwise(months):
        for item in await year.deferred(start, after):
            assert item["opening_minor"] == closing
            assert item["closing_minor"] == (
                closing + item["billed_minor"] - item["recognised_minor"] - item["credited_minor"]
            )
            assert (item["currency"], item["other_minor"]) == ("usd", 0)
            closing = item["closing_minor"]
    assert closing == 0


def _accepted(year: Year, url: str, fmt: Format, *command: str) -> None:
    """Another program finds nothing wrong with the exported books."""
    file = year.folder / f"books.{fmt}"
    with psycopg.connect(conninfo(url, role="liberation_auditor")) as conn:
        file.write_text("".join(export(conn, fmt)), encoding="utf-8")
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
