"""Create a refund at Stripe, or find out what became of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stripe.params import RefundCreateParams

from api.stripe.delivery import Delivered, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import PaymentIntent, Refund, UnexpectedAnswer, parse
from api.stripe.payments import lookup
from api.stripe.payments.create import record_present, state_of
from api.stripe.payments.snapshots import PresentState
from api.stripe.request import DirectRequest, asking_in
from ledger.effects import CreateRefund, ResolveRefund
from ledger.message import Event, Origin, Recorded
from ledger.payments.commands import RecordRefundFailure, RecordRefundUnknown
from ledger.payments.events import RefundRequested
from ledger.payments.stream import stream_of

_WITH_PAYMENT = [*lookup.WITH_ENTRIES, "payment_intent.latest_charge.balance_transaction"]


async def create(tools: Tools, effect: CreateRefund, origin: Origin, cause: Recorded | None) -> Delivered:
    """The first call for a refund. An unclear answer is recorded as such, which asks for `resolve`."""
    if await _status(tools, effect.payment_id, effect.refund_id) != "requested":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(tools: Tools, effect: ResolveRefund, origin: Origin, cause: Recorded | None) -> Delivered:
    """What became of a refund whose first call was unclear. Raises Postponed while nobody can tell."""
    if await _status(tools, effect.payment_id, effect.refund_id) != "unknown":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def _status(tools: Tools, payment_id: str, refund_id: str) -> str:
    refund = (await state_of(tools, payment_id)).refunds.get(refund_id)
    return refund.status if refund else ""


async def _request(
    tools: Tools, effect: CreateRefund | ResolveRefund, origin: Origin, cause: Recorded | None
) -> _RefundRequest:
    def wish_of(event: Event) -> RefundRequested | None:
        return event if isinstance(event, RefundRequested) and event.refund_id == effect.refund_id else None

    asking = await asking_in(tools.store, stream_of(effect.payment_id), cause, wish_of)
    return _RefundRequest(tools, asking, origin)


class _RefundRequest(DirectRequest[RefundRequested, PresentState]):
    absent: ClassVar[str] = "Stripe knows no such refund"
    unknown_as: ClassVar[str] = "refund_outcome_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"refund_id": self.wish.refund_id}

    async def call(self) -> PresentState:
        answer = await lookup.patiently(
            lambda: self.tools.stripe.v1.refunds.create_async(
                parameters(self.wish), {"idempotency_key": f"refund:{self.wish.refund_id}"}
            )
        )
        refund = parse(answer, Refund)
        if lookup.is_replay(answer.last_response.headers if answer.last_response else {}):
            # an earlier answer to this key tells how it was then
            refund = await lookup.refund(self.tools.stripe, refund.id, _WITH_PAYMENT)
        if not isinstance(refund.payment_intent, PaymentIntent):
            raise UnexpectedAnswer(f"{refund.id} came without its PaymentIntent")
        return PresentState(payment_intent=refund.payment_intent, refunds=[refund])

    async def look(self) -> Delivered | None:
        """By the list of the payment's refunds, which is short and complete."""
        stripe, payment_intent_id = self.tools.stripe, self.wish.payment_intent_id
        found = await lookup.find_refund(stripe, payment_intent_id, self.wish.refund_id)
        if found is None:
            return None
        intent = await lookup.payment_intent(stripe, payment_intent_id)
        return await self.record(PresentState(payment_intent=intent, refunds=[found]))

    async def record(self, answer: PresentState, /) -> Delivered:
        as_stripe = recorder(self.origin, answer.refunds[0].id)
        outcomes = await record_present(self.tools, self.wish.payment_id, answer, as_stripe)
        return Delivered(outcomes[-1])

    async def is_unknown(self) -> bool:
        return await _status(self.tools, self.wish.payment_id, self.wish.refund_id) == "unknown"

    def unknown(self, cause: str) -> RecordRefundUnknown:
        return RecordRefundUnknown(
            **self.begun(), payment_id=self.wish.payment_id, refund_id=self.wish.refund_id, cause=cause
        )

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordRefundFailure(
            **self.begun(),
            payment_id=self.wish.payment_id,
            refund_id=self.wish.refund_id,
            reason=failure.code,
        )
        return await self.handle(command)


def parameters(requested: RefundRequested) -> RefundCreateParams:
    """The same for the same refund at any time. `note` stays with us: it may name people."""
    metadata = {"payment_id": requested.payment_id, "refund_id": requested.refund_id}
    if requested.revoke_access:
        metadata["revoke_access"] = "true"
    if requested.is_return:
        metadata["is_return"] = "true"
    params: RefundCreateParams = {
        "payment_intent": requested.payment_intent_id,
        "amount": requested.amount_minor,
        "metadata": metadata,
        "expand": _WITH_PAYMENT,
    }
    match requested.reason:
        case "duplicate" | "fraudulent" | "requested_by_customer" as reason:
            params["reason"] = reason
    return params
