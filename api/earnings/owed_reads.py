"""What the tables say of all that is owed to instructors: of each of them, and of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from psycopg.sql import SQL

from api.earnings.owed_resources import Age, Cash, OwedSums, OwedTo
from api.earnings.resources import sums_of
from ledger import chart
from ledger.earnings.balances import Balances
from ledger.earnings.cash import shortfall
from ledger.store.batched_queries import Connection

AGES = (30, 60, 90)
"""Days since it became available at which another age begins."""
_BOUNDS = tuple(zip((0, *AGES), (*AGES, None), strict=True))

# as `balances` has it of one instructor: what is out is payable no more, nor what is taken back beyond what
# is pending
_EACH = SQL("""
    SELECT user_id, currency, payable, greatest(pending, 0) AS pending, held, reserved,
        young, older, old, oldest, gone
    FROM (
        SELECT user_id, currency,
            coalesce(sum(free) FILTER (WHERE age >= 0 AND age < %(older)s), 0) AS young,
            coalesce(sum(free) FILTER (WHERE age >= %(older)s AND age < %(old)s), 0) AS older,
            coalesce(sum(free) FILTER (WHERE age >= %(old)s AND age < %(oldest)s), 0) AS old,
            coalesce(sum(free) FILTER (WHERE age >= %(oldest)s), 0) AS oldest,
            coalesce(sum(free) FILTER (WHERE age < 0), 0) AS pending,
            sum(held_minor) AS held,
            sum(reserved_minor) AS reserved,
            sum(transferred_minor) AS transferred
        FROM earnings_days
        CROSS JOIN LATERAL (
            SELECT %(on)s::date - available_on AS age, amount_minor - held_minor AS free
        ) AS day
        WHERE (%(until)s::date IS NULL OR happened_on <= %(until)s)
            AND (%(after)s::text IS NULL OR (user_id, currency) > (%(after)s, %(after_currency)s))
        GROUP BY user_id, currency
    ) AS sums
    CROSS JOIN LATERAL (SELECT reserved + transferred - least(pending, 0) AS gone) AS out
    CROSS JOIN LATERAL (SELECT young + older + old + oldest - gone AS payable) AS net
    WHERE payable <> 0 OR pending <> 0 OR held <> 0 OR reserved <> 0
""")
_PAGE = SQL("""
    SELECT user_id, currency, payable::bigint, pending::bigint, held::bigint, reserved::bigint
    FROM ({each}) AS each
    ORDER BY user_id, currency
    LIMIT %(limit)s
""").format(each=_EACH)
# what is gone took the oldest of each instructor first, and the youngest has what is left of it, as a debt
_TOTALS = SQL("""
    SELECT currency, count(*), sum(greatest(payable, 0))::bigint, sum(greatest(-payable, 0))::bigint,
        sum(pending)::bigint, sum(held)::bigint, sum(reserved)::bigint,
        sum(young - gone + of_oldest + of_old + of_older)::bigint,
        sum(older - of_older)::bigint, sum(old - of_old)::bigint, sum(oldest - of_oldest)::bigint
    FROM ({each}) AS each
    CROSS JOIN LATERAL (SELECT least(greatest(oldest, 0), gone) AS of_oldest) AS first
    CROSS JOIN LATERAL (SELECT least(greatest(old, 0), gone - of_oldest) AS of_old) AS second
    CROSS JOIN LATERAL (SELECT least(greatest(older, 0), gone - of_oldest - of_old) AS of_older) AS third
    GROUP BY currency
    ORDER BY currency
""").format(each=_EACH)
_BOOKED = """
    SELECT currency,
        coalesce(sum(credit_minor - debit_minor) FILTER (WHERE account = %(payable)s), 0)::bigint,
        coalesce(sum(debit_minor - credit_minor) FILTER (WHERE account = %(receivable)s), 0)::bigint,
        coalesce(sum(debit_minor - credit_minor) FILTER (WHERE account = ANY(%(at_stripe)s)), 0)::bigint
    FROM balances
    WHERE account = ANY(%(at_stripe)s) OR account IN (%(payable)s, %(receivable)s)
    GROUP BY currency
