"""What the tables say of payouts to instructors."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.reads import rows, select
from api.services import Services
from ledger.errors import NotFound
from projections.earnings.payouts import INSTRUCTOR_PAYOUTS, InstructorPayoutRow

LISTED = select(
    """
    SELECT {columns}
    FROM {table}
    WHERE position < %(before)s
        AND (%(since)s::timestamptz IS NULL OR reserved_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR reserved_at < %(until)s)
        AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(currency)s::text IS NULL OR currency = %(currency)s)
    ORDER BY position DESC
    LIMIT %(limit)s
    """,
    INSTRUCTOR_PAYOUTS,
)
_ONE = select("SELECT {columns} FROM {table} WHERE payout_id = %s", INSTRUCTOR_PAYOUTS)


async def payout_row(
    services: Services, request: Request[Principal, Any, State], payout_id: str
) -> InstructorPayoutRow:
    """Somebody else's looks like none (`NotFound`) unless the caller is an admin."""
    known_shape(payout_id, "ipo_")
    async with services.reading() as connection:
        found = await rows(connection, _ONE, INSTRUCTOR_PAYOUTS, (payout_id,))
    if not found or (found[0].user_id != request.user.id and not is_admin(request)):
        raise NotFound(f"There is no payout {payout_id!r:.80}.")
    return found[0]
