"""The books: balances, entries, the trial balance, and where a number comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.books.days import ZONE, check_close, check_span
from api.http.body import instant, span
from api.http.checks import Check
from api.http.known import account_fault, check_party, stream_fault
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import rows, select
from api.services import Services
from api.words import ACCOUNT, NO_NUL
from ledger.chart import CHART, Kind, Side
from projections.journal import ENTRIES, POSTINGS, EntryRow, PostingRow

TAGS = ["books"]
_OR_RECORDED = ", or for `by=recorded`, which takes any time"

Party = Annotated[
    str | None,
    QueryParameter(
        max_length=128,
        pattern=NO_NUL,
        description="One sub-ledger: a subscription's id on 2000, an instructor's on 2100, "
        "a user's on 2300 and 9100.",
    ),
]
By = Annotated[
    Literal["effective", "recorded"],
    QueryParameter(description="Which time counts: when it happened, or when it was recorded."),
]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account in one currency. `balance_minor` is debit less credit, so a liability's is below zero."""

    account: str
    name: str
    kind: Kind
    side: Side
    currency: str
    debit_minor: int
    credit_minor: int
    balance_minor: int


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Account]


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """Debits and credits are equal in every currency, or something is badly wrong."""

    currency: str
    debit_minor: int
    credit_minor: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """`at` null is now. `zone` is that of the days by which revenue is recognised."""

    at: datetime | None
    zone: Literal["UTC"] = ZONE
    by: Literal["effective", "recorded"]
    items: list[Account]
    totals: list[Total]


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """Debit above zero, credit below."""

    account: str
    name: str
    party: str
    currency: str
    amount_minor: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What one fact did to the books. `source` is the Stripe object that says so."""

    position: int
    stream: str
    type: str
    description: str
    source: str
    effective_at: datetime
    recorded_at: datetime
    legs: list[Leg]


_BALANCES = """
    SELECT account, currency, sum(debit_minor)::bigint, sum(credit_minor)::bigint
    FROM balances
    WHERE %(party)s::text IS NULL OR party = %(party)s
    GROUP BY account, currency
    ORDER BY account, currency
"""


@get(
    "/api/ledger/accounts",
    operation_id="listAccounts",
    summary="Every account's balance",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_accounts(services: NamedDependency[Services], party: Party = None) -> Read[Accounts]:
    """Of all that was ever posted; accounts without postings are left out."""
    async with services.reading() as connection:
        found = await (await connection.execute(_BALANCES, {"party": party})).fetchall()
        await check_party(connection, party)
    return Read(Accounts(items=[_account(row) for row in found]))


def _account(row: Sequence[Any]) -> Account:
    number, currency, debit, credit = row
    known = CHART[number]
    return Account(
        account=number,
        name=known.name,
        kind=known.kind,
        side=known.side,
        currency=currency,
        debit_minor=debit,
        credit_minor=credit,
        balance_minor=debit - credit,
    )


_AT_EFFECTIVE = """
    SELECT account, currency,
        coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint,
        coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint
    FROM postings
    JOIN entries USING (position)
    WHERE effective_at <= %s
    GROUP BY account, currency
    ORDER BY account, currency
