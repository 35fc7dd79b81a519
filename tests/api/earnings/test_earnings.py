"""Earnings read over HTTP, and held against the books: one application, in which the tests only look."""

from __future__ import annotations

import csv
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any, LiteralString

import pytest
from psycopg import AsyncConnection

from api.earnings.reads import standings_of
from api.earnings.statement import CurrencyStatement, StatementLine
from api.earnings.statement_csv import _harmless
from api.earnings.statement_pdf import rows_of
from api.http.paging import page
from api.settings import Settings
from ledger.ids import new_id
from ledger.payments.commands import RecordPaymentSnapshot
from ledger.payments.decider import PAYMENT
from ledger.payments.stream import stream_of
from ledger.split import Part
from ledger.store import conninfo
from tests.api.courses import ways
from tests.api.support import STRIPE, Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop
from tests.ledger.examples import dispute, txn

IVY, OLA = "usr_ivy", "usr_ola"
LATER = timedelta(days=31)
"""After which all that is sold at first is available."""


class Market:
    """Ivy's course for 6.45, which Ann has a third of back and Bob's bank disputes; a course of two for
    100.00 that Ann buys, and again Bob a month later.
    """

    def __init__(self, app: Running, stripe: FakeStripe, url: str) -> None:
        self.app, self.stripe, self.url = app, stripe, url
        self.ivy, self.ola = app.caller(IVY, "instructor"), app.caller(OLA, "instructor")
        self.root = app.caller("usr_root", "admin")
        self.begun = datetime.now(UTC)

    async def happen(self) -> None:
        self.cheap = await ways.course_of(self.app.services, IVY, ways.PUBLISHED, price_minor=645)
        both = (Part(IVY, 6667), Part(OLA, 3333))
        self.dear = await ways.course_of(
            self.app.services, IVY, ways.PUBLISHED, price_minor=10_000, instructors=both
        )
        ann, bob = self.app.caller("usr_ann", "student"), self.app.caller("usr_bob", "student")
        self.payment_id = await self._bought(ann, self.cheap)
        part: dict[str, Any] = {"amount_minor": 215, "note": "Half of it is broken."}
        assert (await self.root.refund(self.payment_id, **part)).status_code == 201
        self.disputed = await self._bought(bob, self.cheap)
        await self._dispute(self.disputed)
        await self._bought(ann, self.dear)
        self.stripe.offset = LATER
        await self._bought(bob, self.dear)
        await self.app.projected()

    async def _bought(self, buyer: Caller, course_id: str) -> str:
        answer = await buyer.buy(course_id, "pm_ok")
        assert answer.status_code == 201, answer.text
        payment_id: str = answer.json()["payment"]["payment_id"]
        return payment_id

    async def _dispute(self, payment_id: str) -> None:
        payment = await self.app.services.store.state(PAYMENT, stream_of(payment_id))
        taken = txn("taken", -645, 1500)
        heard = RecordPaymentSnapshot(
            command_id=new_id("cmd"),
            effective_at=self.stripe.now(),
            payment_id=payment_id,
            payment_intent_id=payment.payment_intent_id,
            status="succeeded",
            amount_minor=645,
            amount_received_minor=645,
            currency="usd",
            charge_id=payment.charge_id,
            balance_transaction=payment.settlement,
            disputes=(dispute("needs_response", taken, amount_minor=645),),
        )
        await self.app.services.submitter.submit(heard, STRIPE)

    async def get(self, path: str, caller: Caller | None = None, **headers: str) -> Any:
        answer = await (caller or self.ivy).get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.content

    async def do(self, statement: LiteralString) -> None:
        async with await AsyncConnection.connect(conninfo(self.url), autocommit=True) as connection:
            await connection.execute(statement)

    async def booked(self, user_id: str, until: datetime | None = None) -> int:
        """What account 2100 has for an instructor, less 1210."""
        query = """
            SELECT coalesce(-sum(amount_minor), 0)::bigint
            FROM postings
            JOIN entries USING (position)
            WHERE account IN ('2100', '1210') AND party = %s AND effective_at <= %s
        """
        until = until or datetime.max.replace(tzinfo=UTC)
        async with self.app.services.reading() as connection:
            row = await (await connection.execute(query, (user_id, until))).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
