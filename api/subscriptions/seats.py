"""Whether a seat of a licence gives somebody a feature now, as far as it is projected.

Judged as it is read: a licence that is suspended or has lapsed gives nothing from that moment on, whoever
still has a seat, and neither does a floating seat whose lease is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg.rows import class_row

from ledger.licences.live import LIVE
from ledger.licences.status import Standing
from ledger.store.batched_queries import BatchedQuery, Connection

_FIND: Final = """
    SELECT
        seats.user_id,
        seats.floating,
        leases.until,
        licences.revoked_at IS NOT NULL AS revoked,
        licences.suspended,
        licences.activated_at IS NOT NULL AS activated,
        licences.ends_at,
        licences.lapses_at,
        (
            SELECT json_agg(
                json_build_object('starts_at', terms.starts_at, 'features', terms.grant_given->'features')
                ORDER BY terms.number
            )
            FROM licence_terms AS terms
            WHERE terms.licence_id = seats.licence_id
        ) AS terms
    FROM seats
    JOIN licences ON licences.licence_id = seats.licence_id
    LEFT JOIN seat_leases AS leases ON leases.seat_id = seats.seat_id AND NOT leases.closed
    WHERE seats.user_id = ANY(%s) AND seats.ended = '' AND licences.ends_at IS NOT NULL
"""


class _Term(msgspec.Struct, frozen=True):
    starts_at: datetime
    features: list[str] | None


class _Seat(msgspec.Struct, frozen=True):
    user_id: str
    floating: bool
    until: datetime | None
    """Of its lease; None where there is none."""
    revoked: bool
    suspended: bool
    activated: bool
    ends_at: datetime
    lapses_at: datetime
    terms: list[Any]

    def gives(self, feature: str, now: datetime) -> bool:
        standing = Standing(
            revoked=self.revoked,
            suspended=self.suspended,
            activated=self.activated,
            ends_at=self.ends_at,
            lapses_at=self.lapses_at,
        )
        if standing.status_at(now) not in LIVE:
            return False
        if self.floating and (self.until is None or self.until <= now):
            return False
        return feature in (self._term_at(now).features or ())

    def _term_at(self, now: datetime) -> _Term:
        """The one that runs, or the last that did; the first before it begins."""
        terms = msgspec.convert(self.terms, list[_Term])
        running = (one for one in reversed(terms) if one.starts_at <= now)
        return next(running, terms[0])


async def _find(connection: Connection, asked: Sequence[tuple[str, str, datetime]]) -> list[bool]:
    cursor = connection.cursor(row_factory=class_row(_Seat))
    await cursor.execute(_FIND, ([user_id for user_id, _, _ in asked],))
    of_user: defaultdict[str, list[_Seat]] = defaultdict(list)
    for seat in await cursor.fetchall():
        of_user[seat.user_id].append(seat)
    return [any(seat.gives(feature, now) for seat in of_user[user_id]) for user_id, feature, now in asked]


SEAT_GIVES: BatchedQuery[tuple[str, str, datetime], bool] = BatchedQuery(_find)
"""By user, feature and time."""
