"""Giving money back: of a course that its buyer returns by way of the enrolment, of all else at once."""

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
from api.http.idempotency import Unkept
from api.http.preconditions import IDEMPOTENT
from api.http.problems import ApiError, Problem, answer, problem
from api.http.promises import responses
from api.payments.resources import Refund
from api.payments.reversals.steps import State as StepState
from api.payments.reversals.steps import Story, access_of
from api.payments.reversals.story import shown, story_of
from api.services import Services, origin_of
from api.submitting import Submitted
from api.syllabuses import syllabuses_of
from ledger.enrolments.commands import RequestReturn
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.events import ReturnRequested
from ledger.enrolments.learning.commands import Syllabus
from ledger.enrolments.learning.refusals import LearntTooMuch
from ledger.enrolments.refusals import NotEnrolled, NothingPaid, ReturnInProgress
from ledger.enrolments.stream import KIND as ENROLMENTS
from ledger.enrolments.stream import parts_of
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.errors import Forbidden, NotFound
from ledger.message import Recorded
from ledger.payments.commands import RequestRefund
from ledger.payments.decider import PAYMENT
from ledger.payments.events import RefundRequested
from ledger.payments.refusals import (
    AlreadyRefunded,
    CreditNoteInstead,
    DisputeOpen,
    InvalidAmount,
    NoteRequired,
    NothingToRevoke,
    PaymentNotCaptured,
    RefundExceedsRemainder,
    RefundWindowClosed,
    WholeReturnOnly,
)
from ledger.payments.stream import stream_of

Call = Request[Principal, Any, State]


class _RefundBefore(msgspec.Struct, frozen=True, kw_only=True):
    """The body as keys know it that are older than what came later."""

    payment_id: PaymentIdText
    amount_minor: AmountMinor | None = None
    reason: Literal["requested_by_customer", "duplicate", "fraudulent"] = "requested_by_customer"
    note: Text = ""


