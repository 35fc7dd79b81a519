"""The day's payouts: in order, whole, once, and with a reason for whoever is not paid."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from structlog.testing import capture_logs

from api.payouts.run import Line, Report
from ledger.earnings.cash import shortfall
from ledger.effects import CreateTransfer
from tests.api.payouts.conftest import School
from tests.api.support import Caller, problem

BOOKED = "INSERT INTO balances VALUES (%s, '', 'usd', %s, %s)"


def came_to(report: Report, *people: Caller) -> list[tuple[str, int]]:
    """For each: `asked`, or the code of why not; and how much."""
    of = {line.user_id: line for line in report.lines}
    return [(_short(of[each.user_id]), of[each.user_id].amount_minor) for each in people]


def _short(line: Line) -> str:
    return line.reason or line.result


async def delivered(school: School) -> None:
    """What the run asked for, as the worker does it."""
    await school.app.projected()
    async with school.app.services.reading() as connection:
        query = (
            "SELECT user_id, currency, payout_id, attempt FROM instructor_payouts WHERE status = 'reserved'"
        )
        found = await (await connection.execute(query)).fetchall()
    for row in found:
        await school.fake.connect.pay(CreateTransfer(*row))


async def books(school: School, *, sold: int, owed: int, paid_out: int) -> None:
    """What a sale brought, what of it is owed, and what the platform paid itself, as the tables have it."""
    rows = [("1011", sold - paid_out, 0), ("2100", 0, owed)]
    async with school.app.services.reading() as connection:
        for account, debit, credit in rows:
            await connection.execute(BOOKED, (account, debit, credit))


async def test_everybody_is_paid_what_is_available(school: School) -> None:
    ivy, lou, max_ = [await school.teacher(f"usr_{name}") for name in ("ivy", "lou", "max")]
    await school.earn(ivy, 5_000)
    await school.earn(ivy, 4_000, "eur")
    await school.earn(lou, 7_000, available_in=1)
    await school.earn(max_, 999)
    report = await school.run()
    assert [(line.user_id, line.currency, line.amount_minor, _short(line)) for line in report.lines] == [
        ("usr_ivy", "eur", 4_000, "asked"),
        ("usr_ivy", "usd", 5_000, "asked"),
        ("usr_max", "usd", 999, "below_minimum"),
    ]
    assert "9.99 USD are available" in report.lines[2].detail
    assert [one["status"] for one in await school.listed(ivy)] == ["reserved", "reserved"]
    await delivered(school)
    assert [one["status"] for one in await school.listed(ivy)] == ["transferred", "transferred"]
    assert came_to(await school.run(), max_) == [("below_minimum", 999)]
    school.tomorrow()
    assert came_to(await school.run(), lou) == [("asked", 7_000)]


async def test_a_dry_run_records_nothing(school: School) -> None:
    ivy, lou = await school.teacher("usr_ivy"), await school.teacher("usr_lou", payable=False)
    await school.earn(ivy, 5_000)
    await school.earn(lou, 5_000)
    before = await school.store.head()
    report = await school.run(dry=True)
    assert came_to(report, ivy, lou) == [("asked", 5_000), ("account_not_payable", 5_000)]
    assert (report.asked, await school.store.head()) == (1, before)


async def test_two_runs_at_once_make_each_payout_once(school: School) -> None:
    teachers = [await school.teacher() for _ in range(5)]
    for each in teachers:
        await school.earn(each, 5_000)
    await school.app.projected()
    reports = await asyncio.gather(*(school.run() for _ in range(3)))
    for each in teachers:
        assert Counter(await school.told(each)) == {"payout_reserved": 1}
    assert all(report.lines for report in reports)


async def test_a_refund_after_the_payout_is_netted_and_the_run_says_why_it_pays_nothing(
    school: School,
) -> None:
    """70.00 paid out and refunded, then 35.00 mature: 35.00 are owed back. 70.00 more pay 35.00."""
    ivy = await school.teacher()
    await school.earn(ivy, 7_000)
    await school.ask(ivy)
    await school.earn(ivy, -7_000, kind="refund")
    assert await school.available(ivy) == 0
    await school.earn(ivy, 3_500)
    school.tomorrow()
    report = await school.run()
    assert came_to(report, ivy) == [("below_minimum", -3_500)]
    assert report.lines[0].detail.startswith("35.00 USD were paid out and taken back since")
    await school.earn(ivy, 7_000)
    assert came_to(await school.run(), ivy) == [("asked", 3_500)]


async def test_no_transfer_goes_into_a_hole_and_one_notice_tells_of_it(school: School) -> None:
    """Seven daily runs."""
    ivy = await school.teacher()
    await school.earn(ivy, 5_000)
    school.fake.connect.below_zero.add(ivy.user_id)
    for _ in range(7):
        assert came_to(await school.run(), ivy) == [("balance_below_zero", 5_000)]
        school.tomorrow()
    assert await school.told(ivy) == ["payout_withheld"]
    school.fake.connect.below_zero.clear()
    assert came_to(await school.run(), ivy) == [("asked", 5_000)]


async def test_whoever_becomes_payable_is_paid_by_the_next_run(school: School) -> None:
    ivy = await school.teacher("usr_ivy", payable=False)
    await school.earn(ivy, 5_000)
    report = await school.run()
    assert came_to(report, ivy) == [("account_not_payable", 5_000)]
    assert "onboarding is not finished" in report.lines[0].detail
    await school.earn(ivy, 1_000)
    await ivy("POST", "/api/instructor/account/refresh", json={})
    assert came_to(await school.run(), ivy) == [("asked", 6_000)]
    assert await school.told(ivy) == ["payout_withheld", "payout_reserved"]


async def test_in_a_shortage_whole_payouts_wait_in_their_order(school: School) -> None:
    """None is half paid, and none that is smaller goes before one that waits."""
    ann, bea, cal = [await school.teacher(f"usr_{name}") for name in ("ann", "bea", "cal")]
    await school.earn(ann, 4_000)
    await school.earn(bea, 9_000)
    await school.earn(cal, 1_000)
    await school.earn(cal, 2_000, "eur")
    school.short(6_000)
    report = await school.run()
    assert came_to(report, ann, bea) == [("asked", 4_000), ("platform_short", 9_000)]
    assert [(line.currency, _short(line)) for line in report.lines if line.user_id == "usr_cal"] == [
        ("eur", "asked"),
        ("usd", "platform_short"),
    ]
    await delivered(school)
    school.tomorrow()
    await school.earn(ann, 5_000)
    school.short(10_000)
    report = await school.run()
    assert [line.user_id for line in report.lines] == ["usr_bea", "usr_cal", "usr_ann"]
    assert came_to(report, bea, cal, ann) == [("asked", 9_000), ("asked", 1_000), ("platform_short", 5_000)]


async def test_whoever_asks_goes_before_nobody_who_waits(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(bea, 9_000)
    school.short(8_000)
    await school.run()
    await school.earn(ann, 2_000)
    await school.app.projected()
    assert problem(await school.ask(ann))["code"] == "platform_short"
    school.short(9_000)
    assert problem(await school.ask(ann))["code"] == "platform_short"
    assert (await school.ask(bea)).status_code == 201
    school.short(2_000)
    await school.app.projected()
    assert (await school.ask(ann)).status_code == 201


async def test_a_day_with_another_reason_costs_nobody_their_turn(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(bea, 9_000)
    school.short(8_000)
    await school.run()
    school.tomorrow()
    await school.earn(ann, 9_000)
    school.fake.connect.below_zero.add(bea.user_id)
    assert came_to(await school.run(), bea, ann) == [("balance_below_zero", 9_000), ("platform_short", 9_000)]
    school.tomorrow()
    school.fake.connect.below_zero.clear()
    school.short(10_000)
    report = await school.run()
    assert [line.user_id for line in report.lines] == ["usr_bea", "usr_ann"]
    assert came_to(report, bea, ann) == [("asked", 9_000), ("platform_short", 9_000)]


async def test_whoever_was_kept_by_something_else_asks_in_the_turn_that_they_had(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(bea, 9_000)
    school.short(8_000)
    await school.run()
    school.tomorrow()
    await school.earn(ann, 9_000)
    school.fake.connect.below_zero.add(bea.user_id)
    await school.run()
    school.fake.connect.below_zero.clear()
    school.short(10_000)
    await school.app.projected()
    assert (await school.ask(bea)).status_code == 201


async def test_whom_stripe_refuses_for_want_of_funds_is_before_all_who_come_later(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(bea, 9_000)
    school.fake.connect.refuses = True
    await school.run()
    await delivered(school)
    school.fake.connect.refuses = False
    school.short(10_000)
    await school.earn(ann, 2_000)
    await school.app.projected()
    assert problem(await school.ask(ann))["code"] == "platform_short"
    school.tomorrow()
    assert came_to(await school.run(), bea, ann) == [("asked", 9_000), ("platform_short", 2_000)]


async def test_who_is_being_paid_holds_nobody_up_with_what_they_earned_since(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(bea, 4_000)
    school.short(3_000)
    await school.run()
    school.short(6_000)
    await school.run()
    await school.earn(bea, 4_000)
    await school.earn(ann, 2_000)
    await school.app.projected()
    assert (await school.ask(ann)).status_code == 201


async def test_who_waits_and_has_nothing_to_have_any_more_holds_nobody_up(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(bea, 9_000)
    school.short(8_000)
    await school.run()
    await school.earn(bea, -9_000, kind="refund")
    await school.earn(ann, 8_000)
    await school.app.projected()
    assert (await school.ask(ann)).status_code == 201


async def test_what_is_reserved_is_not_given_twice(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(ann, 6_000)
    school.short(10_000)
    await school.run()
    await school.earn(bea, 6_000)
    assert came_to(await school.run(), bea) == [("platform_short", 6_000)]


async def test_an_account_that_stripe_does_not_tell_of_holds_nobody_else_up(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    for each in (ann, bea):
        await school.earn(each, 5_000)
    school.fake.connect.away.add(ann.user_id)
    assert came_to(await school.run(), ann, bea) == [("stripe_unavailable", 5_000), ("asked", 5_000)]
    assert await school.told(ann) == []


async def test_an_account_that_stripe_does_not_tell_of_keeps_its_turn(school: School) -> None:
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    for each in (ann, bea):
        await school.earn(each, 5_000)
    school.short(8_000)
    school.fake.connect.away.add(ann.user_id)
    assert came_to(await school.run(), ann, bea) == [("stripe_unavailable", 5_000), ("platform_short", 5_000)]
    school.fake.connect.away.clear()
    assert came_to(await school.run(), bea, ann) == [("asked", 5_000), ("platform_short", 5_000)]


async def test_a_payout_that_a_run_asked_for_today_is_not_told_of_as_another(school: School) -> None:
    """Nor does it take funds from anybody, when all that was tried today was refused."""
    ann, bea = await school.teacher("usr_ann"), await school.teacher("usr_bea")
    await school.earn(ann, 5_000)
    school.fake.connect.refuses = True
    await school.run()
    await delivered(school)
    assert problem(await school.ask(ann))["code"] == "payout_not_made"
    school.fake.connect.refuses = False
    await school.earn(bea, 5_000)
    school.short(5_000)
    assert came_to(await school.run(), ann, bea) == [("payout_made_today", 5_000), ("asked", 5_000)]


async def test_the_order_of_blocked_ones_is_not_lost_when_a_run_finds_them_again(school: School) -> None:
    ann = await school.teacher("usr_ann")
    await school.earn(ann, 5_000)
    school.fake.connect.refuses = True
    await school.run()
    await delivered(school)
    assert [one["status"] for one in await school.listed(ann)] == ["blocked"]
    report = await school.run()
    assert came_to(report, ann) == [("payout_made_today", 5_000)]
    school.fake.connect.refuses = False
    school.tomorrow()
    assert came_to(await school.run(), ann) == [("asked", 5_000)]
    await delivered(school)
    assert [one["status"] for one in await school.listed(ann)] == ["transferred", "blocked"]


@pytest.mark.parametrize(
    ("at_stripe", "owed", "missing"),
    [(60_000, 70_000, 10_000), (70_000, 70_000, 0), (100_000, 70_000, 0), (-500, 1_000, 1_500), (0, 0, 0)],
)
def test_a_shortfall_is_what_is_owed_and_not_at_stripe(at_stripe: int, owed: int, missing: int) -> None:
    assert shortfall(at_stripe, owed) == missing


async def test_a_platform_payout_that_takes_what_is_owed_is_flagged_before_transfers_run(
    school: School,
) -> None:
    """700.00 owed, of 1,000.00 at Stripe 400.00 are paid out: 100.00 are missing."""
    ivy = await school.teacher()
    await books(school, sold=100_000, owed=70_000, paid_out=40_000)
    await school.earn(ivy, 5_000)
    with capture_logs() as logs:
        report = await school.run(dry=True)
    [short] = report.short
    assert (short.currency, short.at_stripe_minor, short.owed_minor, short.shortfall_minor) == (
        "usd",
        60_000,
        70_000,
        10_000,
    )
    [warned] = [one for one in logs if one["event"] == "platform_short_of_what_it_owes"]
    assert (warned["log_level"], warned["shortfall_minor"]) == ("warning", 10_000)
    metrics = (await school.app.client.get("/metrics")).text
    assert 'liberation_owed_to_instructors_short_minor{currency="usd"} 10000.0' in metrics
