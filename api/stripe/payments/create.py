"""Create a PaymentIntent at Stripe, or find out what became of one."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

import structlog
from stripe.params import PaymentIntentCreateParams

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
from api.stripe.objects import Charge, PaymentIntent, id_of
from api.stripe.payments import lookup
from api.stripe.payments.customers import know_customer
from api.stripe.payments.snapshots import PresentState, commands_of, lost_payment
from ledger.customers.commands import SavePaymentMethod
from ledger.errors import Refused
from ledger.ids import new_id
from ledger.message import Origin, Outcome, Recorded
from ledger.payments.commands import RecordPaymentFailure, RecordPaymentUnknown
from ledger.payments.decider import PAYMENT
from ledger.payments.events import PaymentInitiated
from ledger.payments.state import Payment
from ledger.payments.stream import stream_of

CLOCK_SKEW = timedelta(minutes=10)
"""Stripe's clock and ours may differ by this much when PaymentIntents are looked for by time."""

KEYS_KEPT = timedelta(hours=48)
"""Stripe forgets idempotency keys some time after 24 hours: what it still knows one of is younger."""

log = structlog.get_logger()


async def state_of(tools: Tools, payment_id: str) -> Payment:
    return await tools.store.state(PAYMENT, stream_of(payment_id))


async def create(tools: Tools, payment_id: str, origin: Origin) -> Delivered:
    """The first call for a payment. An unclear answer is recorded as such, which asks for `resolve`."""
    if (await state_of(tools, payment_id)).status != "initiated":
        return Delivered()
    asked = await _initiated(tools, payment_id)
    if age(tools, asked.metadata.effective_at) > LAST_CALL:
        # nobody who ordered yesterday expects to be charged now, and an earlier call may have got through
        return await _look_up(tools, payment_id, origin, asked)
    return await _call(tools, asked, origin)


async def resolve(tools: Tools, payment_id: str, origin: Origin) -> Delivered:
    """What became of a payment whose first call had no clear answer.

    Look first: a replay with the same key repeats the first answer, a 500 included, whatever happened since.
    Raises Postponed while nobody can tell.
    """
    payment = await state_of(tools, payment_id)
    if payment.status != "unknown":
        return Delivered()
    return await _look_up(tools, payment_id, origin, await _initiated(tools, payment_id))


async def next_action(tools: Tools, payment_id: str) -> Delivered:
    """The secrets for a payment that waits for its cardholder, fetched anew."""
    payment = await state_of(tools, payment_id)
    if payment.status != "requires_action":
        return Delivered()
    try:
        intent = await lookup.payment_intent(tools.stripe, payment.payment_intent_id)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    return _delivered(None, intent)


async def present_of(
    tools: Tools, intent: PaymentIntent, *, with_refunds: bool = False, with_disputes: bool = False
) -> PresentState:
    """With its refunds and disputes when wanted, or when there is a sign of some. Raises what a call to
    Stripe raises.
    """
    charge = intent.latest_charge if isinstance(intent.latest_charge, Charge) else None
    return await lookup.hanging_on(
        tools.stripe,
        intent,
        with_refunds=with_refunds or (charge is not None and charge.amount_refunded > 0),
        with_disputes=with_disputes or (charge is not None and charge.disputed),
    )


async def record_present(
    tools: Tools, payment_id: str, present: PresentState, origin: Origin
) -> list[Outcome]:
    """Record what is new, and the card when it was to be saved. One outcome for each command."""
    lost = lost_payment(present.payment_intent, tools.store.ledger_id)
    commands = commands_of(payment_id, present, lost)
    outcomes = [await tools.store.handle(command, origin) for command in commands]
    if lost is not None and _is_taken_up(outcomes[0]):
        await know_customer(tools, lost.user_id, lost.stripe_customer_id, origin)
    await _save_payment_method(tools, payment_id, present.payment_intent, outcomes[-1].state, origin)
    return outcomes


def _is_taken_up(outcome: Outcome) -> bool:
    return any(isinstance(recorded.event, PaymentInitiated) for recorded in outcome.recorded)


async def _look_up(tools: Tools, payment_id: str, origin: Origin, asked: Recorded) -> Delivered:
    try:
        found = await _find(tools, payment_id, asked)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    if found is not None:
        return await _record(tools, payment_id, found, origin)
    waited = age(tools, asked.metadata.effective_at)
    if waited > NEVER_REACHED_AFTER:
        return await _failed(tools, origin, payment_id, NEVER_REACHED)
    if waited > LAST_CALL:
        raise Postponed("Stripe knows no such payment; it is given up 24 hours after it was asked for")
    return await _call(tools, asked, origin)


async def _find(tools: Tools, payment_id: str, asked: Recorded) -> PaymentIntent | None:
    """All that could have come of calls in the key's lifetime is in the window, so None means none."""
    initiated, at = _event(asked), asked.metadata.effective_at
    return await lookup.find_payment_intent(
        tools.stripe,
        payment_id,
        since=at - CLOCK_SKEW,
        until=min(tools.clock.now(), at + NEVER_REACHED_AFTER) + CLOCK_SKEW,
        customer_id=initiated.stripe_customer_id,
    )


