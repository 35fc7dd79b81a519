"""Calling off a payment that waits for its cardholder."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.http.auth import Principal
from api.http.body import IdempotencyKey, known_shape
from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.payments.resources import Payment, fold, payment_of
from api.services import Services, origin_of
from ledger.errors import NotFound
from ledger.payments.commands import CancelPayment
from ledger.payments.decider import PAYMENT
from ledger.payments.refusals import PaymentNotCancelable
from ledger.payments.stream import stream_of
from ledger.store import Store

Call = Request[Principal, Any, State]


class CancelIt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


@post(
    "/api/payments/{payment_id:str}/cancel",
    operation_id="cancelPayment",
    summary="Cancel a payment",
    tags=["payments"],
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is over: `canceled`, or `succeeded` when its cardholder was faster",
    responses=responses(NotFound, PaymentNotCancelable)
    | {
        202: ResponseSpec(Payment, description="Stripe has not said so yet", generate_examples=False),
    },
)
async def cancel_payment(
    payment_id: FromPath[str],
    data: JSONBody[CancelIt],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Payment]:
    """The caller's own, while it waits for its cardholder. Then a course that it holds can be bought anew."""
    known_shape(payment_id, "pay_")

    async def work(command_id: str) -> Response[Any]:
        async def make() -> CancelPayment:
            await _check_waits(services.store, payment_id, request.user.id)
            return CancelPayment(
                command_id=command_id,
                effective_at=services.now(),
                payment_id=payment_id,
                user_id=request.user.id,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        facts = await services.store.read_stream(stream_of(payment_id))
        payment = payment_of(fold(facts).payment, to_admin=is_admin(request))
        headers = done.seen(facts[-1].position).headers
        if payment.status == "requires_action":
            return Unkept(payment, status_code=202, headers=headers)
        return Response(payment, status_code=200, headers=headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _check_waits(store: Store, payment_id: str, user_id: str) -> None:
    payment = await store.state(PAYMENT, stream_of(payment_id))
    if payment.user_id != user_id:
        raise NotFound(f"There is no payment {payment_id}.")
    if payment.status == "processing":
        raise PaymentNotCancelable(
            "The bank is at this payment, and Stripe cannot call it off. If it fails nothing is charged, and "
            "what it was for is free again; once it is through it can be refunded."
        )
    if payment.status not in {"requires_action", "canceled"}:
        raise PaymentNotCancelable(
            f"This payment is {payment.status} and does not wait for its cardholder: nothing can be canceled."
        )


HANDLERS = (cancel_payment,)
