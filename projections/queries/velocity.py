"""Users who were given unusually much, or unusually often, by limits that are the operator's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ledger.instants import EARLIEST
from ledger.rewards import TokenRules
from projections.velocity import day_of

Limit = Literal[
    "tokens_an_hour",
    "tokens_a_day",
    "awards_an_hour",
    "awards_a_day",
    "alone_bp",
    "by_one_admin",
    "friend_requests_a_day",
    "time_zones",
]
"""By its name in the catalogue, under `tokens.velocity`."""
_WHOLE_BP = 10_000
Key = tuple[str, str, str, str]
FIRST: Key = ("~", "", "", "")
"""Behind all that begins at any time."""


class Seen(msgspec.Struct, frozen=True):
    begins: str
    user_id: str
    limit: Limit
    admin_id: str
    """Empty where it is not about one."""
    seen: int
    amount: int

    @property
    def key(self) -> Key:
        return self.begins, self.user_id, self.limit, self.admin_id


_SEEN = """
    SELECT begins, user_id, "limit", admin_id, seen, amount
    FROM (
        SELECT begins, user_id, 'tokens_an_hour' COLLATE "C" AS "limit", admin_id, seen, amount
        FROM velocity
        WHERE what = 'award' AND span = 'hour' AND amount > %(tokens_an_hour)s AND begins >= %(since)s
        UNION ALL
        SELECT begins, user_id, 'awards_an_hour', admin_id, seen, amount
        FROM velocity
        WHERE what = 'award' AND span = 'hour' AND seen > %(awards_an_hour)s AND begins >= %(since)s
        UNION ALL
        SELECT begins, user_id, 'tokens_a_day', admin_id, seen, amount
        FROM velocity
        WHERE what = 'award' AND span = 'day' AND amount > %(tokens_a_day)s AND begins >= %(since)s
        UNION ALL
        SELECT begins, user_id, 'awards_a_day', admin_id, seen, amount
        FROM velocity
        WHERE what = 'award' AND span = 'day' AND seen > %(awards_a_day)s AND begins >= %(since)s
        UNION ALL
        SELECT begins, user_id, 'alone_bp', admin_id, seen, amount
        FROM velocity
        WHERE what = 'alone' AND span = 'day' AND amount >= %(alone)s AND begins >= %(since)s
        UNION ALL
        SELECT begins, user_id, 'friend_requests_a_day', admin_id, seen, amount
        FROM velocity
        WHERE what = 'friend_request' AND span = 'day' AND seen > %(friend_requests_a_day)s
            AND begins >= %(since)s
        UNION ALL
        SELECT min(begins), user_id, 'by_one_admin', admin_id, sum(seen)::bigint, sum(amount)::bigint
        FROM velocity
        WHERE what = 'by_admin' AND span = 'day' AND begins >= %(since)s
        GROUP BY user_id, admin_id
        HAVING sum(seen) > %(by_one_admin)s
        UNION ALL
        SELECT min(begins), user_id, 'time_zones', admin_id, sum(seen)::bigint, sum(amount)::bigint
        FROM velocity
        WHERE what = 'time_zone' AND span = 'day' AND begins >= %(since)s
        GROUP BY user_id, admin_id
        HAVING sum(seen) > %(time_zones)s
    ) AS found
    WHERE (begins, user_id, "limit", admin_id) < (%(begins)s, %(user_id)s, %(limit)s, %(admin_id)s)
    ORDER BY begins DESC, user_id DESC, "limit" DESC, admin_id DESC
    LIMIT %(count)s
"""


async def suspicious(
    conn: AsyncConnection[Any], rules: TokenRules, now: datetime, before: Key, count: int
) -> list[Seen]:
    """What began last comes first. Each limit stands for itself, so a user may be there more than once."""
    which = dict(zip(("begins", "user_id", "limit", "admin_id"), before, strict=True))
    limits = msgspec.structs.asdict(rules.velocity) | {"alone": near(rules)}
    async with conn.cursor(row_factory=class_row(Seen)) as cursor:
        await cursor.execute(_SEEN, {**limits, **which, "since": since(rules, now), "count": count})
        return await cursor.fetchall()


def since(rules: TokenRules, now: datetime) -> str:
    """The first day that is looked at; an hour of it is behind it in the order of text."""
    back = timedelta(days=rules.velocity.days - 1)
    return day_of(now - back if now - EARLIEST > back else EARLIEST)


def near(rules: TokenRules) -> int:
    """From so many on, given by hand on one day by who needs nobody else, it is near what they may give."""
    return -(-rules.by_hand_alone * rules.velocity.alone_bp // _WHOLE_BP)


def span_of(found: Seen, rules: TokenRules) -> tuple[datetime, timedelta]:
    """When it began, and how long what is counted lasts."""
    if len(found.begins) == len("2026-03-01T12"):
        return datetime.strptime(found.begins, "%Y-%m-%dT%H").replace(tzinfo=UTC), timedelta(hours=1)
    days = rules.velocity.days if found.limit in ("by_one_admin", "time_zones") else 1
    return datetime.fromisoformat(found.begins).replace(tzinfo=UTC), timedelta(days=days)
