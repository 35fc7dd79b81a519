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
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.payments.resources import Payment, fold, payment_of
from api.services import Services, origin_of
from api.stripe.gateway import Postponed
from ledger.errors import NotFound
from ledger.payments.commands import CancelPayment
from ledger.payments.decider import PAYMENT
from ledger.payments.refusals import PaymentNotCancelable
from ledger.payments.stream import stream_of

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
    responses=responses(NotFound, PaymentNotCancelable, StripeUnavailable)
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
    """The caller's own, or for an admin anybody's, while it waits for its cardholder. Then a course that it
    holds can be bought anew.
    """
    known_shape(payment_id, "pay_")

    async def work(command_id: str) -> Response[Any]:
        async def make() -> CancelPayment:
            theirs = await _check_waits(services, request, payment_id)
            return CancelPayment(
                command_id=command_id,
                effective_at=services.now(),
                payment_id=payment_id,
                user_id=request.user.id,
                by_admin=theirs,
            )

        done = await services.submitter.submit_once(command_id, make, origin_of(request))
        facts = await services.store.read_stream(stream_of(payment_id))
        payment = payment_of(fold(facts).payment, to_admin=is_admin(request))
        headers = done.seen(facts[-1].position).headers
        if payment.status in {"requires_action", "processing"}:
            return Unkept(payment, status_code=202, headers=headers)
        return Response(payment, status_code=200, headers=headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _check_waits(services: Services, request: Call, payment_id: str) -> bool:
    """Whether it is somebody else's, which an administrator may cancel."""
    payment = await services.store.state(PAYMENT, stream_of(payment_id))
    theirs = payment.user_id != request.user.id
    if not payment.status or (theirs and not is_admin(request)):
        raise NotFound(f"There is no payment {payment_id}.")
    if payment.status in {"initiated", "unknown"}:
        raise PaymentNotCancelable(
            "Whether this payment was charged is not known yet: Stripe's answer was late or lost, and it is "
            "being found out. Look at its `status` in some minutes, and cancel it if it waits then."
        )
    if payment.status == "processing" and await _is_under_way(services, payment_id):
        raise PaymentNotCancelable(
            "The bank is at this payment, and Stripe cannot call it off. If it fails nothing is charged, and "
            "what it was for is free again; once it is through it can be refunded."
        )
    if payment.status not in {"processing", "requires_action", "canceled"}:
        raise PaymentNotCancelable(
            f"This payment is {payment.status} and does not wait for its cardholder: nothing can be canceled."
        )
    return theirs


async def _is_under_way(services: Services, payment_id: str) -> bool:
    """One that waits to be captured is shown as processing, and can be canceled all the same."""
    try:
        return not await services.gateway.can_be_canceled(payment_id)
    except Postponed as why:
        raise StripeUnavailable(
            "Stripe did not say whether this payment can still be canceled; ask again."
        ) from why


HANDLERS = (cancel_payment,)
