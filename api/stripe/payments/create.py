"""Create a PaymentIntent at Stripe, or find out what became of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import msgspec
import structlog
from stripe.params import PaymentIntentCreateParams

from api.stripe.customers import another_customer, customer, know_customer, names_nobody
from api.stripe.delivery import NEVER_REACHED_AFTER, STRIPE_ERRORS, Delivered, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import Charge, PaymentIntent, id_of
from api.stripe.payments import lookup, terms
from api.stripe.payments.snapshots import PresentState, commands_of, lost_payment
from api.stripe.request import DirectRequest, asking_in
from ledger.customers.commands import SavePaymentMethod
from ledger.effects import CreatePaymentIntent, ResolvePayment
from ledger.errors import Refused
from ledger.hosted import until
from ledger.message import Event, Origin, Outcome, Recorded
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


async def create(
    tools: Tools, effect: CreatePaymentIntent, origin: Origin, cause: Recorded | None
) -> Delivered:
    """The first call for a payment. An unclear answer is recorded as such, which asks for `resolve`."""
    if (await state_of(tools, effect.payment_id)).status != "initiated":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(tools: Tools, effect: ResolvePayment, origin: Origin, cause: Recorded | None) -> Delivered:
    """What became of a payment whose first call was unclear. Raises Postponed while nobody can tell."""
    if (await state_of(tools, effect.payment_id)).status != "unknown":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def next_action(tools: Tools, payment_id: str) -> Delivered:
    """The secrets for a payment that waits for its cardholder, fetched anew. Raises what a call to Stripe
    raises.
    """
    payment = await state_of(tools, payment_id)
    if payment.status != "requires_action" or not payment.payment_intent_id:
        return Delivered()
    intent = await lookup.payment_intent(tools.stripe, payment.payment_intent_id)
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
    tools: Tools, payment_id: str, present: PresentState, origin: Origin, *, page_over: bool = False
) -> list[Outcome]:
    """Record what is new, and the card when it was to be saved. One outcome for each command. `page_over`
    says that on the page on which it is paid no other card can be tried any more.
    """
    lost = lost_payment(present.payment_intent, tools.store.ledger_id)
    commands = commands_of(payment_id, present, lost)
    if page_over:
        commands = [msgspec.structs.replace(command, page_over=True) for command in commands]
    outcomes = [await tools.store.handle(command, origin) for command in commands]
    if lost is not None and _is_taken_up(outcomes[0]):
        await know_customer(tools, lost.user_id, lost.stripe_customer_id, origin)
    await _save_payment_method(tools, payment_id, present.payment_intent, outcomes[-1].state, origin)
    return outcomes


def _is_taken_up(outcome: Outcome) -> bool:
    return any(isinstance(recorded.event, PaymentInitiated) for recorded in outcome.recorded)


async def _request(
    tools: Tools, effect: CreatePaymentIntent | ResolvePayment, origin: Origin, cause: Recorded | None
) -> _PaymentRequest:
    asking = await asking_in(tools.store, stream_of(effect.payment_id), cause, _wish_of)
    return _PaymentRequest(tools, asking, origin)


def _wish_of(event: Event) -> PaymentInitiated | None:
    return event if isinstance(event, PaymentInitiated) else None


class _PaymentRequest(DirectRequest[PaymentInitiated, PaymentIntent]):
    absent: ClassVar[str] = "Stripe knows no such payment"
    unknown_as: ClassVar[str] = "payment_outcome_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"payment_id": self.wish.payment_id}

    async def call(self) -> PaymentIntent:
        """By another customer when Stripe has deleted the one that the fact names: a new card pays all the
        same, and one that was saved is refused as what it is, gone.
        """
        wish = self.wish
        try:
            return await self._create(wish, f"payment:{wish.payment_id}")
        except STRIPE_ERRORS as error:
            if not names_nobody(error):
                raise
            gone = wish.stripe_customer_id
            instead = await another_customer(self.tools, wish.user_id, gone, self.origin)
            if not instead:
                raise
        found = await self._find(customer_id=instead)
        wish = msgspec.structs.replace(wish, stripe_customer_id=instead)
        return found or await self._create(wish, f"payment:{wish.payment_id}:{instead}")

    async def _create(self, wish: PaymentInitiated, key: str) -> PaymentIntent:
        return await lookup.create_payment_intent(
            self.tools.stripe,
            parameters(wish, self.tools.return_url, self.tools.store.ledger_id),
            idempotency_key=key,
        )

    async def look(self) -> Delivered | None:
        """All that could have come of calls in the key's lifetime is in the window, so None means none."""
        named = self.wish.stripe_customer_id
        present = (await customer(self.tools.store, self.wish.user_id)).stripe_customer_id
        found = await self._find(customer_id=named)
        if found is None and named and present not in {"", named}:  # it may have been charged by another
            found = await self._find(customer_id=present)
        return None if found is None else await self.record(found)

    async def _find(self, customer_id: str) -> PaymentIntent | None:
        return await lookup.find_payment_intent(
            self.tools.stripe,
            self.wish.payment_id,
            since=self.asked_at - CLOCK_SKEW,
            until=min(self.tools.clock.now(), self.asked_at + NEVER_REACHED_AFTER) + CLOCK_SKEW,
            customer_id=customer_id,
        )

    async def used(self, failure: Failure) -> Delivered:
        """Not only of the customer whom the fact names: that may be what differs."""
        found = await lookup.find_payment_intent(
            self.tools.stripe,
            self.wish.payment_id,
            since=self.asked_at - KEYS_KEPT - CLOCK_SKEW,
            until=self.tools.clock.now() + CLOCK_SKEW,
        )
        return await self.unclear(failure.code) if found is None else await self.record(found)

    async def record(self, answer: PaymentIntent, /) -> Delivered:
        present = await present_of(self.tools, answer)
        as_stripe = recorder(self.origin, answer.id)
        outcomes = await record_present(self.tools, self.wish.payment_id, present, as_stripe)
        return _delivered(outcomes[-1], answer)

    async def is_unknown(self) -> bool:
        return (await state_of(self.tools, self.wish.payment_id)).status == "unknown"

    def unknown(self, cause: str) -> RecordPaymentUnknown:
        return RecordPaymentUnknown(**self.begun(), payment_id=self.wish.payment_id, cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        payment_intent_id = id_of(failure.payment_intent)
        command = RecordPaymentFailure(
            **self.begun(),
            payment_id=self.wish.payment_id,
            code=failure.code,
            decline_code=failure.decline_code,
            payment_intent_id=payment_intent_id,
        )
        return await self.handle(command, payment_intent_id)


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
        "metadata": metadata_of(initiated, ledger_id),
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


def metadata_of(initiated: PaymentInitiated, ledger_id: str) -> dict[str, str]:
    found = {
        "payment_id": initiated.payment_id,
        "ledger_id": ledger_id,
        "user_id": initiated.user_id,
        "purpose": initiated.purpose,
        "purpose_ref": initiated.purpose_ref,
        "org_id": initiated.org_id,
        "page_until": until(initiated.page),
    }
    return {name: value for name, value in found.items() if value} | terms.written(initiated.sale)


def _delivered(outcome: Outcome | None, intent: PaymentIntent) -> Delivered:
    if intent.status != "requires_action":
        return Delivered(outcome)
    redirect = intent.next_action.redirect_to_url if intent.next_action else None
    return Delivered(outcome, intent.client_secret or "", (redirect.url if redirect else None) or "")


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
        stripe_customer_id=id_of(intent.customer),
    )
    try:
        await tools.store.handle(command, origin)
    except Refused as refusal:
        # the payment is recorded and stands whatever becomes of the card
        log.warning("payment_method_not_saved", payment_id=payment_id, code=refusal.code)
