"""What became of a refund, step by step."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.http.positions import find
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.payments.resources import Refund
from api.payments.reversals.steps import Step, steps_of
from api.payments.reversals.story import shown, story_of
from api.reads import rows_of, select
from api.services import Services
from ledger.errors import NotFound
from ledger.store.batched_queries import Connection
from projections.enrolments import ENROLMENTS
from projections.payments.refunds import REFUNDS


class RefundDetail(Refund, frozen=True, kw_only=True):
    """A refund with what it takes back, in this order: money, access, review, certificate, coupon, share,
    tokens.
    """

    steps: list[Step]


_REFUND = select("SELECT {columns} FROM {table} WHERE refund_id = %s", REFUNDS)
_RETURN = select("SELECT {columns} FROM {table} WHERE refund_id = %s AND refund_id <> ''", ENROLMENTS)


@get(
    "/api/refunds/{refund_id:str}",
    operation_id="getRefund",
    summary="One refund with what it takes back",
    tags=["payments"],
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_refund(
    refund_id: FromPath[str], request: Request[Principal, Any, State], services: NamedDependency[Services]
) -> Read[RefundDetail]:
    """Shown to who paid, and to admins; to anybody else it looks like one that does not exist. `steps` say
    what is done, what waits, and what was undone as the refund failed later.
    """
    known_shape(refund_id, "re_")

    async def look() -> str | None:
        async with services.reading() as connection:
            return await _payment_of(connection, refund_id)

    payment_id = await find(look, services.positions)
    if payment_id is None:
        raise NotFound(f"There is no refund {refund_id}.")
    story = await story_of(services.store, payment_id, refund_id)
    refund = shown(story)
    if refund is None or not (is_admin(request) or story.payment.user_id == request.user.id):
        raise NotFound(f"There is no refund {refund_id}.")
    return Read(RefundDetail(**msgspec.structs.asdict(refund), steps=steps_of(story)))


async def _payment_of(connection: Connection, refund_id: str) -> str | None:
    """Its own row names it, or that of the enrolment whose return was asked for a moment ago."""
    found = await (await connection.execute(_REFUND, (refund_id,))).fetchall()
    if refunds := rows_of(REFUNDS, found):
        return refunds[0].payment_id
    found = await (await connection.execute(_RETURN, (refund_id,))).fetchall()
    returns = rows_of(ENROLMENTS, found)
    return returns[0].payment_id if returns else None


HANDLERS = (get_refund,)
