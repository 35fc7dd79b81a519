"""Create a refund at Stripe, or find out what became of one."""

from __future__ import annotations

from typing import assert_never

import structlog
from stripe.params import RefundCreateParams

from api.stripe.delivery import (
    LAST_CALL,
    NEVER_REACHED,
    NEVER_REACHED_AFTER,
    STRIPE_ERRORS,
    Delivered,
    Postponed,
    Tools,
    age,
    postponed,
    postponed_by,
    recorder,
)
from api.stripe.failures import failure_of
from api.stripe.objects import PaymentIntent, Refund, parse
from api.stripe.payments import lookup
from api.stripe.payments.create import record_present, state_of
from api.stripe.payments.snapshots import PresentState
from ledger.ids import new_id
from ledger.message import Origin, Recorded
from ledger.payments.commands import RecordRefundFailure, RecordRefundUnknown
from ledger.payments.events import RefundRequested
from ledger.payments.stream import stream_of

log = structlog.get_logger()

_WITH_PAYMENT = [*lookup.WITH_ENTRIES, "payment_intent.latest_charge.balance_transaction"]


async def create(tools: Tools, payment_id: str, refund_id: str, origin: Origin) -> Delivered:
    """The first call for a refund. An unclear answer is recorded as such, which asks for `resolve`."""
    if await _status(tools, payment_id, refund_id) != "requested":
        return Delivered()
    asked = await _requested(tools, payment_id, refund_id)
    if age(tools, asked.metadata.effective_at) > LAST_CALL:
        return await _look_up(tools, asked, origin)
    return await _call(tools, asked, origin)


async def resolve(tools: Tools, payment_id: str, refund_id: str, origin: Origin) -> Delivered:
    """What became of a refund whose first call was unclear. Raises Postponed while nobody can tell."""
    if await _status(tools, payment_id, refund_id) != "unknown":
        return Delivered()
    return await _look_up(tools, await _requested(tools, payment_id, refund_id), origin)


async def _status(tools: Tools, payment_id: str, refund_id: str) -> str:
    refund = (await state_of(tools, payment_id)).refunds.get(refund_id)
    return refund.status if refund else ""


async def _look_up(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    requested = _event(asked)
    delivered = await _found(tools, requested, origin)
    if delivered is not None:
        return delivered
    waited = age(tools, asked.metadata.effective_at)
    if waited > NEVER_REACHED_AFTER:
        return await _failed(tools, requested, NEVER_REACHED, origin)
    if waited > LAST_CALL:
        raise Postponed("Stripe knows no such refund; it is given up 24 hours after it was asked for")
    return await _call(tools, asked, origin)


async def _found(tools: Tools, requested: RefundRequested, origin: Origin) -> Delivered | None:
    """By the list of the payment's refunds, which is short and complete. Raises Postponed when Stripe does
    not answer.
    """
    try:
        found = await lookup.find_refund(tools.stripe, requested.payment_intent_id, requested.refund_id)
        if found is None:
            return None
        intent = await lookup.payment_intent(tools.stripe, requested.payment_intent_id)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    return await _record(tools, requested.payment_id, intent, found, origin)


async def _made_before(tools: Tools, requested: RefundRequested, cause: str, origin: Origin) -> Delivered:
    """Stripe knows the key by other parameters: see `payments.py`."""
    found = await _found(tools, requested, origin)
    return await _unclear(tools, requested, cause, origin) if found is None else found


async def _call(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    requested = _event(asked)
    try:
        answer = await lookup.patiently(
            lambda: tools.stripe.v1.refunds.create_async(
                parameters(requested), {"idempotency_key": f"refund:{requested.refund_id}"}
            )
        )
        refund = parse(answer, Refund)
        if lookup.is_replay(answer.last_response.headers if answer.last_response else {}):
            # an earlier answer to this key tells how it was then
            refund = await lookup.refund(tools.stripe, refund.id, _WITH_PAYMENT)
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        match failure.kind:
            case "refused":
                return await _failed(tools, requested, failure.code, origin)
            case "used":
                return await _made_before(tools, requested, failure.code, origin)
            case "unclear":
                return await _unclear(tools, requested, failure.code, origin)
            case "busy" | "misconfigured":
                raise postponed_by(failure) from error
            case _:
                assert_never(failure.kind)
    if not isinstance(refund.payment_intent, PaymentIntent):
        return await _unclear(tools, requested, "unexpected_answer", origin)
    return await _record(tools, requested.payment_id, refund.payment_intent, refund, origin)


def parameters(requested: RefundRequested) -> RefundCreateParams:
    """The same for the same refund at any time. `note` stays with us: it may name people."""
    metadata = {"payment_id": requested.payment_id, "refund_id": requested.refund_id}
    if requested.revoke_access:
        metadata["revoke_access"] = "true"
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


async def _record(
    tools: Tools, payment_id: str, intent: PaymentIntent, refund: Refund, origin: Origin
) -> Delivered:
    present = PresentState(payment_intent=intent, refunds=[refund])
    outcomes = await record_present(tools, payment_id, present, recorder(origin, refund.id))
    return Delivered(outcomes[-1])


async def _failed(tools: Tools, requested: RefundRequested, reason: str, origin: Origin) -> Delivered:
    command = RecordRefundFailure(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        payment_id=requested.payment_id,
        refund_id=requested.refund_id,
        reason=reason,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _unclear(tools: Tools, requested: RefundRequested, cause: str, origin: Origin) -> Delivered:
    """Recorded once. When it is known already, the outbox row that asked must stay, hence Postponed."""
    if await _status(tools, requested.payment_id, requested.refund_id) == "unknown":
        raise Postponed(f"Stripe: unclear ({cause})")
    log.warning("refund_outcome_unknown", refund_id=requested.refund_id, cause=cause)
    command = RecordRefundUnknown(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        payment_id=requested.payment_id,
        refund_id=requested.refund_id,
        cause=cause,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _requested(tools: Tools, payment_id: str, refund_id: str) -> Recorded:
    for fact in await tools.store.read_stream(stream_of(payment_id)):
        if isinstance(fact.event, RefundRequested) and fact.event.refund_id == refund_id:
            return fact
    raise Postponed(f"the ledger has no refund {refund_id}")


def _event(asked: Recorded) -> RefundRequested:
    assert isinstance(asked.event, RefundRequested)
    return asked.event
