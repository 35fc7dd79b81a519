"""What an instructor has earned, and when it is theirs to have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any, Literal

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.earnings.reads import Standing, standings_of, titles_of
from api.earnings.resources import AtDay, Earnings, Group, Maturing, Totals, Withheld, sums_of
from api.earnings.withheld import why_nothing, withheld_from
from api.http.auth import Principal
from api.http.body import WhoseParameter
from api.http.owner import owner_of
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import SNAPSHOT
from api.services import Services
from ledger.earnings.balances import balances
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection

TAGS = ["earnings"]
By = Literal["course", "month"]

_GROUPS = """
    SELECT currency, {by},
        coalesce(sum(amount_minor) FILTER (WHERE kind IN ('sale', 'granted')), 0)::bigint,
        coalesce(-sum(amount_minor) FILTER (
            WHERE kind NOT IN ('sale', 'granted', 'payout', 'payout_reversed')
        ), 0)::bigint,
        coalesce(-sum(amount_minor) FILTER (WHERE kind IN ('payout', 'payout_reversed')), 0)::bigint
    FROM earnings_months
    WHERE user_id = %s
    GROUP BY currency, {by}
    ORDER BY currency, {by}
"""
# payouts are of no course
BY_COURSE = _GROUPS.replace("{by}", "course_id").replace("user_id = %s", "user_id = %s AND course_id <> ''")
BY_MONTH = _GROUPS.replace("{by}", "month")


@get(
    "/api/instructor/earnings",
    operation_id="getEarnings",
    summary="What an instructor has earned",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_earnings(
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    at: AtDay = None,
    by: FromQuery[By | None] = None,
    user_id: WhoseParameter = None,
) -> Read[Earnings]:
    """The caller's, in each currency: what is available, what is pending and until when, what disputes hold,
    what is on its way and what is owed back; what was paid, and why nothing more is. With `by`, what each
    course or each month brought, of all times.
    """
    whose = owner_of(request, user_id)
    if at is not None and by is not None:
        detail = "is of all times with `by`: leave one of them out"
        raise Unprocessable.at(FieldError(detail=detail, parameter="at"))
    until = None if at is None else date.fromisoformat(at)
    on = until or services.now().astimezone(UTC).date()
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        standings = await standings_of(connection, whose, on, until)
        withheld = await withheld_from(connection, whose) if until is None else None
        groups = await _groups(connection, whose, by) if by else []
        await connection.execute("COMMIT")
    totals = [_totals(currency, of, on, withheld) for currency, of in standings.items()]
    return Read(Earnings(user_id=whose, on=on, totals=totals, groups=groups))


def _totals(currency: str, of: Standing, on: date, found: Mapping[str, Withheld] | None) -> Totals:
    coming = [
        Maturing(available_on=day.available_on, amount_minor=day.amount_minor - day.held_minor)
        for day in of.days
        if day.available_on > on and day.amount_minor != day.held_minor
    ]
    balance = balances(of.days, on, of.out)
    return Totals(
        **sums_of(currency, balance),  # type: ignore[arg-type]
        paid_minor=of.out.transferred_minor,
        withheld=None if found is None else why_nothing(currency, balance, found),
        next=coming,
    )


async def _groups(connection: Connection, user_id: str, by: By) -> list[Group]:
    query = BY_COURSE if by == "course" else BY_MONTH
    found = await (await connection.execute(query, (user_id,))).fetchall()
    titles = await titles_of(connection, (of for _, of, *_ in found)) if by == "course" else {}
    return [
        Group(
            currency=currency,
            course_id=of if by == "course" else None,
            title=titles.get(of),
            month=f"{of:%Y-%m}" if by == "month" else None,
            earned_minor=earned,
            reversed_minor=back,
            kept_minor=earned - back,
            paid_minor=paid,
        )
        for currency, of, earned, back, paid in found
    ]


HANDLERS = (get_earnings,)
