"""What instructors are paid, read over HTTP: in earnings, movements, statements and all that is owed."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from api.earnings.statement import CurrencyStatement, StatementLine
from api.earnings.statement_pdf import rows_of
from api.earnings.withheld import why_nothing, withheld_from
from api.settings import Settings
from ledger.earnings.balances import Day, Out, balances
from ledger.earnings.commands import (
    EarningsCommand,
    RecordReversal,
    RecordTransfer,
    RecordTransferUnknown,
    RequestPayout,
    RequestRecall,
    WithholdPayout,
)
from ledger.ids import new_id
from tests.api.courses import ways
from tests.api.earnings.test_earnings import IVY, OLA, Market
from tests.api.support import STRIPE, FakeStripe, running
from tests.databases import clone, drop
from tests.ledger.examples import txn

UMA = "usr_uma"
AVAILABLE, SECOND, HELD = 4968, 4667, 451
"""Ivy's when the payout is asked for; of the sale that is pending then; and what a dispute holds."""
SHORT = "The platform has 20.00 USD available at Stripe, and the payout is of 35.00 USD."


class Paid(Market):
    """And then: on day 32 Ivy's payout is on its way, and Uma's has to wait; on day 33 it is made; on day 34
    Ann has her 100.00 back, of which it was paid, and on day 35 Bob his; on day 36 10.00 of the payout come
    back, and on day 37 the rest of what is owed is asked back.
    """

    async def happen(self) -> None:
        self.other = await ways.course_of(self.app.services, UMA, ways.PUBLISHED, price_minor=5000)
        await self._bought(self.app.caller("usr_ann", "student"), self.other)
        await super().happen()
        of_ann, of_bob = await self._dear_sales()
        self._at(32)
        await self._tell(RequestPayout(**self._of(IVY), payout_id="po_1", stripe_account_id="acct_ivy"))
        await self._tell(
            RecordTransferUnknown(**self._of(IVY), payout_id="po_1", attempt=1, cause="no_answer")
        )
        await self._tell(WithholdPayout(**self._of(UMA), reason="platform_short", detail=SHORT))
        self._at(33)
        await self._tell(self._transfer())
        self._at(34)
        assert (await self.root.refund(of_ann, note="It broke.")).status_code == 201
        self._at(35)
        assert (await self.root.refund(of_bob, note="It broke.")).status_code == 201
        self._at(36)
        await self._tell(self._reversal())
        self._at(37)
        await self._tell(RequestRecall(**self._of(IVY)))
        await self.app.projected()

    async def _dear_sales(self) -> list[str]:
        """In the order in which they were sold."""
        found = await self.get(f"/api/instructor/earnings/movements?course_id={self.dear}")
        return [one["payment_id"] for one in reversed(found["items"])]

    def _at(self, day: int) -> None:
        self.stripe.offset = timedelta(days=day)

    def day(self, number: int) -> date:
        return (self.begun + timedelta(days=number)).date()

    def _of(self, user_id: str) -> dict[str, Any]:
        return {
            "command_id": new_id("cmd"),
            "effective_at": self.stripe.now(),
            "user_id": user_id,
            "currency": "usd",
        }

    async def _tell(self, command: EarningsCommand) -> None:
        await self.app.services.store.handle(command, STRIPE)

    def _transfer(self) -> RecordTransfer:
        return RecordTransfer(
            **self._of(IVY),
            payout_id="po_1",
            attempt=1,
            amount_minor=AVAILABLE,
            stripe_account_id="acct_ivy",
            transfer_id="tr_1",
            balance_transaction=txn("transfer", -AVAILABLE),
        )

    def _reversal(self) -> RecordReversal:
        return RecordReversal(
            **self._of(IVY),
            payout_id="po_1",
            transfer_id="tr_1",
            reversal_id="trr_1",
            amount_minor=1000,
            balance_transaction=txn("reversal", 1000),
        )

    async def totals(self, user_id: str = IVY, query: str = "") -> dict[str, Any]:
        found = await self.get(f"/api/instructor/earnings?user_id={user_id}{query}", self.root)
        [totals] = found["totals"]
        return dict(totals)


@pytest.fixture(scope="module")
async def market(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Paid]:
    stripe, url = FakeStripe(), clone(server, template)
    async with running(Settings(data_dir=tmp_path_factory.mktemp("paid")), url, stripe) as app:
        opened = Paid(app, stripe, url)
        await opened.happen()
        yield opened
    drop(server, url)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, datetime.max.time(), UTC)


NAMES = ("available", "pending", "reserved", "debt", "paid")


