"""The journal as text for other people's programs, so that the books can be checked without ours.

Every amount is written out, in the main unit with all the decimals of its currency; nothing is left for the
reader to infer. https://hledger.org/hledger.html and https://beancount.github.io/docs/beancount_language_syntax.html
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from ledger.chart import CHART, TOK
from ledger.errors import OperatorError
from ledger.money import EXPONENTS

Format = Literal["hledger", "beancount", "csv"]


class UnknownCurrency(OperatorError):
    """A currency whose decimals are not known, so no amount of it can be written."""

    code = "unknown_currency"


class Leg(msgspec.Struct, frozen=True):
    """A posting with its entry and the hash of its fact."""

    position: int
    leg: int
    account: str
    party: str
    currency: str
    amount_minor: int
    effective_at: datetime
    recorded_at: datetime
    description: str
    type: str
    stream: str
    source: str
    hash: str


class Opened(msgspec.Struct, frozen=True):
    """An account, party and currency that are posted to, and the day of the ledger's first entry."""

    account: str
    party: str
    currency: str
    day: date


class Period(msgspec.Struct, frozen=True):
    """By effective time: at or after `since`, before `until`; None is without bound."""

    since: datetime | None = None
    until: datetime | None = None


Progress = Callable[[int, int], None]
"""Called with the postings written and how many there are."""

_LEGS = """
    SELECT
        p.position, p.leg, p.account, p.party, p.currency, p.amount_minor,
        e.effective_at, e.recorded_at, e.description, e.type, e.stream, e.source,
        encode(f.hash, 'hex') AS hash
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    JOIN events AS f ON f.position = p.position
    WHERE (%(since)s::timestamptz IS NULL OR e.effective_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR e.effective_at < %(until)s)
    ORDER BY p.position, p.leg
"""
_COUNT = """
    SELECT count(*)
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    WHERE (%(since)s::timestamptz IS NULL OR e.effective_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR e.effective_at < %(until)s)
"""
_OPENING = """
    SELECT p.account, p.party, p.currency, sum(p.amount_minor)::bigint AS amount_minor
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    WHERE e.effective_at < %(since)s
    GROUP BY p.account, p.party, p.currency
    HAVING sum(p.amount_minor) <> 0
    ORDER BY p.account, p.party, p.currency
"""
_OPENED = """
    SELECT
        account, party, currency,
        (SELECT min(effective_at AT TIME ZONE 'UTC')::date FROM entries) AS day
    FROM balances
    ORDER BY account, party, currency
"""
_OPENED_UNTIL = """
    SELECT
        p.account, p.party, p.currency,
        (SELECT min(effective_at AT TIME ZONE 'UTC')::date FROM entries) AS day
    FROM postings AS p
    JOIN entries AS e ON e.position = p.position
    WHERE e.effective_at < %(until)s
    GROUP BY p.account, p.party, p.currency
    ORDER BY p.account, p.party, p.currency
"""
_FETCHED_AT_ONCE = 2_000


def export(
    conn: Connection[Any],
    fmt: Format,
    period: Period = Period(),  # noqa: B008  immutable
    progress: Progress = lambda _done, _total: None,
) -> Iterator[str]:
    """The journal, of one moment, in pieces; memory does not grow with it.

    What happened before the period is its first entry, so that balances at its end are those of the books.
    The role needs to read `entries`, `postings`, `balances` and `events`, as an auditor may. Raises
    `UnknownCurrency`.
    """
    bounds = msgspec.structs.asdict(period)
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with conn.cursor(row_factory=class_row(Opened)) as cursor:
            opened = cursor.execute(_OPENED_UNTIL if period.until else _OPENED, bounds).fetchall()
        total = (conn.execute(_COUNT, bounds).fetchone() or (0,))[0]
        opening = _opening(conn, period)
        with conn.cursor("export", row_factory=class_row(Leg)) as cursor:
            cursor.itersize = _FETCHED_AT_ONCE
            legs = _counted(cursor.execute(_LEGS, bounds), total, progress)
            yield from _WRITERS[fmt](opened, itertools.chain(opening, legs))


def _counted(legs: Iterable[Leg], total: int, progress: Progress) -> Iterator[Leg]:
    done = 0
    for done, leg in enumerate(legs, start=1):
        if done % _FETCHED_AT_ONCE == 0:
            progress(done, total)
        yield leg
    progress(done, total)


def _opening(conn: Connection[Any], period: Period) -> list[Leg]:
    """One entry for all that happened before: of the day before, so that the period itself is only its own.

    It stands for many facts, so it has no position, no hash and no source.
    """
    rows = conn.execute(_OPENING, {"since": period.since}).fetchall()
    if period.since is None or not rows:
        return []
    at = period.since - timedelta(days=1)
    return [
        Leg(
            position=0,
            leg=number,
            account=account,
            party=party,
            currency=currency,
            amount_minor=amount_minor,
            effective_at=at,
            recorded_at=at,
            description="Opening balances",
            type="",
            stream="",
            source="",
            hash="",
        )
        for number, (account, party, currency, amount_minor) in enumerate(rows)
    ]


def decimal(amount_minor: int, currency: str) -> str:
    """`-1234.50` for -123450 usd, `500` for 500 jpy."""
    digits = _digits(currency)
    whole, fraction = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole}.{fraction:0{digits}d}" if digits else f"{sign}{whole}"


def _digits(currency: str) -> int:
    if currency == TOK:
        return 0
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"the journal has amounts in {currency!r}, which is no currency") from None


# ---------------------------------------------------------------------------------------- hledger

