"""Other people's programs accept the exported books, and find the same balances in them."""

from __future__ import annotations

import csv
import importlib
import io
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

import ledger.journal
from ledger.chart import CHART
from ledger.entries import Posting
from ledger.message import Recorded
from ledger.payments.events import PaymentSettled
from ledger.store import conninfo
from projections import journal
from projections.queries.export import (
    Format,
    Period,
    UnknownCurrency,
    beancount_account,
    decimal,
    export,
    hledger_account,
)
from tests.projections.histories import append, history, initiated, random_history, settled, succeeded
from tests.projections.tables import catch_up, select

needs_hledger = pytest.mark.skipif(
    shutil.which("hledger") is None, reason="hledger is not installed (Debian package hledger)"
)
ALWAYS = Period()
TOKENS = (
    Posting("tokens issued", "TOK", 125),
    Posting("outstanding", "TOK", -125, party="usr: odd,  one"),
    Posting("2100", "usd", -70_00, party='ins_"1"\\'),
    Posting("1010", "usd", 70_00),
)


@pytest.fixture
def books(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A random history of three months, one entry with tokens and parties, and one of other decimals."""
    posted = ledger.journal.postings

    def postings(recorded: Recorded) -> tuple[Posting, ...]:
        is_special = recorded.stream == "payment-special" and isinstance(recorded.event, PaymentSettled)
        return TOKENS if is_special else posted(recorded)

    monkeypatch.setattr(journal, "postings", postings)
    facts = history(
        ("payment-special", (initiated("special"), succeeded("special"), settled("special"))),
        ("payment-kwd", (initiated("kwd"), succeeded("kwd"), settled("kwd", 1_000, "kwd"))),
        *((one.stream, (one.event,)) for one in random_history(seed=3, payments=60)),
    )
    append(database_url, facts)
    assert catch_up(database_url).errors == {}
    with psycopg.connect(conninfo(database_url, role=None)) as conn:
        conn.execute(_OVER_THREE_MONTHS)
    return database_url


_OVER_THREE_MONTHS = "UPDATE entries SET effective_at = effective_at + position * 7 % 90 * interval '1 day'"
"""Not in the order of their recording."""


def exported(url: str, fmt: Format, period: Period = ALWAYS) -> str:
    with psycopg.connect(conninfo(url, role="liberation_auditor")) as conn:
        return "".join(export(conn, fmt, period))


def balances(url: str, period: Period = ALWAYS) -> dict[tuple[str, str, str], Decimal]:
    """By account, party and currency, in the main unit, at the end of the period."""
    query: LiteralString = (
        "SELECT account, party, currency, debit_minor - credit_minor AS minor FROM balances"
    )
    if period.until:
        query = """
            SELECT account, party, currency, sum(amount_minor)::bigint AS minor
            FROM postings JOIN entries USING (position)
            WHERE effective_at < %(until)s
            GROUP BY account, party, currency
        """
    return {
        (one["account"], one["party"], one["currency"]): Decimal(decimal(one["minor"], one["currency"]))
        for one in select(url, query, until=period.until)
    }


def days(url: str) -> tuple[datetime, datetime]:
    """After one and two thirds of the days on which something happened."""
    query = """
        SELECT DISTINCT date_trunc('day', effective_at AT TIME ZONE 'UTC') AS day FROM entries ORDER BY day
    """
    found = [one["day"].replace(tzinfo=UTC) for one in select(url, query)]
    return found[len(found) // 3], found[len(found) * 2 // 3]


@pytest.fixture(params=["all", "from", "to", "both", "the end", "before it all"])
def period(request: pytest.FixtureRequest, books: str) -> Period:
    since, until = days(books)
    assert since < until, "the history is long enough"
    return {
        "all": ALWAYS,
        "from": Period(since=since),
        "to": Period(until=until),
        "both": Period(since, until),
        "the end": Period(since=datetime(2100, 1, 1, tzinfo=UTC)),
        "before it all": Period(datetime(1, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)),
    }[request.param]


@needs_hledger
def test_hledger_accepts_it_and_finds_the_same_balances(books: str, period: Period, tmp_path: Path) -> None:
    file = tmp_path / "liberation.journal"
    file.write_text(exported(books, "hledger", period))
    subprocess.run(["hledger", "-f", str(file), "check", "--strict"], check=True, timeout=60)
    command = [
        "hledger",
        "-f",
        str(file),
        "balance",
        "--flat",
        "--no-total",
        "--empty",
        "-O",
        "csv",
        "--layout=bare",
    ]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    theirs = {
        (row["account"], row["commodity"]): Decimal(row["balance"])
        for row in csv.DictReader(io.StringIO(found))
    }
    ours = {
        (hledger_account(account, party), currency.upper()): amount
        for (account, party, currency), amount in balances(books, period).items()
    }
    assert {key: value for key, value in theirs.items() if value} == {
        key: value for key, value in ours.items() if value
    }


def test_beancount_accepts_it_and_finds_the_same_balances(books: str, period: Period, tmp_path: Path) -> None:
    from beancount import loader

    file = tmp_path / "liberation.beancount"
    file.write_text(exported(books, "beancount", period))
    subprocess.run([_script("bean-check"), str(file)], check=True, timeout=60)
    entries, errors, options = loader.load_file(str(file))
    assert errors == []
    in_use = {currency.upper() for _, _, currency in balances(books, period)}
    assert options["operating_currency"] == sorted(in_use - {"TOK"})

    realization: Any = importlib.import_module("beancount.core.realization")  # untyped
    root = realization.realize(entries)
    theirs = {
        (account.account, position.units.currency): position.units.number
        for account in realization.iter_children(root)
        for position in account.balance
    }
    ours: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (account, _, currency), amount in balances(books, period).items():
        ours[beancount_account(account), currency.upper()] += amount
    assert {key: value for key, value in theirs.items() if value} == {
        key: value for key, value in ours.items() if value
    }


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_csv_of_a_period_opens_with_what_was_before(books: str, period: Period) -> None:
    sums: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for line in csv.DictReader(io.StringIO(exported(books, "csv", period))):
        sums[line["account"], line["party"], line["currency"]] += Decimal(line["amount"])
    assert {key: value for key, value in sums.items() if value} == {
        key: value for key, value in balances(books, period).items() if value
    }


def test_the_opening_entry_is_of_the_day_before_and_stands_for_no_one_fact(books: str) -> None:
    since, until = days(books)
    lines = list(csv.DictReader(io.StringIO(exported(books, "csv", Period(since, until)))))
    opening = [line for line in lines if line["position"] == "0"]
    assert {line["date"] for line in opening} == {f"{since - timedelta(days=1):%Y-%m-%d}"}
    assert {(line["description"], line["hash"], line["effective_at"]) for line in opening} == {
        ("Opening balances", "", "")
    }
    assert len(opening) < len(lines)
    for line in lines[len(opening) :]:
        assert f"{since:%Y-%m-%d}" <= line["date"] < f"{until:%Y-%m-%d}"


def test_exporting_tells_how_far_it_is(books: str) -> None:
    told: list[tuple[int, int]] = []
    with psycopg.connect(conninfo(books, role="liberation_auditor")) as conn:
        postings = len(list(export(conn, "csv", progress=lambda done, total: told.append((done, total))))) - 1
    assert told[-1] == (postings, postings)


def test_csv_has_a_line_for_each_posting_that_leads_back_to_its_fact(books: str) -> None:
    lines = list(csv.DictReader(io.StringIO(exported(books, "csv"))))
    sums: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line["account"], line["party"], line["currency"]] += Decimal(line["amount"])

    assert sums == balances(books)
    [fact] = select(
        books, "SELECT stream, hash FROM event_log WHERE position = %s", int(lines[-1]["position"])
    )
    assert (lines[-1]["stream"], lines[-1]["hash"]) == (fact["stream"], fact["hash"])


@pytest.mark.parametrize("fmt", ["hledger", "beancount", "csv"])
def test_empty_books_are_exported_too(fmt: Format, database_url: str) -> None:
    assert exported(database_url, fmt).count("\n") <= 1


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (-123_450, "usd", "-1234.50"),
        (5, "usd", "0.05"),
        (500, "jpy", "500"),
        (1_005, "kwd", "1.005"),
        (-3, "TOK", "-3"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(amount_minor: int, currency: str, written: str) -> None:
    assert decimal(amount_minor, currency) == written


def test_a_currency_without_known_decimals_is_refused() -> None:
    with pytest.raises(UnknownCurrency, match="'xyz'"):
        decimal(1, "xyz")


def test_account_names_are_those_of_the_chart() -> None:
    assert hledger_account("1010", "usr:1  x") == "assets:1010 Stripe pending:usr%3A1%20%20x"
    assert beancount_account("1010") == "Assets:1010-Stripe-Pending"
    assert len({beancount_account(number) for number in CHART}) == len(CHART)
