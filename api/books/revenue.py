"""What subscriptions bring in a month, who was lost, and what is owed in service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.books.days import ZONE, check_span
from api.http.body import instant, span
from api.http.problems import FieldError, Unprocessable
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from projections.queries import revenue
from projections.queries.revenue import Churn, Mrr, Rollforward

TAGS = ["revenue"]

At = Annotated[
    str | None, QueryParameter(format="date-time", description="Up to and at this time; without it, now.")
]
From = Annotated[str, QueryParameter(name="from", format="date-time", description="The span begins with it.")]
To = Annotated[
    str | None,
    QueryParameter(name="to", format="date-time", description="The span ends before it; without it, now."),
]


class MrrTotal(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    subscriptions: int
    mrr_minor: int


class MrrReport(msgspec.Struct, frozen=True, kw_only=True):
    """By tier, and in total for each currency; currencies are never added up."""

    at: datetime
    items: list[Mrr]
    totals: list[MrrTotal]


class ChurnReport(msgspec.Struct, frozen=True, kw_only=True):
    """`start` is in the span, `end` is not, so that months one after the other leave nothing out."""

    start: datetime
    end: datetime
    items: list[Churn]


class DeferredReport(msgspec.Struct, frozen=True, kw_only=True):
    """Account 2000 from one balance to the next, in every currency: opening + billed - recognised - credited
    - written off + other = closing. `zone` is that of the days by which it is recognised.
    """

    start: datetime
    end: datetime
    zone: Literal["UTC"] = ZONE
    items: list[Rollforward]


@get(
    "/api/revenue/mrr",
    operation_id="getMrr",
    summary="Monthly recurring revenue",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_mrr(services: NamedDependency[Services], at: At = None) -> Read[MrrReport]:
    """Of subscriptions that are active or past due; a year's price counts by the twelfth."""
    when = instant(at) or services.now()
    async with services.reading() as connection:
        items = await revenue.mrr(connection, when)
    return Read(MrrReport(at=when, items=items, totals=_totals(items)))


def _totals(items: list[Mrr]) -> list[MrrTotal]:
    currencies = dict.fromkeys(item.currency for item in items)
    of = {currency: [item for item in items if item.currency == currency] for currency in currencies}
    return [
        MrrTotal(
            currency=currency,
            subscriptions=sum(item.subscriptions for item in found),
            mrr_minor=sum(item.mrr_minor for item in found),
        )
        for currency, found in of.items()
    ]


@get(
    "/api/revenue/churn",
    operation_id="getChurn",
    summary="Customers and revenue lost",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_churn(services: NamedDependency[Services], since: From, until: To = None) -> Read[ChurnReport]:
    """Of those that paid when the span began, to the second, so that a month may be of any zone. Rates are in
    hundredths of a per cent.
    """
    start, end = _span(since, until, services.now())
    async with services.reading() as connection:
        items = await revenue.churn(connection, start, end)
    return Read(ChurnReport(start=start, end=end, items=items))


@get(
    "/api/revenue/deferred",
    operation_id="getDeferredRevenue",
    summary="Deferred revenue, rolled forward",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def get_deferred_revenue(
    services: NamedDependency[Services], since: From, until: To = None
) -> Read[DeferredReport]:
    """From the postings themselves, so that it ties to the account to the cent. `from` and `to` are where
    days of UTC begin, as revenue is recognised by those.
    """
    start, end = _span(since, until, services.now())
    check_span(start, instant(until))
    async with services.reading() as connection:
        items = await revenue.deferred_rollforward(connection, start, end)
    return Read(DeferredReport(start=start, end=end, items=items))


def _span(since: str, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    start, end = span(since, until)
    assert start is not None, "the parameter is required"
    if end is None and start > now:
        raise Unprocessable.at(
            FieldError(detail="must not be after now, where the span ends without `to`", parameter="from")
        )
    return start, end or now


HANDLERS = (get_mrr, get_churn, get_deferred_revenue)