@pytest.mark.parametrize(
    ("number", "standing"),
    [
        (31, (AVAILABLE, SECOND, 0, 0, 0)),
        (32, (0, SECOND, AVAILABLE, 0, 0)),
        (33, (0, SECOND, 0, 0, AVAILABLE)),
        (34, (0, SECOND, 0, 4667, AVAILABLE)),
        (35, (0, 0, 0, 4667, AVAILABLE)),
        (36, (0, 0, 0, 3667, AVAILABLE - 1000)),
    ],
)
async def test_on_each_day_totals_say_what_is_on_its_way_paid_and_owed_back_as_the_books_have_it(
    market: Paid, number: int, standing: tuple[int, ...]
) -> None:
    day = market.day(number)
    totals = await market.totals(query=f"&at={day}")
    assert tuple(totals[f"{name}_minor"] for name in NAMES) == standing
    assert (totals["held_minor"], totals["withheld"]) == (HELD, None)
    assert totals["owed_minor"] == await market.booked(IVY, _end_of(day))


async def test_totals_say_why_nothing_is_paid_and_what_to_do(market: Paid) -> None:
    owing, waiting = await market.totals(IVY), await market.totals(UMA)
    assert owing["withheld"]["reason"] == "below_minimum"
    assert owing["withheld"]["detail"].startswith("36.67 USD were paid out and taken back since")
    assert (waiting["available_minor"], waiting["reserved_minor"]) == (3500, 0)
    assert (waiting["withheld"]["reason"], waiting["withheld"]["detail"]) == ("platform_short", SHORT)
    assert "waits its turn" in waiting["withheld"]["remedy"]
    assert datetime.fromisoformat(waiting["withheld"]["since"]).date() == market.day(32)
    assert (await market.totals(OLA))["withheld"] is None, "there is nothing to be paid"


async def test_what_is_available_is_not_paid_while_a_transfer_is_being_taken_back(market: Paid) -> None:
    async with market.app.services.reading() as connection:
        found = await withheld_from(connection, IVY)
    assert (found["usd"].reason, found["usd"].remedy) == (
        "recall_in_progress",
        "Wait some seconds and ask again.",
    )
    enough = balances([Day(market.day(37), 1000, 0)], market.day(37))
    assert why_nothing("usd", enough, found) == found["usd"]
    assert why_nothing("usd", enough, {}) is None, "the next run pays it"
    on_its_way = balances([Day(market.day(37), 2000, 0)], market.day(37), Out(reserved_minor=1000))
    assert why_nothing("usd", on_its_way, found) is None


async def test_payouts_and_what_comes_back_of_them_are_movements_that_add_up_to_what_is_owed(
    market: Paid,
) -> None:
    found = (await market.get("/api/instructor/earnings/movements"))["items"]
    assert sum(one["amount_minor"] for one in found) == await market.booked(IVY) < 0
    back, payout = (one for one in found if one["payout_id"])
    assert (payout["kind"], payout["amount_minor"]) == ("payout", -AVAILABLE)
    assert payout["words"] == "The payout po_1: 49.68 USD went into the connected account at Stripe."
    assert (back["kind"], back["amount_minor"]) == ("payout_reversed", 1000)
    assert back["words"].startswith("10.00 USD of the payout po_1 came back")
    for one in (payout, back):
        names = ("course_id", "payment_id", "available_on", "explanation", "recovery")
        assert {one[name] for name in names} == {None}
    held = next(one for one in found if one["kind"] == "held")
    assert held["words"] == "A dispute holds 4.51 USD until it is decided."


async def test_what_was_paid_out_and_is_taken_back_says_how_it_comes_in_again(market: Paid) -> None:
    found = (await market.get(f"/api/instructor/earnings/movements?course_id={market.dear}"))["items"]
    pending, paid_out, *sales = found
    assert (paid_out["kind"], paid_out["recovery"]) == ("refund", "netting")
    assert paid_out["words"] == paid_out["explanation"]["rule"]
    assert paid_out["words"].endswith("that is netted from later earnings.")
    assert {one["recovery"] for one in (pending, *sales)} == {None}


async def test_a_payout_leads_to_its_entry_in_the_books(market: Paid) -> None:
    movements = (await market.get("/api/instructor/earnings/movements"))["items"]
    entries = (await market.get("/api/ledger/entries?account=1011&limit=100", market.root))["items"]
    found = {one["position"]: one["description"] for one in entries}
    assert [found[one["cause_position"]] for one in movements if one["payout_id"]] == [
        "Payout to an instructor, taken back",
        "Payout to an instructor",
    ]


async def test_by_course_is_what_was_earned_and_by_month_what_was_paid_too(market: Paid) -> None:
    by_course = (await market.get("/api/instructor/earnings?by=course"))["groups"]
    assert {one["course_id"] for one in by_course} == {market.cheap, market.dear}
    assert {one["paid_minor"] for one in by_course} == {0}
    by_month = (await market.get("/api/instructor/earnings?by=month"))["groups"]
    assert sum(one["paid_minor"] for one in by_month) == AVAILABLE - 1000
    assert sum(one["kept_minor"] for one in by_month) == sum(one["kept_minor"] for one in by_course)
    assert sum(one["kept_minor"] - one["paid_minor"] for one in by_month) == await market.booked(IVY)