async def market(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Market]:
    stripe, url = FakeStripe(), clone(server, template)
    async with running(Settings(data_dir=tmp_path_factory.mktemp("earnings")), url, stripe) as app:
        opened = Market(app, stripe, url)
        await opened.happen()
        yield opened
    drop(server, url)


FIRST_SALE = 4667
"""Ivy's of the first sale at 100.00: two thirds of 70.00."""


async def test_totals_say_what_is_available_pending_and_held(market: Market) -> None:
    answer = await market.get("/api/instructor/earnings")
    [totals] = answer["totals"]
    assert (totals["available_minor"], totals["pending_minor"]) == (301 + FIRST_SALE, FIRST_SALE)
    assert (totals["held_minor"], totals["debt_minor"]) == (451, 0)
    assert totals["owed_minor"] == await market.booked(IVY)
    due = (market.begun + LATER).date() + timedelta(days=30)
    assert totals["next"] == [{"available_on": due.isoformat(), "amount_minor": FIRST_SALE}]
    assert (answer["user_id"], answer["groups"]) == (IVY, [])


async def test_totals_of_a_day_are_as_the_books_were_then(market: Market) -> None:
    day = market.begun.date()
    answer = await market.get(f"/api/instructor/earnings?at={day}")
    [totals] = answer["totals"]
    end = datetime.combine(day, datetime.max.time(), UTC)
    assert (totals["available_minor"], totals["held_minor"]) == (0, 451)
    assert totals["owed_minor"] == await market.booked(IVY, end) < await market.booked(IVY)
    assert (await market.get("/api/instructor/earnings?at=2020-02-29"))["totals"] == []


async def test_sums_by_course_and_by_month_come_to_what_is_owed(market: Market) -> None:
    by_course = (await market.get("/api/instructor/earnings?by=course"))["groups"]
    assert {
        one["course_id"]: (one["title"], one["earned_minor"], one["reversed_minor"]) for one in by_course
    } == {
        market.cheap: ("Statistics", 902, 150),
        market.dear: ("Statistics", 2 * FIRST_SALE, 0),
    }
    by_month = (await market.get("/api/instructor/earnings?by=month"))["groups"]
    assert [one["month"] for one in by_month] == sorted(
        {f"{market.begun:%Y-%m}", f"{market.begun + LATER:%Y-%m}"}
    )
    owed = await market.booked(IVY)
    assert sum(one["kept_minor"] for one in by_course) == sum(one["kept_minor"] for one in by_month) == owed