"""
_ACCOUNTS = {
    "payable": chart.INSTRUCTOR_PAYABLE.number,
    "receivable": chart.INSTRUCTOR_RECEIVABLE.number,
    "at_stripe": [chart.STRIPE_PENDING.number, chart.STRIPE_AVAILABLE.number],
}

Booked = tuple[int, int, int]
"""Of one currency: 2100, 1210, and what is at Stripe."""


async def owed_to(
    connection: Connection, on: date, until: date | None, after: tuple[str, str], limit: int
) -> list[OwedTo]:
    """Of all that happened up to the day `until`; by id and currency, those behind `after`."""
    here = {"after": after[0], "after_currency": after[1], "limit": limit}
    found = await (await connection.execute(_PAGE, {**_days(on, until), **here})).fetchall()
    return [_owed_to(*row) for row in found]


async def totals(connection: Connection, on: date, until: date | None) -> list[OwedSums]:
    everybody = {**_days(on, until), "after": None, "after_currency": None}
    found: list[Any] = await (await connection.execute(_TOTALS, everybody)).fetchall()
    booked = await _booked(connection) if until is None else None
    of_earnings = {currency for currency, *_ in found}
    for currency, (payable, receivable, _) in (booked or {}).items():
        if payable != receivable and currency not in of_earnings:  # all of it is on its way
            found.append((currency, *_NO_SUMS))
    return [_sums(*row, booked=booked) for row in sorted(found)]


_NO_SUMS = (0,) * (6 + len(_BOUNDS))
"""As `_sums` takes them, after the currency."""


def _days(on: date, until: date | None) -> dict[str, Any]:
    return {"on": on, "until": until, **dict(zip(("older", "old", "oldest"), AGES, strict=True))}


async def _booked(connection: Connection) -> dict[str, Booked]:
    found = await (await connection.execute(_BOOKED, _ACCOUNTS)).fetchall()
    return {currency: (payable, receivable, cash) for currency, payable, receivable, cash in found}


def _owed_to(user_id: str, currency: str, payable: int, pending: int, held: int, reserved: int) -> OwedTo:
    found = Balances(
        available_minor=max(payable, 0),
        pending_minor=pending,
        held_minor=held,
        reserved_minor=reserved,
        debt_minor=max(-payable, 0),
    )
    return OwedTo(user_id=user_id, **sums_of(currency, found))  # type: ignore[arg-type]


def _sums(
    currency: str,
    instructors: int,
    available: int,
    debt: int,
    pending: int,
    held: int,
    reserved: int,
    *ages: int,
    booked: Mapping[str, Booked] | None,
) -> OwedSums:
    found = Balances(
        available_minor=available,
        pending_minor=pending,
        held_minor=held,
        reserved_minor=reserved,
        debt_minor=debt,
    )
    payable, receivable, at_stripe = (booked or {}).get(currency, (0, 0, 0))
    return OwedSums(
        **sums_of(currency, found),  # type: ignore[arg-type]
        instructors=instructors,
        ages=_ages(ages),
        booked_minor=None if booked is None else payable - receivable,
        cash=None if booked is None else _cash(at_stripe, payable),
    )


def _ages(amounts: Sequence[int]) -> list[Age]:
    return [
        Age(from_days=start, to_days=end, amount_minor=amount)
        for (start, end), amount in zip(_BOUNDS, amounts, strict=True)
    ]


def _cash(at_stripe_minor: int, payable_minor: int) -> Cash:
    return Cash(
        at_stripe_minor=at_stripe_minor,
        payable_minor=payable_minor,
        shortfall_minor=shortfall(at_stripe_minor, payable_minor),
    )