class RefundPayment(_RefundBefore, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount_minor` null gives back all that is left. An admin must say why in `note`, which the ledger
    keeps for ever and the customer can read: it must name nobody. A refund of a part leaves what was bought,
    unless an admin sends `revoke_access`; who bought a course returns it as a whole.
    """

    revoke_access: bool = False


class RequestedRefund(Refund, frozen=True, kw_only=True):
    """`access` says whether what was bought is `kept`; else it waits to be taken back, or that is `done`."""

    access: StepState


class RefundNotMade(Problem, kw_only=True):
    """Stripe did not make the refund; it stays on record as failed, and another can be asked for."""

    refund: Refund


class RefundFailed(ApiError):
    """Stripe did not make the refund. No money moved; it stays on record as failed."""

    code = "refund_failed"
    remedy = "Read `detail`; ask for another refund when its cause is gone, or pay back in another way."
    passing = False


class ReturnEnded(ApiError):
    """The return that was asked for with this key was withdrawn, as its refund was refused."""

    code = "return_ended"
    remedy = "Nothing was given back, and the course is there as before: ask again, with a new key."
    passing = False


REFUSALS = (
    PaymentNotCaptured,
    CreditNoteInstead,
    DisputeOpen,
    NoteRequired,
    RefundWindowClosed,
    AlreadyRefunded,
    InvalidAmount,
    RefundExceedsRemainder,
    WholeReturnOnly,
    NothingToRevoke,
    NotEnrolled,
    LearntTooMuch,
    NothingPaid,
    ReturnInProgress,
    ReturnEnded,
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
            RequestedRefund,
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
) -> Response[RequestedRefund]:
    """Users refund their own payments within 30 days; admins any payment at any time, and say why. Who bought
    a course returns it: nothing more is learnt on it from now on, and access ends when the money is back.
    """

    async def work(command_id: str) -> Response[Any]:
        command = await _wish(services, request, data, command_id)
        done = await services.submitter.submit(command, origin_of(request), begins=True)
        # that of the first sending, when this is a repeat; nothing is recorded when Stripe told it before
        refund_id = _refund_of(done.recorded[0]) if done.recorded else command.refund_id
        story = await story_of(services.store, data.payment_id, refund_id)
        _check_goes_on(story, done)
        return _answer(request, story, done)

    return await services.idempotency.run(request, idempotency_key, _as_before(data), work)


def _as_before(body: RefundPayment) -> _RefundBefore:
    """The same intent is the same body, also after it could say more."""
    if body.revoke_access:
        return body
    return _RefundBefore(
        payment_id=body.payment_id, amount_minor=body.amount_minor, reason=body.reason, note=body.note
    )


async def _wish(
    services: Services, request: Call, body: RefundPayment, command_id: str
) -> RequestRefund | RequestReturn:
    """What the payment would refuse is refused before the enrolment is frozen for it."""
    payment = await services.store.state(PAYMENT, stream_of(body.payment_id))
    by_admin = "admin" in request.user.roles
    if body.revoke_access and not by_admin:
        raise Forbidden("Only an administrator says whether a refund takes the access.")
    refund = RequestRefund(
        command_id=command_id,
        effective_at=services.now(),
        payment_id=body.payment_id,
        refund_id=services.id_of("re", command_id),
        amount_minor=body.amount_minor,
        reason=body.reason,
        by_admin=by_admin,
        user_id=request.user.id,
        note=body.note,
        revoke_access=body.revoke_access,
    )
    if by_admin or not ENROLMENTS.has(payment.purpose_ref):
        return refund
    recorded = await services.store.find_command(command_id)
    is_return = (
        isinstance(recorded[0].event, ReturnRequested) if recorded else PAYMENT.decide(refund, payment)
    )
    if not is_return:
        return refund
    course_id, learner_id = parts_of(payment.purpose_ref)
    return RequestReturn(
        command_id=command_id,
        effective_at=refund.effective_at,
        course_id=course_id,
        learner_id=learner_id,
        refund_id=refund.refund_id,
        user_id=request.user.id,
        payment_id=body.payment_id,
        reason=body.reason,
        note=body.note,
        syllabuses=await _syllabuses(services, course_id, learner_id),
    )


async def _syllabuses(services: Services, course_id: str, learner_id: str) -> tuple[Syllabus, ...]:
    """Of the course as the learner bought it, and as it is now."""
    enrolment = await services.store.state(ENROLMENT, enrolment_stream(course_id, learner_id))
    bought = enrolment.attempts.get(enrolment.payment_id)
    return await syllabuses_of(services.store, course_id, bought.revision if bought else 0)


def _refund_of(asked: Recorded) -> str:
    assert isinstance(asked.event, RefundRequested | ReturnRequested)
    return asked.event.refund_id


def _check_goes_on(story: Story, done: Submitted) -> None:
    """The payment was asked last, and its word is told: a dispute may have been opened in that moment."""
    if shown(story) is not None:
        return
    asked = done.recorded[0]
    assert isinstance(asked.event, ReturnRequested)
    again = RequestRefund(
        command_id=asked.command_id,
        effective_at=asked.metadata.effective_at,
        payment_id=asked.event.payment_id,
        refund_id=asked.event.refund_id,
        amount_minor=None,
        reason="requested_by_customer",
        by_admin=False,
        user_id=asked.event.buyer_id,
    )
    PAYMENT.decide(again, story.payment)
    raise ReturnEnded("The refund of this return was refused, and the course is there as before.")


def _answer(request: Call, story: Story, done: Submitted) -> Response[Any]:
    refund = shown(story)
    assert refund is not None, "it goes on"
    headers = {**done.seen(story.facts[-1].position).headers, "Location": refund.url}
    if refund.status in {"failed", "canceled"}:
        common = problem(RefundFailed.code, why_not_refunded(refund.failure_reason), request.url.path)
        return answer(RefundNotMade(**msgspec.structs.asdict(common), refund=refund), headers)
    told = RequestedRefund(**msgspec.structs.asdict(refund), access=access_of(story))
    if story.refund_id not in story.payment.refunds:
        return Unkept(told, status_code=202, headers=headers)
    return Response(told, status_code=201 if refund.status == "succeeded" else 202, headers=headers)


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