"""
_AT_RECORDED = _AT_EFFECTIVE.replace("effective_at <=", "recorded_at <=")


@get(
    "/api/ledger/trial-balance",
    operation_id="getTrialBalance",
    summary="The trial balance",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_trial_balance(
    services: NamedDependency[Services],
    at: Annotated[str | None, QueryParameter(format="date-time", description="Now, without it.")] = None,
    by: By = "effective",
) -> Read[TrialBalance]:
    """As of the end of a day of UTC by when things happened, as revenue is recognised by those; at any time
    by when they were recorded.
    """
    moment = instant(at)
    if by == "effective":
        check_close(moment, _OR_RECORDED)
    query = _AT_EFFECTIVE if by == "effective" else _AT_RECORDED
    async with services.reading() as connection:
        if moment is None:
            found = await (await connection.execute(_BALANCES, {"party": None})).fetchall()
        else:
            found = await (await connection.execute(query, (moment,))).fetchall()
    items = [_account(row) for row in found]
    return Read(TrialBalance(at=moment, by=by, items=items, totals=_totals(items)))


def _totals(items: Sequence[Account]) -> list[Total]:
    of_currency: defaultdict[str, list[Account]] = defaultdict(list)
    for item in items:
        of_currency[item.currency].append(item)
    return [
        Total(
            currency=currency,
            debit_minor=sum(each.debit_minor for each in of),
            credit_minor=sum(each.credit_minor for each in of),
        )
        for currency, of in sorted(of_currency.items())
    ]


_ENTRIES = """
    SELECT {columns}
    FROM {table} AS e
    WHERE position < %(before)s
        AND (%(since)s::timestamptz IS NULL OR e.{at} >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR e.{at} < %(until)s)
        AND (
            %(account)s::text IS NULL
            OR EXISTS (SELECT FROM postings AS p WHERE p.position = e.position AND p.account = %(account)s)
        )
        AND (%(stream)s::text IS NULL OR e.stream = %(stream)s)
    ORDER BY position DESC
    LIMIT %(limit)s
"""
_ENTRIES_BY = {
    "effective": select(_ENTRIES, ENTRIES, at="effective_at"),
    "recorded": select(_ENTRIES, ENTRIES, at="recorded_at"),
}
_LEGS = select("SELECT {columns} FROM {table} WHERE position = ANY(%s) ORDER BY position, leg", POSTINGS)


@get(
    "/api/ledger/entries",
    operation_id="listEntries",
    summary="The journal",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_entries(
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    account: Annotated[
        str | None, QueryParameter(pattern=ACCOUNT, description="By the chart: 1010."), Check(account_fault)
    ] = None,
    stream: Annotated[
        str | None,
        QueryParameter(max_length=300, pattern=NO_NUL, description="Such as payment-pay_…."),
        Check(stream_fault),
    ] = None,
    since: Annotated[
        str | None, QueryParameter(format="date-time", name="from", description="At or after.")
    ] = None,
    until: Annotated[str | None, QueryParameter(format="date-time", name="to", description="Before.")] = None,
    by: By = "effective",
) -> Read[Page[Entry]]:
    """Entries with all their legs, in the reverse order of their recording. By when things happened `from`
    and `to` are where days of UTC begin, as revenue is recognised by those; else they are any times.
    """
    start, end = span(since, until)
    if by == "effective":
        check_span(start, end, _OR_RECORDED)
    arguments: dict[str, Any] = {
        "before": before(cursor),
        "since": start,
        "until": end,
        "account": account,
        "stream": stream,
        "limit": limit + 1,
    }
    async with services.reading() as connection:
        entries = await rows(connection, _ENTRIES_BY[by], ENTRIES, arguments)
        postings = await rows(connection, _LEGS, POSTINGS, ([entry.position for entry in entries],))
    legs: defaultdict[int, list[Leg]] = defaultdict(list)
    for posting in postings:
        legs[posting.position].append(_leg(posting))
    items = [_entry(entry, legs[entry.position]) for entry in entries]
    return Read(page(items, limit, lambda entry: (entry.position,)))


def _entry(row: EntryRow, legs: list[Leg]) -> Entry:
    return Entry(
        position=row.position,
        stream=row.stream,
        type=row.type,
        description=row.description,
        source=row.source,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        legs=legs,
    )


def _leg(row: PostingRow) -> Leg:
    return Leg(
        account=row.account,
        name=CHART[row.account].name,
        party=row.party,
        currency=row.currency,
        amount_minor=row.amount_minor,
    )


HANDLERS = (list_accounts, list_entries, get_trial_balance)
