"""Other people's programs accept the exported books, and find the same balances in them."""

from __future__ import annotations

import csv
import importlib
import io
import shutil
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

import ledger.journal
from ledger.chart import CHART
from ledger.journal import Posting
from ledger.message import Recorded
from ledger.payments.events import PaymentSettled
from ledger.store import conninfo
from projections import journal
from projections.export import (
    Format,
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
TOKENS = (
    Posting("tokens issued", "TOK", 125),
    Posting("outstanding", "TOK", -125, party="usr: odd,  one"),
    Posting("2100", "usd", -70_00, party='ins_"1"\\'),
    Posting("1010", "usd", 70_00),
)


@pytest.fixture
def books(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A random history, and one entry with tokens, parties and currencies of other decimals."""
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
    return database_url


def exported(url: str, fmt: Format) -> str:
    with psycopg.connect(conninfo(url, role="liberation_auditor")) as conn:
        return "".join(export(conn, fmt))


def balances(url: str) -> dict[tuple[str, str, str], Decimal]:
    """By account, party and currency, in the main unit."""
    return {
        (one["account"], one["party"], one["currency"]): Decimal(
            decimal(one["debit_minor"] - one["credit_minor"], one["currency"])
        )
        for one in select(url, "SELECT * FROM balances")
    }


@needs_hledger
def test_hledger_accepts_it_and_finds_the_same_balances(books: str, tmp_path: Path) -> None:
    file = tmp_path / "liberation.journal"
    file.write_text(exported(books, "hledger"))
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
        for (account, party, currency), amount in balances(books).items()
    }
    assert {key: value for key, value in theirs.items() if value} == {
        key: value for key, value in ours.items() if value
    }


def test_beancount_accepts_it_and_finds_the_same_balances(books: str, tmp_path: Path) -> None:
    from beancount import loader

    file = tmp_path / "liberation.beancount"
    file.write_text(exported(books, "beancount"))
    subprocess.run([_script("bean-check"), str(file)], check=True, timeout=60)
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []

    realization: Any = importlib.import_module("beancount.core.realization")  # untyped
    root = realization.realize(entries)
    theirs = {
        (account.account, position.units.currency): position.units.number
        for account in realization.iter_children(root)
        for position in account.balance
    }
    ours: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (account, _, currency), amount in balances(books).items():
        ours[beancount_account(account), currency.upper()] += amount
    assert theirs == {key: value for key, value in ours.items() if value}


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


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
