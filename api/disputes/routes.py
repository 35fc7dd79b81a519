"""What cardholders' banks took back, or ask about, and until when it can be answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from api.disputes.asking import ID_LENGTH, known
from api.http.body import Since, Until, instant, span
from api.http.paging import Cursor, Limit, Page, before, page
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.services import Services
from api.words import NO_NUL
from ledger.errors import NotFound
from ledger.payments.disputes import DisputeStatus
from projections.queries.disputes import DisputeFound, disputes

TAGS = ["disputes"]
_WAITS = frozenset({"needs_response", "warning_needs_response"})
Filter = Annotated[str | None, QueryParameter(max_length=ID_LENGTH, pattern=NO_NUL)]
DueBefore = Annotated[
    str | None,
    QueryParameter(name="due_before", format="date-time", description="To be answered before."),
]


class DisputeItem(msgspec.Struct, frozen=True, kw_only=True):
    """Of a payment, or of an invoice; the other one is empty. A status that begins with `warning_` is an
    inquiry, which moves no money yet. What `needs_response` and is not answered by `evidence_due_at` is lost.
    """

    dispute_id: str
    payment_id: str
    invoice_id: str
    charge_id: str
    status: DisputeStatus
    amount_minor: int
    currency: str
    """Of the charge."""
    reason: str
    opened_at: datetime
    evidence_due_at: datetime | None
    days_left: int | None
    """Whole days until then while it waits for a response, below zero when it is over; else null."""
    position: int


@get(
    "/api/disputes",
    operation_id="listDisputes",
    summary="List disputes",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_disputes(  # noqa: PLR0913, PLR0917  one for each query parameter
    services: NamedDependency[Services],
    cursor: Cursor = None,
    limit: Limit = 20,
    status: FromQuery[DisputeStatus | None] = None,
    payment_id: Filter = None,
    invoice_id: Filter = None,
    due_before: DueBefore = None,
    since: Since = None,
    until: Until = None,
) -> Read[Page[DisputeItem]]:
    """Of payments and of subscriptions' invoices, the newest first."""
    start, end = span(since, until)
    filters = {
        "since": start,
        "until": end,
        "status": status,
        "payment_id": payment_id,
        "invoice_id": invoice_id,
        "due_before": instant(due_before),
    }
    async with services.reading() as connection:
        found = await disputes(connection, filters, before=before(cursor), limit=limit + 1)
    now = services.now()
    return Read(page([_shown(one, now) for one in found], limit, lambda item: (item.position,)))


@get(
    "/api/disputes/{dispute_id:str}",
    operation_id="getDispute",
    summary="One dispute",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_dispute(dispute_id: FromPath[str], services: NamedDependency[Services]) -> Read[DisputeItem]:
    """By Stripe's id of it."""
    return Read(_shown(await known(services, dispute_id), services.now()))


def _shown(found: DisputeFound, now: datetime) -> DisputeItem:
    due = found.evidence_due_at if found.status in _WAITS else None
    return DisputeItem(
        **msgspec.structs.asdict(found), days_left=(due - now) // timedelta(days=1) if due else None
    )


HANDLERS = (list_disputes, get_dispute)