_HLEDGER_ROOTS = {
    "asset": ("assets", "A"),
    "liability": ("liabilities", "L"),
    "income": ("income", "R"),
    "expense": ("expenses", "X"),
    "": ("equity", "E"),
}


def hledger_account(account: str, party: str) -> str:
    """`assets:1010 Stripe pending`, and the party below it. A number that no chart has is equity.

    The party is percent-encoded: a colon would begin a further level, two spaces would end the name.
    """
    root, _ = _HLEDGER_ROOTS[_kind(account)]
    name = f"{root}:{account} {_name(account)}".rstrip()
    return f"{name}:{quote(party, safe='@+')}" if party else name


def _hledger(opened: list[Opened], legs: Iterable[Leg]) -> Iterator[str]:
    for currency in sorted({one.currency for one in opened}):
        digits = _digits(currency)
        # The decimal mark must be there, also when nothing follows it.
        yield f"commodity 1000.{'0' * digits} {currency.upper()}\n"
    for account, party in sorted({(one.account, party) for one in opened for party in ("", one.party)}):
        _, kind = _HLEDGER_ROOTS[_kind(account)]
        yield f"account {hledger_account(account, party)}  ; type: {kind}\n"
    for _, entry in groupby(legs, attrgetter("position")):
        yield _hledger_entry(list(entry))


def _hledger_entry(entry: list[Leg]) -> str:
    first = entry[0]
    lines = [f"\n{_day(first)} * ({first.position}) {_plain(first.description)}"]
    lines += [f"    ; {name}: {_plain(value)}" for name, value in _facts(first).items()]
    for leg in entry:
        amount = f"{decimal(leg.amount_minor, leg.currency)} {leg.currency.upper()}"
        lines.append(f"    {hledger_account(leg.account, leg.party)}  {amount}")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Without what would end a tag, a description or a line."""
    return re.sub(r"[,;|\s]+", " ", text).strip()


# -------------------------------------------------------------------------------------- beancount

_BEANCOUNT_ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "income": "Income",
    "expense": "Expenses",
    "": "Equity",
}


def beancount_account(account: str) -> str:
    """`Assets:1010-Stripe-Pending`. Parties go into metadata: `usr_1` would be no valid name here."""
    words = re.findall(r"[^\W_]+", f"{account} {_name(account)}")
    return f"{_BEANCOUNT_ROOTS[_kind(account)]}:{'-'.join(word[0].upper() + word[1:] for word in words)}"


def _beancount(opened: list[Opened], legs: Iterable[Leg]) -> Iterator[str]:
    yield 'option "title" "Liberation"\n'
    for currency in sorted({one.currency for one in opened} - {TOK}):
        yield f'option "operating_currency" "{currency.upper()}"\n'
    for currency in sorted({one.currency for one in opened}):
        yield f"{opened[0].day} commodity {currency.upper()}\n  precision: {_digits(currency)}\n"
    for account, ones in groupby(opened, attrgetter("account")):
        currencies = sorted({one.currency.upper() for one in ones})
        yield f"{opened[0].day} open {beancount_account(account)} {','.join(currencies)}\n"
    for _, entry in groupby(legs, attrgetter("position")):
        yield _beancount_entry(list(entry))


def _beancount_entry(entry: list[Leg]) -> str:
    first = entry[0]
    lines = [f"\n{_day(first)} * {_quoted(first.description)}", f"  position: {first.position}"]
    lines += [f"  {name}: {_quoted(value)}" for name, value in _facts(first).items()]
    for leg in entry:
        amount = f"{decimal(leg.amount_minor, leg.currency)} {leg.currency.upper()}"
        lines.append(f"  {beancount_account(leg.account)}  {amount}")
        if leg.party:
            lines.append(f"    party: {_quoted(leg.party)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# -------------------------------------------------------------------------------------------- csv

_COLUMNS = (
    *("position", "leg", "date", "account", "account_name", "party", "currency", "amount", "amount_minor"),
    *("description", "type", "stream", "source", "effective_at", "recorded_at", "hash"),
)


def _csv(_: list[Opened], legs: Iterable[Leg]) -> Iterator[str]:
    yield _csv_line(_COLUMNS)
    for leg in legs:
        more = {
            "date": _day(leg),
            "account_name": _name(leg.account),
            "amount": decimal(leg.amount_minor, leg.currency),
            "effective_at": _instant(leg.effective_at) if leg.hash else "",
            "recorded_at": _instant(leg.recorded_at) if leg.hash else "",
        }
        values = msgspec.structs.asdict(leg) | more
        yield _csv_line(values[column] for column in _COLUMNS)


def _csv_line(values: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


# ----------------------------------------------------------------------------------------- common


def _facts(leg: Leg) -> dict[str, str]:
    """Where an entry comes from: what leads an auditor back to the fact, and what proves that fact."""
    if not leg.hash:
        return {}
    facts = {
        "type": leg.type,
        "stream": leg.stream,
        "source": leg.source,
        "effective": _instant(leg.effective_at),
        "recorded": _instant(leg.recorded_at),
        "hash": leg.hash,
    }
    return {name: value for name, value in facts.items() if value}


def _kind(account: str) -> str:
    return CHART[account].kind if account in CHART else ""


def _name(account: str) -> str:
    return CHART[account].name if account in CHART else ""


def _day(leg: Leg) -> str:
    return leg.effective_at.astimezone(UTC).date().isoformat()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_WRITERS: Mapping[Format, Callable[[list[Opened], Iterable[Leg]], Iterator[str]]] = {
    "hledger": _hledger,
    "beancount": _beancount,
    "csv": _csv,
}