# ------------------------------------------------------------------------------------------- statements


def _months(market: Paid) -> list[str]:
    return sorted({f"{market.day(number):%Y-%m}" for number in range(38)})


def _end_of_month(month: str) -> datetime:
    following = (date.fromisoformat(f"{month}-01") + timedelta(days=32)).replace(day=1)
    return _end_of(following - timedelta(days=1))


async def test_statements_with_payouts_join_and_tie_to_2100_less_1210(market: Paid) -> None:
    closing, lines = 0, []
    for month in _months(market):
        statement = await market.get(f"/api/instructor/statements/{month}")
        [one] = statement["currencies"]
        assert one["opening_minor"] == closing
        closing = one["opening_minor"] + sum(line["amount_minor"] for line in one["lines"])
        assert one["closing_minor"] == closing == await market.booked(IVY, _end_of_month(month))
        assert one["owed_to_platform_minor"] == max(-closing, 0)
        lines += one["lines"]
    assert closing < 0
    assert [
        (line["kind"], line["movements"], line["amount_minor"]) for line in lines if not line["course_id"]
    ] == [("payout", 1, -AVAILABLE), ("payout_reversed", 1, 1000)]


async def test_a_statement_as_csv_has_payouts_and_what_is_owed_to_the_platform(market: Paid) -> None:
    read: list[dict[str, str]] = []
    for month in _months(market):
        body = await market.get(f"/api/instructor/statements/{month}", accept="text/csv")
        read += csv.DictReader(StringIO(body.decode(), newline=""))
    paid = [(one["kind"], one["amount"], one["available_on"]) for one in read if one["payout_id"] == "po_1"]
    assert paid == [("payout", "-49.68", ""), ("payout_reversed", "10.00", "")]
    assert [one["kind"] for one in read if one["recovery"] == "netting"] == ["refund"]
    assert (read[-2]["kind"], read[-1]["kind"]) == ("closing", "owed_to_platform")
    assert read[-2]["amount"] == f"-{read[-1]['amount']}"


async def test_a_statement_with_payouts_is_a_pdf(market: Paid) -> None:
    for month in _months(market):
        body = await market.get(f"/api/instructor/statements/{month}", accept="application/pdf")
        assert body.startswith(b"%PDF-")


def test_a_pdf_says_that_the_closing_is_owed_to_the_platform() -> None:
    line = StatementLine(course_id=None, title=None, kind="payout", movements=1, amount_minor=-2000)
    of = CurrencyStatement(
        currency="usd", opening_minor=500, closing_minor=-1500, owed_to_platform_minor=1500, lines=[line]
    )
    assert rows_of(of)[1:] == [
        ("Connected account", "Payouts", "1", "-20.00 USD"),
        ("Closing balance", "", "", "-15.00 USD"),
        ("Owed to the platform", "", "", "15.00 USD"),
    ]


# ------------------------------------------------------------------------------------------------- owed


async def test_finance_sees_what_is_reserved_and_owed_back_and_payouts_took_the_oldest(market: Paid) -> None:
    answer = await market.get("/api/earnings/owed", market.root)
    [totals] = answer["totals"]
    assert (totals["available_minor"], totals["debt_minor"], totals["held_minor"]) == (3500, 3667, HELD)
    assert [one["amount_minor"] for one in totals["ages"]] == [3500 - 3667, 0, 0, 0]
    booked = await market.booked(IVY) + await market.booked(OLA) + await market.booked(UMA)
    assert totals["owed_minor"] == totals["booked_minor"] == booked
    assert [one["user_id"] for one in answer["items"]] == [IVY, UMA]
    then = await market.get(f"/api/earnings/owed?at={market.day(32)}", market.root)
    [totals] = then["totals"]
    assert (totals["reserved_minor"], totals["debt_minor"]) == (AVAILABLE, 0)
    assert (totals["booked_minor"], totals["cash"]) == (None, None)
    assert sum(one["owed_minor"] for one in then["items"]) == totals["owed_minor"]


async def test_finance_sees_whether_what_is_owed_is_at_stripe(market: Paid) -> None:
    [totals] = (await market.get("/api/earnings/owed", market.root))["totals"]
    accounts = (await market.get("/api/ledger/accounts", market.root))["items"]
    at_stripe = sum(one["balance_minor"] for one in accounts if one["account"] in {"1010", "1011"})
    assert totals["cash"] == {
        "at_stripe_minor": at_stripe,
        "payable_minor": 3500,
        "shortfall_minor": 3500 - at_stripe,
    }, "what Ivy owes back pays nothing of Uma's"
    assert at_stripe < 3500
