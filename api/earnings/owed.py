"""What the platform owes its instructors, for who looks after its cash."""

from __future__ import annotations

from datetime import UTC, date

from litestar import get
from litestar.di import NamedDependency

from api.earnings.owed_reads import owed_to, totals
from api.earnings.owed_resources import Owed
from api.earnings.resources import AtDay
from api.http.paging import Cursor, Limit, before_key, page
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.reads import SNAPSHOT
from api.services import Services


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
    """In each currency: how much is available and for how long, what is pending, in dispute, on its way and
    owed back, whether so much is at Stripe, and to whom it is owed.
    """
    until = None if at is None else date.fromisoformat(at)
    on = until or services.now().astimezone(UTC).date()
    after = before_key(cursor, ("", ""))
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        of_all = await totals(connection, on, until)
        found = await owed_to(connection, on, until, after, limit + 1)
        await connection.execute("COMMIT")
    shown = page(found, limit, lambda one: (one.user_id, one.currency))
    return Read(
        Owed(
            on=on,
            totals=of_all,
            items=shown.items,
            has_more=shown.has_more,
            next_cursor=shown.next_cursor,
        )
    )


HANDLERS = (get_owed,)
