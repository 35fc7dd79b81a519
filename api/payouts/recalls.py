"""What an instructor owes back, taken from what they were paid, as an administrator asks for it."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.http.auth import Principal
from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.payouts.resources import NewRecall, Recalls, currency_asked, recall_of, recalls_from
from api.services import Services, origin_of
from ledger.earnings.commands import RequestRecall
from ledger.earnings.refusals import NothingToRecall
from ledger.earnings.stream import stream_of


@post(
    "/api/payouts/recalls",
    operation_id="recallPayouts",
    summary="Take back what an instructor owes",
    tags=["payouts"],
    opt={IDEMPOTENT: True},
    response_description="Each of them was reversed, or refused",
    responses=responses(NothingToRecall)
    | {202: ResponseSpec(Recalls, description="Stripe has not answered yet", generate_examples=False)},
)
async def recall_payouts(
    data: JSONBody[NewRecall],
    request: Request[Principal, Any, State],
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Recalls]:
    """By reversals of the newest transfers, as far as they go. What Stripe does not reverse is netted from
    later earnings, as all of it is when nobody asks for this.
    """
    currency = currency_asked(data)

    async def work(command_id: str) -> Response[Any]:
        command = RequestRecall(
            command_id=command_id,
            effective_at=services.now(),
            user_id=data.user_id,
            currency=currency,
        )
        done = await services.submitter.submit(command, origin_of(request))
        stream = stream_of(command.user_id, command.currency)
        facts = await services.store.read_stream(stream, done.recorded[0].version - 1)
        found = recalls_from(facts, command_id)
        ended = all(row.ended_at is not None for row in found)
        headers = done.seen(max(row.last_position for row in found)).headers
        shown = Recalls(items=[recall_of(row) for row in found])
        return Response(shown, status_code=201 if ended else 202, headers=headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


HANDLERS = (recall_payouts,)
