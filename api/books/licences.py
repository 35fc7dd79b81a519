"""What organisations owe on licences and orders, by age, and users on what they paid elsewhere; and what
licences have left to earn, by month.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.http.checks import Check
from api.http.problems import FieldError, Unprocessable
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.organisations.reads import names_of
from api.services import Services
from api.words import DAY, MONTH
from ledger.invoices.recognition import end_of
from ledger.store.batched_queries import Connection
from projections.queries import licences
from projections.queries.licences import LicenceMonth, OwedByUser, Receivables

TAGS = ["revenue"]
MOST_MONTHS = 120


def _day_fault(text: str) -> str | None:
    try:
        end_of(date.fromisoformat(text))
    except (ValueError, OverflowError):
        return f"{text!r:.20} is no day: write it as 2026-01-31"
    return None


def _month_fault(text: str) -> str | None:
    return "must be from the year 1 to 9998" if text[:4] in {"0000", "9999"} else None


AsOf = Annotated[
    str | None,
    QueryParameter(pattern=DAY, description="At the end of that UTC day; now, without it."),
    Check(_day_fault),
]
First = Annotated[
    str,
    QueryParameter(pattern=MONTH, description="The first month (UTC)."),
    Check(_month_fault),
]
Last = Annotated[
    str | None,
    QueryParameter(pattern=MONTH, description="The last month; without it, this one."),
    Check(_month_fault),
]


class ReceivablesTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What all organisations owe in one currency, by how long it is overdue; `users_minor` is what users were
    said to have paid outside Stripe. Both together are account 1100, `account_minor`.
    """

    currency: str
    account_minor: int
    users_minor: int
    total_minor: int
    current_minor: int
    days_0_30_minor: int
    days_31_60_minor: int
    days_61_90_minor: int
    over_90_minor: int


class OwedByOrganisation(Receivables, frozen=True):
    org_name: str | None
    """Null once it is erased."""


class ReceivablesReport(msgspec.Struct, frozen=True, kw_only=True):
    """By organisation and currency, and how long it is overdue. `users` are those whose invoices were paid
    outside Stripe with what finance has not found yet: `GET /api/invoices?receivable=true` has the invoices.
    """

    before: datetime
    items: list[OwedByOrganisation]
    users: list[OwedByUser]
    totals: list[ReceivablesTotal]
    """By currency: account 1100 at `before`."""


class LicenceRollforward(msgspec.Struct, frozen=True, kw_only=True):
    """By currency, the months one after the other."""

    items: list[LicenceMonth]


@get(
    "/api/revenue/receivables",
    operation_id="getReceivables",
    summary="What organisations owe, by age, and users",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_receivables(services: NamedDependency[Services], as_of: AsOf = None) -> Read[ReceivablesReport]:
    """From the postings themselves, so that it ties to the account to the cent."""
    moment = end_of(date.fromisoformat(as_of)) if as_of else services.now()
    async with services.reading() as connection:
        return Read(await receivables_at(connection, moment))


async def receivables_at(connection: Connection, before: datetime) -> ReceivablesReport:
    found = await licences.ageing(connection, before)
    names = await names_of(connection, (one.org_id for one in found))
    items = [
        OwedByOrganisation(**msgspec.structs.asdict(one), org_name=names.get(one.org_id)) for one in found
    ]
    users = await licences.owed_by_users(connection, before)
    currencies = sorted({one.currency for one in found} | {one.currency for one in users})
    totals = [_total(currency, found, users) for currency in currencies]
    return ReceivablesReport(before=before, items=items, users=users, totals=totals)


def _total(currency: str, found: Sequence[Receivables], users: Sequence[OwedByUser]) -> ReceivablesTotal:
    of = [one for one in found if one.currency == currency]
    columns = [name for name in Receivables.__struct_fields__ if name.endswith("_minor")]
    sums = {name: sum(getattr(one, name) for one in of) for name in columns}
    by_users = sum(one.total_minor for one in users if one.currency == currency)
    return ReceivablesTotal(
        currency=currency, account_minor=sums["total_minor"] + by_users, users_minor=by_users, **sums
    )


@get(
    "/api/revenue/licenses",
    operation_id="getLicenceRollforward",
    summary="Deferred revenue of licences, month by month",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_rollforward(
    services: NamedDependency[Services], first: First, last: Last = None
) -> Read[LicenceRollforward]:
    """Opening + invoiced - credited - written off - recognised = closing, which the next month opens with. It
    is the licences' part of account 2000; subscriptions and orders have the rest.
    """
    months = _months(first, last or f"{services.now().astimezone(UTC):%Y-%m}")
    async with services.reading() as connection:
        items = await licences.licence_rollforward(connection, months)
    return Read(LicenceRollforward(items=items))


def _months(first: str, last: str) -> list[date]:
    """And the one after the last."""
    begin, end = (date.fromisoformat(f"{one}-01") for one in (first, last))
    if not begin <= end < begin + timedelta(days=MOST_MONTHS * 31):
        detail = f"must not be after `last`, nor more than {MOST_MONTHS} months before it"
        raise Unprocessable.at(FieldError(detail=detail, parameter="first"))
    months = [begin]
    while months[-1] <= end:
        months.append((months[-1] + timedelta(days=31)).replace(day=1))
    return months


HANDLERS = (get_receivables, get_rollforward)
