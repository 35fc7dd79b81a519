"""Giving money back."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.http.auth import Principal
from api.http.body import AmountMinor, IdempotencyKey, PaymentIdText, Text
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, Problem, answer, problem
from api.http.promises import responses
from api.payments.resources import Refund, fold, refund_of
from api.services import Services, origin_of
from api.submitting import Submitted
from ledger.errors import NotFound
from ledger.payments.commands import RequestRefund
from ledger.payments.decider import PAYMENT
from ledger.payments.events import RefundRequested
from ledger.payments.refusals import (
    AlreadyRefunded,
    DisputeOpen,
    InvalidAmount,
    NoteRequired,
    PaymentNotCaptured,
    RefundExceedsRemainder,
    RefundWindowClosed,
)
from projections.payments.refunds import RefundRow

Call = Request[Principal, Any, State]


class RefundPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount_minor` null gives back all that is left. An admin must say why in `note`, which the ledger
    keeps for ever and the customer can read: it must name nobody.
    """

    payment_id: PaymentIdText
    amount_minor: AmountMinor | None = None
    reason: Literal["requested_by_customer", "duplicate", "fraudulent"] = "requested_by_customer"
    note: Text = ""


class RefundNotMade(Problem, kw_only=True):
    """Stripe did not make the refund; it stays on record as failed, and another can be asked for."""

    refund: Refund


class RefundFailed(ApiError):
    """Stripe did not make the refund. No money moved; it stays on record as failed."""

    code = "refund_failed"
    remedy = "Read `detail`; ask for another refund when its cause is gone, or pay back in another way."


REFUSALS = (
    PaymentNotCaptured,
    DisputeOpen,
    NoteRequired,
    RefundWindowClosed,
    AlreadyRefunded,
    InvalidAmount,
    RefundExceedsRemainder,
)


@post(
    "/api/payments/refund",
    operation_id="refundPayment",
    summary="Refund a payment",
    tags=["payments"],
    opt={IDEMPOTENT: True},
    response_description="The money is on its way back to the card",
    responses=responses(
        NotFound,
        *REFUSALS,
        bodies={RefundFailed: RefundNotMade},
    )
    | {
        202: ResponseSpec(
            Refund,
            description="Not settled yet: `requested`, `pending` or `unknown`",
            generate_examples=False,
        ),
    },
)
async def refund_payment(
    data: JSONBody[RefundPayment],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[Refund]:
    """Users refund their own payments within 30 days; admins any payment at any time, and say why."""

    async def work(command_id: str) -> Response[Any]:
        return await _refund(services, request, data, command_id)

    return await services.idempotency.run(request, idempotency_key, data, work)


async def _refund(services: Services, request: Call, body: RefundPayment, command_id: str) -> Response[Any]:
    command = RequestRefund(
        command_id=command_id,
        effective_at=services.now(),
        payment_id=body.payment_id,
        refund_id=services.id_of("re", command_id),
        amount_minor=body.amount_minor,
        reason=body.reason,
        by_admin="admin" in request.user.roles,
        user_id=request.user.id,
        note=body.note,
    )
    done = await services.submitter.submit(command, origin_of(request), begins=True)
    refund_id = command.refund_id
    if done.recorded:  # of the first sending, when this is a repeat; else it was taken up from Stripe
        requested = done.recorded[0].event
        assert isinstance(requested, RefundRequested)
        refund_id = requested.refund_id
    facts = await services.store.read_stream(PAYMENT.stream(command))
    row = next(row for row in fold(facts).refunds if row.refund_id == refund_id)
    return _answer(request, row, done.seen(facts[-1].position))


def _answer(request: Call, row: RefundRow, done: Submitted) -> Response[Any]:
    refund = refund_of(row)
    headers = {**done.headers, "Location": f"/api/payments/{row.payment_id}"}
    if row.status in {"failed", "canceled"}:
        common = problem(RefundFailed.code, why_not_refunded(row.failure_reason), request.url.path)
        return answer(RefundNotMade(**msgspec.structs.asdict(common), refund=refund), headers)
    return Response(refund, status_code=201 if row.status == "succeeded" else 202, headers=headers)


_REASONS = {
    "expired_or_canceled_card": "The card has expired or is closed",
    "lost_or_stolen_card": "The card is reported lost or stolen",
    "charge_for_pending_refund_disputed": "The customer disputed the charge meanwhile",
    "insufficient_funds": "The balance at Stripe does not cover it",
    "declined": "The card's bank declined it",
    "merchant_request": "It was canceled on request",
    "charge_already_refunded": "Stripe has refunded the whole charge already",
    "charge_disputed": "The cardholder disputed the charge at the bank, and Stripe refunds no such charge, "
    "not even what a dispute of a part has left",
}


def why_not_refunded(reason: str) -> str:
    """https://docs.stripe.com/refunds#failed-refunds"""
    return f"{_REASONS.get(reason, f'Stripe did not make the refund ({reason})')}. No money moved."


HANDLERS = (refund_payment,)
