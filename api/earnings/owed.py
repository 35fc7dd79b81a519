"""What the platform owes its instructors, for who looks after its cash."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from psycopg.sql import SQL

from api.earnings.resources import AtDay, Sums, sums_of
from api.http.paging import Cursor, Limit, before_key, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import SNAPSHOT
from api.services import Services
from ledger.earnings.balances import Balances
from ledger.store.batched_queries import Connection

AGES = (30, 60, 90)
"""Days since it became available at which another age begins."""


class Age(msgspec.Struct, frozen=True, kw_only=True):
    """What became available from `from_days` up to `to_days` days ago, those not included; null: no end."""

    from_days: int
    to_days: int | None
    amount_minor: int


class OwedSums(Sums, frozen=True, kw_only=True):
    """Of all instructors. `ages` add up to `available_minor - debt_minor`. `booked_minor` is what account
    2100 has: what differs is on its way from the payments. Null with `at`.
    """

    instructors: int
    """To whom anything is owed, or who owe."""
    ages: list[Age]
    booked_minor: int | None


class OwedTo(Sums, frozen=True, kw_only=True):
    user_id: str


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """`items` are instructors by their ids, one for each currency. `next_cursor` is null on the last page."""

    on: date
    totals: list[OwedSums]
    items: list[OwedTo]
    has_more: bool
    next_cursor: str | None


_EACH = """
    SELECT user_id, currency,
        coalesce(sum(amount_minor - held_minor) FILTER (WHERE available_on <= %(on)s), 0)::bigint AS mature,
        coalesce(sum(amount_minor - held_minor) FILTER (WHERE available_on > %(on)s), 0)::bigint AS pending,
        sum(held_minor)::bigint AS held
    FROM earnings_days
    WHERE (%(until)s::date IS NULL OR happened_on <= %(until)s)
        AND (%(after)s::text IS NULL OR (user_id, currency) > (%(after)s, %(after_currency)s))
    GROUP BY user_id, currency
    HAVING sum(amount_minor) <> 0 OR sum(held_minor) <> 0
"""
_PAGE = SQL("{each} ORDER BY user_id, currency LIMIT %(limit)s").format(each=SQL(_EACH))
# as `balances` has it of one instructor: what is taken back beyond what is pending is payable no more
_TOTALS = SQL("""
    SELECT currency, count(*), sum(greatest(mature + least(pending, 0), 0))::bigint,
        sum(greatest(pending, 0))::bigint, sum(held)::bigint,
        sum(greatest(-mature - least(pending, 0), 0))::bigint
    FROM ({each}) AS each
    GROUP BY currency
    ORDER BY currency
""").format(each=SQL(_EACH))
_AGES = """
    SELECT currency, (%(on)s - available_on) AS days, sum(amount_minor - held_minor)::bigint
    FROM earnings_days
    WHERE (%(until)s::date IS NULL OR happened_on <= %(until)s) AND available_on <= %(on)s
    GROUP BY currency, days
"""
_BOOKED = """
    SELECT currency, sum(credit_minor - debit_minor)::bigint
    FROM balances
    WHERE account = '2100'
    GROUP BY currency
"""


@get(
    "/api/earnings/owed",
    operation_id="getOwed",
    summary="What is owed to instructors",
    tags=["earnings"],
    responses=NOT_MODIFIED_SPEC,
)
async def get_owed(
    services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20, at: AtDay = None
) -> Read[Owed]:
    """In each currency: how much is available and for how long, what is pending, in dispute and owed back,
    and to whom.
    """
    until = None if at is None else date.fromisoformat(at)
    on = until or services.now().astimezone(UTC).date()
    after, after_currency = before_key(cursor, ("", ""))
    of = {"on": on, "until": until}
    here = {"after": after, "after_currency": after_currency, "limit": limit + 1}
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        totals = await _totals(connection, of, now=until is None)
        found = await (await connection.execute(_PAGE, {**of, **here})).fetchall()
        await connection.execute("COMMIT")
    shown = page([_owed_to(*row) for row in found], limit, lambda one: (one.user_id, one.currency))
    return Read(
        Owed(
            on=on,
            totals=totals,
            items=shown.items,
            has_more=shown.has_more,
            next_cursor=shown.next_cursor,
        )
    )


def _owed_to(user_id: str, currency: str, mature: int, pending: int, held: int) -> OwedTo:
    payable = mature + min(pending, 0)
    found = Balances(
        available_minor=max(payable, 0),
        pending_minor=max(pending, 0),
        held_minor=held,
        debt_minor=max(-payable, 0),
    )
    return OwedTo(user_id=user_id, **sums_of(currency, found))  # type: ignore[arg-type]


async def _totals(connection: Connection, of: dict[str, Any], *, now: bool) -> list[OwedSums]:
    everybody = {**of, "after": None, "after_currency": None}
    found: list[Any] = await (await connection.execute(_TOTALS, everybody)).fetchall()
    ages = _ages(await (await connection.execute(_AGES, of)).fetchall())
    booked: dict[str, int] = dict(await (await connection.execute(_BOOKED)).fetchall()) if now else {}
    on_their_way = {one for one, amount in booked.items() if amount} - {one for one, *_ in found}
    found += ((currency, 0, 0, 0, 0, 0) for currency in on_their_way)
    return [
        OwedSums(
            currency=currency,
            instructors=count,
            available_minor=available,
            pending_minor=pending,
            held_minor=held,
            debt_minor=debt,
            owed_minor=available + pending + held - debt,
            ages=ages[currency],
            booked_minor=booked.get(currency, 0) if now else None,
        )
        for currency, count, available, pending, held, debt in sorted(found)
    ]


def _ages(found: list[tuple[str, int, int]]) -> defaultdict[str, list[Age]]:
    bounds = [*zip((0, *AGES), (*AGES, None), strict=True)]
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(bounds))
    for currency, days, amount in found:
        sums[currency][sum(days >= age for age in AGES)] += amount
    none = [Age(from_days=start, to_days=end, amount_minor=0) for start, end in bounds]
    ages: defaultdict[str, list[Age]] = defaultdict(lambda: none)
    for currency, amounts in sums.items():
        ages[currency] = [
            Age(from_days=start, to_days=end, amount_minor=amount)
            for (start, end), amount in zip(bounds, amounts, strict=True)
        ]
    return ages


HANDLERS = (get_owed,)
