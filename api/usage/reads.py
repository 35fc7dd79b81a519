"""What is used of a licence in a month, from the tables: all that it grants, and all that was counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from api.reads import grouped, rows, select
from api.usage.bodies import LicenceUsage, UsageOfDay, UsageOfMetric
from ledger.licence_tiers import Allowance, Grant
from ledger.licences.overage import billed_by
from ledger.licences.state import Licence, granted_at
from ledger.store.batched_queries import Connection
from ledger.usage.metrics import LEVELS, span_of
from projections.usage import USAGE_DAYS, USAGE_MONTHS, UsageDayRow, UsageMonthRow

_MONTHS = select(
    """
    SELECT DISTINCT ON (metric) {columns}
    FROM {table}
    WHERE licence_id = %(licence_id)s
        AND (month = %(month)s OR (month < %(month)s AND metric = ANY(%(levels)s)))
    ORDER BY metric, month DESC
    """,
    USAGE_MONTHS,
)
"""A level goes on from the month in which it was measured last."""
_DAYS = select("SELECT {columns} FROM {table} WHERE usage_id = ANY(%s) ORDER BY day", USAGE_DAYS)


async def usage_of(connection: Connection, licence: Licence, month: str, now: datetime) -> LicenceUsage:
    asked = {"licence_id": licence.licence_id, "month": month, "levels": sorted(LEVELS)}
    found = {row.metric: row for row in await rows(connection, _MONTHS, USAGE_MONTHS, asked)}
    ids = [row.usage_id for row in found.values() if row.month == month]
    days = grouped(await rows(connection, _DAYS, USAGE_DAYS, (ids,)), "usage_id")
    starts_at, ends_at = span_of(month)
    at = min(now, ends_at - timedelta(microseconds=1))
    granted = granted_at(licence, at)
    grant = granted.grant if granted else None
    names = dict.fromkeys([*(one.metric for one in (grant.allowances if grant else ())), *found])
    return LicenceUsage(
        licence_id=licence.licence_id,
        month=month,
        from_=starts_at,
        to=ends_at,
        metrics=[
            _shown(
                month, found.get(name), _numbers(name, grant, billed_by(licence, name, starts_at, at)), days
            )
            for name in names
        ],
    )


class _Numbers(NamedTuple):
    present: Allowance
    billed: Allowance
    """The same, with the largest limit of the month."""
    currency: str


def _numbers(metric: str, grant: Grant | None, billed: Allowance | None) -> _Numbers:
    """Of a metric that is not granted there may be nothing."""
    present = (grant and grant.allowance(metric)) or Allowance(metric=metric, limit=0)
    return _Numbers(present, billed or present, grant.currency if grant else "")


def _shown(
    month: str,
    row: UsageMonthRow | None,
    numbers: _Numbers,
    days: dict[str, list[UsageDayRow]],
) -> UsageOfMetric:
    present, billed, currency = numbers
    own = row if row and row.month == month else None
    used = row.used if row else 0
    peak = own.peak if own else used
    over_soft = max(0, peak - billed.limit) if billed.soft and billed.limit is not None else 0
    return UsageOfMetric(
        metric=present.metric,
        used=used,
        peak=peak,
        limit=present.limit,
        soft=present.soft,
        beyond=over_soft,
        overage_minor=billed.overage(peak),
        currency=currency,
        alerted_percent=own.alerted_percent if own else 0,
        days=_series(days.get(own.usage_id, ()) if own else ()),
    )


def _series(days: Sequence[UsageDayRow]) -> list[UsageOfDay]:
    return [UsageOfDay(day=one.day, used=one.used) for one in days]
