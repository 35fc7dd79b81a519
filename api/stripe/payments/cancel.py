"""Have Stripe cancel a PaymentIntent, so that nobody can confirm it later."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from stripe.params import PaymentIntentCancelParams

from api.stripe.delivery import STRIPE_ERRORS, Delivered, Postponed, Tools, postponed_by, recorder
from api.stripe.failures import failure_of
from api.stripe.objects import PaymentIntent, parse
from api.stripe.payments import lookup, pages
from api.stripe.payments.create import present_of, record_present, state_of
from api.stripe.request import asking_in
from ledger.effects import CancelPaymentIntent
from ledger.message import Event, Origin, Outcome, Recorded
from ledger.payments.events import PaymentCancelRequested
from ledger.payments.state import CAPTURED, Payment
from ledger.payments.stream import stream_of

_OVER = CAPTURED | {"canceled"}
_CANCELABLE = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}
)
"""One that is being processed can be canceled in rare cases only:
https://docs.stripe.com/api/payment_intents/cancel"""

log = structlog.get_logger()


async def cancel(
    tools: Tools, effect: CancelPaymentIntent, origin: Origin, cause: Recorded | None
) -> Delivered:
    """Whatever Stripe answers ends the payment: canceled, or captured before we came. Raises Postponed until
    it says one of them.
    """
    payment_id = effect.payment_id
    payment = await state_of(tools, payment_id)
    if not payment.cancel_requested or _is_over(payment):
        return Delivered()
    if payment.session_id and payment.status == "requires_action":
        outcomes = await pages.end(tools, payment, recorder(origin, payment.session_id))
        return _ended(outcomes)
    if not payment.payment_intent_id:
        raise Postponed("what became of the first call for this payment is not known yet")
    # looked at first: a refusal would be repeated under this key for as long as Stripe keeps it
    intent = await lookup.payment_intent(tools.stripe, payment.payment_intent_id)
    if intent.status in _CANCELABLE:
        asking = await asking_in(tools.store, stream_of(payment_id), cause, _wish_of)
        intent = await _call(tools, asking.wish, intent)
    present = await present_of(tools, intent)
    outcomes = await record_present(tools, payment_id, present, recorder(origin, intent.id))
    return _ended(outcomes)


def _ended(outcomes: Sequence[Outcome]) -> Delivered:
    payment: Payment = outcomes[-1].state
    if not _is_over(payment):
        raise Postponed(f"Stripe does not cancel a payment that is {payment.status}")
    return Delivered(outcomes[-1])


async def can_be_canceled(tools: Tools, payment_id: str) -> bool:
    """By what Stripe says now. Raises what a call to Stripe raises."""
    payment = await state_of(tools, payment_id)
    intent = await lookup.payment_intent(tools.stripe, payment.payment_intent_id)
    return intent.status in _CANCELABLE


def _is_over(payment: Payment) -> bool:
    never_reached_stripe = payment.status == "failed" and not payment.payment_intent_id
    return payment.status in _OVER or never_reached_stripe


async def _call(tools: Tools, wish: PaymentCancelRequested, intent: PaymentIntent) -> PaymentIntent:
    """As it is now: a replay tells how it was then, and one that is refused has moved on meanwhile."""
    params = PaymentIntentCancelParams(expand=lookup.WITH_CHARGE)
    match wish.reason:
        case "abandoned" | "duplicate" | "fraudulent" | "requested_by_customer" as reason:
            params["cancellation_reason"] = reason
        case "expired":
            params["cancellation_reason"] = "abandoned"
    try:
        answer = await lookup.patiently(
            lambda: tools.stripe.v1.payment_intents.cancel_async(
                intent.id, params, {"idempotency_key": f"cancel-payment:{wish.payment_id}"}
            )
        )
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        if failure.kind != "refused":
            raise postponed_by(failure) from error
        log.info("payment_not_canceled", payment_id=wish.payment_id, code=failure.code)
        return await lookup.payment_intent(tools.stripe, intent.id)
    if lookup.is_replay(answer.last_response.headers if answer.last_response else {}):
        return await lookup.payment_intent(tools.stripe, intent.id)
    return parse(answer, PaymentIntent)


def _wish_of(event: Event) -> PaymentCancelRequested | None:
    return event if isinstance(event, PaymentCancelRequested) else None