async def test_totals_and_sums_are_of_one_moment(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though more is earned while they are read."""
    path, more = (
        "/api/instructor/earnings?by=course",
        "UPDATE earnings_months SET amount_minor = amount_minor",
    )
    before = await market.get(path)

    async def read(*of: Any) -> Any:
        standings = await standings_of(*of)
        await market.do(f"{more} + 1")
        return standings

    monkeypatch.setattr("api.earnings.routes.standings_of", read)
    try:
        assert await market.get(path) == before
    finally:
        await market.do(f"{more} - 1")


async def test_each_movement_says_how_it_came_out(market: Market) -> None:
    found = (await market.get("/api/instructor/earnings/movements"))["items"]
    assert sum(one["amount_minor"] for one in found) == await market.booked(IVY)
    sale = found[-1]
    assert (sale["kind"], sale["amount_minor"], sale["payment_id"]) == ("sale", 451, market.payment_id)
    assert (sale["course_id"], sale["title"]) == (market.cheap, "Statistics")
    counted = sale["explanation"]
    assert (counted["basis_minor"], counted["share_bp"], counted["part_bp"]) == (645, 7000, 10_000)
    assert (counted["exact_minor"], counted["rounding_minor"], counted["kept_minor"]) == (
        "451.5",
        "-0.5",
        451,
    )
    assert counted["rule"] == (
        "Shared is the price without tax and the instructors' own discount: 6.45 USD. "
        "The instructors' 70 % of it is 4.51 USD, rounded down; the platform has the rest."
    )
    refund = found[-2]
    assert (refund["kind"], refund["amount_minor"]) == ("refund", -150)
    assert refund["explanation"]["rule"].endswith(
        "2.15 USD of the charge is given back, so that 4.30 USD of it is left. "
        "The instructors' 70 % of it is 3.01 USD, rounded down; the platform has the rest. "
        "It was 4.51 USD before."
    )
    assert refund["available_on"] == sale["available_on"]
    assert "Of that 66.67 % is 46.67 USD, by largest remainder." in found[0]["explanation"]["rule"]


async def test_what_a_dispute_holds_is_a_movement_that_changes_nothing_of_what_is_owed(
    market: Market,
) -> None:
    found = (await market.get(f"/api/instructor/earnings/movements?course_id={market.cheap}"))["items"]
    held = found[0]
    assert (held["kind"], held["amount_minor"], held["held_change_minor"]) == ("held", 0, 451)
    assert (held["payment_id"], held["explanation"]) == (market.disputed, None)


async def test_a_movement_leads_to_its_entry_in_the_books(market: Market) -> None:
    movements = (await market.get("/api/instructor/earnings/movements"))["items"]
    entries = (await market.get("/api/ledger/entries?account=2100&limit=100", market.root))["items"]
    legs = {
        entry["position"]: -leg["amount_minor"]
        for entry in entries
        for leg in entry["legs"]
        if (leg["account"], leg["party"]) == ("2100", IVY)
    }
    assert {one["cause_position"]: one["amount_minor"] for one in movements if one["amount_minor"]} == legs


async def test_pages_of_movements_join_to_the_whole_list(market: Market) -> None:
    path = "/api/instructor/earnings/movements"
    whole = [one["position"] for one in (await market.get(path))["items"]]
    joined, query = [], "?limit=2"
    while query:
        answer = await market.get(path + query)
        joined += [one["position"] for one in answer["items"]]
        query = f"?limit=2&cursor={answer['next_cursor']}" if answer["has_more"] else ""
    assert joined == whole
    assert (await market.get(f"{path}?currency=EUR"))["items"] == []


async def test_what_is_somebody_elses_looks_like_nobodys(market: Market) -> None:
    for path in (
        "/api/instructor/earnings",
        "/api/instructor/earnings/movements",
        "/api/instructor/statements/2026-01",
    ):
        refused = await market.ola.get(f"{path}?user_id={IVY}")
        assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")
        seen = await market.root.get(f"{path}?user_id={IVY}")
        own = await market.ivy.get(path)
        assert (seen.status_code, seen.content) == (200, own.content)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("at=2026-02-30", "at"), ("at=yesterday", "at"), ("by=year", "by"), ("at=2026-01-31&by=month", "at")],
)
async def test_what_makes_no_sense_is_told_at_its_place(market: Market, query: str, parameter: str) -> None:
    refused = await market.ivy.get(f"/api/instructor/earnings?{query}")
    assert refused.status_code == 422
    assert [one["parameter"] for one in problem(refused)["errors"]] == [parameter]


# ------------------------------------------------------------------------------------------- statements


def months_of(market: Market) -> list[str]:
    """From before the first sale to after the last."""
    first = market.begun.date().replace(day=1)
    before, months = first - timedelta(days=1), [first]
    while months[-1] < (market.begun + LATER).date():
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return [f"{one:%Y-%m}" for one in (before, *months)]


def end_of(month: str) -> datetime:
    following = (date.fromisoformat(f"{month}-01") + timedelta(days=32)).replace(day=1)
    return datetime.combine(following, datetime.min.time(), UTC) - timedelta(microseconds=1)


async def test_statements_join_and_tie_to_the_books(market: Market) -> None:
    for caller, user_id in ((market.ivy, IVY), (market.ola, OLA)):
        closing = 0
        for month in months_of(market):
            statement = await market.get(f"/api/instructor/statements/{month}", caller)
            for one in statement["currencies"]:
                assert one["opening_minor"] == closing
                closing = one["opening_minor"] + sum(line["amount_minor"] for line in one["lines"])
                assert one["closing_minor"] == closing
            assert closing == await market.booked(user_id, end_of(month))
        assert closing == await market.booked(user_id) > 0


async def test_a_statement_has_a_line_for_each_kind_with_each_course_and_says_whether_it_is_final(
    market: Market,
) -> None:
    month = f"{market.begun:%Y-%m}"
    statement = await market.get(f"/api/instructor/statements/{month}")
    [of_dollars] = statement["currencies"]
    lines = {
        (one["course_id"], one["kind"]): (one["movements"], one["amount_minor"])
        for one in of_dollars["lines"]
    }
    assert lines[market.cheap, "sale"] == (2, 902)
    assert lines[market.cheap, "refund"] == (1, -150)
    assert statement["final"], "a month and a day are over"
    assert not (await market.get(f"/api/instructor/statements/{months_of(market)[-1]}"))["final"]


async def test_a_statement_as_csv_has_each_movement_between_its_opening_and_its_closing(
    market: Market,
) -> None:
    read = []
    for month in months_of(market):
        body = await market.get(f"/api/instructor/statements/{month}", accept="text/csv")
        lines = list(csv.DictReader(StringIO(body.decode(), newline="")))
        by_kind = Counter[str]()
        for line in lines:
            by_kind[line["kind"] if line["kind"] in {"opening", "closing"} else "moved"] += round(
                float(line["amount"]) * 100
            )
        assert by_kind["opening"] + by_kind["moved"] == by_kind["closing"]
        assert by_kind["closing"] == await market.booked(IVY, end_of(month))
        read += [line for line in lines if line["position"]]
    movements = (await market.get("/api/instructor/earnings/movements"))["items"]
    assert [int(line["position"]) for line in read] == [
        one["position"] for one in reversed(movements) if one["kind"] != "held"
    ]
    assert (read[0]["basis"], read[0]["kept"], read[0]["share_bp"]) == ("6.45 USD", "4.51", "7000")


async def test_a_long_month_is_read_page_by_page(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/instructor/statements/{market.begun:%Y-%m}"
    whole = await market.get(path, accept="text/csv")
    monkeypatch.setattr("api.earnings.statement_csv._PAGE", 1)
    assert await market.get(path, accept="text/csv") == whole


@pytest.mark.parametrize("before", ["", " ", "\t", "\r", "\n", "\u3000"])
@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_an_authors_words_are_no_formula(before: str, sign: str) -> None:
    assert _harmless(f"{before}{sign}cmd()") == f"'{before}{sign}cmd()"
    assert _harmless("Statistics = fun") == "Statistics = fun"


def test_a_statement_as_pdf_says_what_the_others_say() -> None:
    line = StatementLine(course_id="crs_1", title=None, kind="refund", movements=3, amount_minor=-451)
    of = CurrencyStatement(
        currency="usd", opening_minor=451, closing_minor=0, owed_to_platform_minor=0, lines=[line]
    )
    assert rows_of(of) == [
        ("Opening balance", "", "", "4.51 USD"),
        ("crs_1", "Refunds", "3", "-4.51 USD"),
        ("Closing balance", "", "", "0.00 USD"),
    ]


async def test_a_statement_is_a_pdf_where_that_is_asked_for_and_the_same_each_time(market: Market) -> None:
    path = f"/api/instructor/statements/{market.begun:%Y-%m}"
    answer = await market.ivy.get(path, headers={"Accept": "application/pdf"})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith('attachment; filename="statement-')
    assert answer.content.startswith(b"%PDF-")
    again = await market.ivy.get(path, headers={"Accept": "application/pdf"})
    assert again.content == answer.content
    known = {"Accept": "application/pdf", "If-None-Match": answer.headers["etag"]}
    unchanged = await market.ivy.get(path, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    refused = await market.ivy.get(path, headers={"Accept": "image/png"})
    assert (refused.status_code, problem(refused)["code"]) == (406, "not_acceptable")


async def test_a_month_is_named_as_it_was_asked_for(market: Market) -> None:
    for month in ("0001-01", "9999-12"):
        assert (await market.get(f"/api/instructor/statements/{month}"))["month"] == month


@pytest.mark.parametrize("month", ["2026-13", "2026", "march", "2026-03-01"])
async def test_a_month_that_is_none_says_how_one_is_written(market: Market, month: str) -> None:
    refused = await market.ivy.get(f"/api/instructor/statements/{month}")
    assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")
    assert "write it as 2026-01" in problem(refused)["detail"]


# ------------------------------------------------------------------------------------------------- owed


async def test_finance_sees_what_is_owed_by_age_in_dispute_and_to_whom(market: Market) -> None:
    answer = await market.get("/api/earnings/owed", market.root)
    [totals] = answer["totals"]
    ages = [(one["from_days"], one["to_days"], one["amount_minor"]) for one in totals["ages"]]
    assert ages == [(0, 30, 301 + 7000), (30, 60, 0), (60, 90, 0), (90, None, 0)]
    assert (totals["pending_minor"], totals["held_minor"], totals["debt_minor"]) == (7000, 451, 0)
    assert (
        totals["owed_minor"] == totals["booked_minor"] == await market.booked(IVY) + await market.booked(OLA)
    )
    assert (totals["instructors"], [one["user_id"] for one in answer["items"]]) == (2, [IVY, OLA])
    for name in ("available_minor", "pending_minor", "held_minor", "debt_minor", "owed_minor"):
        assert sum(one[name] for one in answer["items"]) == totals[name]


async def test_what_is_owed_is_read_in_pages_and_of_any_day(market: Market) -> None:
    first = await market.get("/api/earnings/owed?limit=1", market.root)
    second = await market.get(f"/api/earnings/owed?limit=1&cursor={first['next_cursor']}", market.root)
    assert [one["user_id"] for one in first["items"] + second["items"]] == [IVY, OLA]
    assert (first["has_more"], second["has_more"]) == (True, False)
    day = market.begun.date()
    then = await market.get(f"/api/earnings/owed?at={day}", market.root)
    end = datetime.combine(day, datetime.max.time(), UTC)
    [totals] = then["totals"]
    assert totals["owed_minor"] == await market.booked(IVY, end) + await market.booked(OLA, end)
    assert (totals["available_minor"], totals["booked_minor"]) == (0, None)
    assert (await market.get("/api/earnings/owed?at=2020-01-01", market.root))["totals"] == []


async def test_the_page_after_the_longest_id_of_a_user_is_read(market: Market) -> None:
    at = page([("a" * 128, "usd"), ("b", "usd")], 1, lambda key: key).next_cursor
    after = await market.get(f"/api/earnings/owed?cursor={at}", market.root)
    assert [one["user_id"] for one in after["items"]] == [IVY, OLA]


async def test_a_cursor_that_no_list_gave_is_refused_whatever_it_holds(market: Market) -> None:
    for key in (b"[1]", b'["usr_ivy"]', b'["usr_\\u0000ivy", "usd"]'):
        cursor = urlsafe_b64encode(key).rstrip(b"=").decode()
        refused = await market.root.get(f"/api/earnings/owed?cursor={cursor}")
        assert (refused.status_code, problem(refused)["code"]) == (422, "invalid"), key