async def _call(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    initiated = _event(asked)
    try:
        intent = await lookup.create_payment_intent(
            tools.stripe,
            parameters(initiated, tools.return_url, tools.store.ledger_id),
            idempotency_key=f"payment:{initiated.payment_id}",
        )
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        match failure.kind:
            case "refused":
                intent_id = id_of(failure.payment_intent)
                return await _failed(
                    tools, origin, initiated.payment_id, failure.code, failure.decline_code, intent_id
                )
            case "used":
                return await _made_before(tools, origin, asked, failure.code)
            case "unclear":
                return await _unclear(tools, origin, initiated.payment_id, failure.code)
            case "busy" | "misconfigured":
                raise postponed_by(failure) from error
            case _:
                assert_never(failure.kind)
    return await _record(tools, initiated.payment_id, intent, origin)


async def _made_before(tools: Tools, origin: Origin, asked: Recorded, cause: str) -> Delivered:
    """Stripe knows the key by other parameters: those of another version of us, or of a request that a
    restored ledger has forgotten. Nothing is charged by it again; what it made is recorded.
    """
    payment_id = _event(asked).payment_id
    at = asked.metadata.effective_at
    try:
        # not only of the customer whom the fact names: that may be what differs
        found = await lookup.find_payment_intent(
            tools.stripe,
            payment_id,
            since=at - KEYS_KEPT - CLOCK_SKEW,
            until=tools.clock.now() + CLOCK_SKEW,
        )
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    if found is None:
        return await _unclear(tools, origin, payment_id, cause)
    return await _record(tools, payment_id, found, origin)


def parameters(initiated: PaymentInitiated, return_url: str, ledger_id: str) -> PaymentIntentCreateParams:
    """The same for the same payment at any time, as Stripe demands of a repeated idempotency key. The
    metadata is what a ledger that was restored to a time before it takes it up by.
    """
    params: PaymentIntentCreateParams = {
        "amount": initiated.amount_minor,
        "currency": initiated.currency,
        "payment_method": initiated.payment_method_id,
        "confirm": True,
        "off_session": False,
        "automatic_payment_methods": {
            "enabled": True,
            "allow_redirects": "always" if return_url else "never",
        },
        "metadata": _metadata(initiated, ledger_id),
        "expand": lookup.WITH_CHARGE,
    }
    if return_url:
        params["return_url"] = return_url
    if initiated.description:
        params["description"] = initiated.description
    if initiated.stripe_customer_id:
        params["customer"] = initiated.stripe_customer_id
    if initiated.save_payment_method:
        params["setup_future_usage"] = "off_session"
    return params


def _metadata(initiated: PaymentInitiated, ledger_id: str) -> dict[str, str]:
    found = {
        "payment_id": initiated.payment_id,
        "ledger_id": ledger_id,
        "user_id": initiated.user_id,
        "purpose": initiated.purpose,
        "purpose_ref": initiated.purpose_ref,
    }
    return {name: value for name, value in found.items() if value}


async def _record(tools: Tools, payment_id: str, intent: PaymentIntent, origin: Origin) -> Delivered:
    """The PaymentIntent recorded, with what became of it since when it is not new."""
    try:
        present = await present_of(tools, intent)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    outcomes = await record_present(tools, payment_id, present, recorder(origin, intent.id))
    return _delivered(outcomes[-1], intent)


def _delivered(outcome: Outcome | None, intent: PaymentIntent) -> Delivered:
    if intent.status != "requires_action":
        return Delivered(outcome)
    redirect = intent.next_action.redirect_to_url if intent.next_action else None
    return Delivered(outcome, intent.client_secret or "", (redirect.url if redirect else None) or "")


async def _failed(
    tools: Tools,
    origin: Origin,
    payment_id: str,
    code: str,
    decline_code: str = "",
    payment_intent_id: str = "",
) -> Delivered:
    command = RecordPaymentFailure(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        payment_id=payment_id,
        code=code,
        decline_code=decline_code,
        payment_intent_id=payment_intent_id,
    )
    return Delivered(await tools.store.handle(command, recorder(origin, payment_intent_id)))


async def _unclear(tools: Tools, origin: Origin, payment_id: str, cause: str) -> Delivered:
    """Recorded once. When it is known already, the outbox row that asked must stay, hence Postponed."""
    if (await state_of(tools, payment_id)).status == "unknown":
        raise Postponed(f"Stripe: unclear ({cause})")
    log.warning("payment_outcome_unknown", payment_id=payment_id, cause=cause)
    command = RecordPaymentUnknown(
        command_id=new_id("cmd"), effective_at=tools.clock.now(), payment_id=payment_id, cause=cause
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _save_payment_method(
    tools: Tools, payment_id: str, intent: PaymentIntent, payment: Payment, origin: Origin
) -> None:
    """Stripe attached the card to the customer as it was asked to; say so once for a payment, so that a
    card removed later does not come back with the payment's next webhook.
    """
    card = id_of(intent.payment_method)
    if intent.status != "succeeded" or not (intent.setup_future_usage and id_of(intent.customer) and card):
        return
    command = SavePaymentMethod(
        command_id=f"save_payment_method:{payment_id}",
        effective_at=tools.clock.now(),
        user_id=payment.user_id,
        payment_method_id=card,
    )
    try:
        await tools.store.handle(command, origin)
    except Refused as refusal:
        # the payment is recorded and stands whatever becomes of the card
        log.warning("payment_method_not_saved", payment_id=payment_id, code=refusal.code)


async def _initiated(tools: Tools, payment_id: str) -> Recorded:
    """The fact with the parameters; the outbox only knows payments that have one."""
    facts = await tools.store.read_stream(stream_of(payment_id))
    if not facts:
        raise Postponed(f"the ledger has no payment {payment_id}")
    return facts[0]


def _event(asked: Recorded) -> PaymentInitiated:
    assert isinstance(asked.event, PaymentInitiated)
    return asked.event
