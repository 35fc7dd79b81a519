"""A payment that is made on a page of Stripe's: open the page, find out what became of it, end it.

https://docs.stripe.com/payments/checkout. The page's PaymentIntent carries the payment's id as any other one
does, so that its webhooks are the payment's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from stripe.params.checkout import SessionCreateParams

from api.stripe.delivery import NEVER_REACHED_AFTER, STRIPE_ERRORS, Delivered, Tools, postponed_by, recorder
from api.stripe.failures import Failure, failure_of
from api.stripe.objects import CheckoutSession, id_of, instant, parse
from api.stripe.payments import create, lookup
from api.stripe.payments.create import (
    CLOCK_SKEW,
    KEYS_KEPT,
    metadata_of,
    present_of,
    record_present,
    state_of,
)
from api.stripe.request import DirectRequest, asking_in
from ledger.effects import OpenPaymentPage, ResolvePayment
from ledger.hosted import HostedPage
from ledger.ids import new_id
from ledger.message import Event, Origin, Outcome, Recorded
from ledger.payments.commands import RecordPaymentFailure, RecordPaymentPage, RecordPaymentUnknown
from ledger.payments.events import PaymentInitiated
from ledger.payments.state import Payment
from ledger.payments.stream import stream_of

_NAMES = {"course": "Course", "licence": "Licence"}
"""What the page says that is paid, where nothing describes it: words that can be erased stay here."""


async def open_page(
    tools: Tools, effect: OpenPaymentPage, origin: Origin, cause: Recorded | None
) -> Delivered:
    """The first call. An unclear answer is recorded as such, which asks for `resolve`."""
    if (await state_of(tools, effect.payment_id)).status != "initiated":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(tools: Tools, effect: ResolvePayment, origin: Origin, cause: Recorded | None) -> Delivered:
    """What became of a payment whose first call was unclear, be it made on a page or not."""
    payment = await state_of(tools, effect.payment_id)
    if not payment.hosted:
        return await create.resolve(tools, effect, origin, cause)
    if payment.status != "unknown":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def end(tools: Tools, payment: Payment, origin: Origin) -> list[Outcome]:
    """Whoever has the page open is told that it is over. One that was paid meanwhile is recorded as that."""
    session = await lookup.checkout_session(tools.stripe, payment.session_id)
    if session.status == "open":
        session = await _expire(tools, session)
    return await record_page(tools, payment.payment_id, session, origin)


async def _expire(tools: Tools, session: CheckoutSession) -> CheckoutSession:
    """As it is now: one that cannot be expired has moved on meanwhile. It needs no key, as it ends once."""
    try:
        answer = await lookup.patiently(lambda: tools.stripe.v1.checkout.sessions.expire_async(session.id))
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        if failure.kind != "refused":
            raise postponed_by(failure) from error
        return await lookup.checkout_session(tools.stripe, session.id)
    return parse(answer, CheckoutSession)


async def record_page(
    tools: Tools, payment_id: str, session: CheckoutSession, origin: Origin
) -> list[Outcome]:
    """What came of its PaymentIntent first: a charge outranks whatever the page says."""
    outcomes: list[Outcome] = []
    payment_intent_id = id_of(session.payment_intent)
    if payment_intent_id:
        intent = await lookup.payment_intent(tools.stripe, payment_intent_id)
        present = await present_of(tools, intent)
        page_over = session.status != "open"
        outcomes += await record_present(tools, payment_id, present, origin, page_over=page_over)
    command = RecordPaymentPage(
        command_id=new_id("cmd"),
        effective_at=_moment(tools, session),
        payment_id=payment_id,
        session_id=session.id,
        status=session.status,
        payment_intent_id=payment_intent_id,
    )
    return [*outcomes, await tools.store.handle(command, origin)]


def _moment(tools: Tools, session: CheckoutSession) -> datetime:
    """One that was ended early goes on to tell when it would have been."""
    if session.status == "expired":
        return min(instant(session.expires_at), tools.clock.now())
    return instant(session.created)


async def _request(
    tools: Tools, effect: OpenPaymentPage | ResolvePayment, origin: Origin, cause: Recorded | None
) -> _PageRequest:
    asking = await asking_in(tools.store, stream_of(effect.payment_id), cause, _wish_of)
    return _PageRequest(tools, asking, origin)


def _wish_of(event: Event) -> PaymentInitiated | None:
    return event if isinstance(event, PaymentInitiated) else None


class _PageRequest(DirectRequest[PaymentInitiated, CheckoutSession]):
    absent: ClassVar[str] = "Stripe knows no such page"
    unknown_as: ClassVar[str] = "payment_page_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"payment_id": self.wish.payment_id}

    async def call(self) -> CheckoutSession:
        made = await lookup.patiently(
            lambda: self.tools.stripe.v1.checkout.sessions.create_async(
                parameters(self.wish, self.tools.store.ledger_id),
                {"idempotency_key": f"page:{self.wish.payment_id}"},
            )
        )
        session = parse(made, CheckoutSession)
        if lookup.is_replay(made.last_response.headers if made.last_response else {}):
            return await lookup.checkout_session(self.tools.stripe, session.id)
        return session

    async def look(self) -> Delivered | None:
        until = min(self.tools.clock.now(), self.asked_at + NEVER_REACHED_AFTER)
        return await self._found(self.asked_at, until)

    async def used(self, failure: Failure) -> Delivered:
        """A restored ledger asks for a page that lasts until another time."""
        found = await self._found(self.asked_at - KEYS_KEPT, self.tools.clock.now())
        return await self.unclear(failure.code) if found is None else found

    async def _found(self, since: datetime, until: datetime) -> Delivered | None:
        session = await lookup.find_checkout_session(
            self.tools.stripe, self.wish.payment_id, since=since - CLOCK_SKEW, until=until + CLOCK_SKEW
        )
        return None if session is None else await self.record(session)

    async def record(self, answer: CheckoutSession, /) -> Delivered:
        as_stripe = recorder(self.origin, answer.id)
        outcomes = await record_page(self.tools, self.wish.payment_id, answer, as_stripe)
        return Delivered(outcomes[-1], next_action_url=answer.url or "")

    async def is_unknown(self) -> bool:
        return (await state_of(self.tools, self.wish.payment_id)).status == "unknown"

    def unknown(self, cause: str) -> RecordPaymentUnknown:
        return RecordPaymentUnknown(**self.begun(), payment_id=self.wish.payment_id, cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordPaymentFailure(**self.begun(), payment_id=self.wish.payment_id, code=failure.code)
        return await self.handle(command)


def parameters(initiated: PaymentInitiated, ledger_id: str) -> SessionCreateParams:
    """The same for the same payment at any time. Its PaymentIntent is made by Stripe when somebody pays, with
    the metadata by which it is known, and taken up by a ledger that was restored to a time before it.
    """
    page = initiated.page
    assert isinstance(page, HostedPage)
    metadata = metadata_of(initiated, ledger_id)
    name = initiated.description or _NAMES.get(initiated.purpose, "Payment")
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": initiated.currency,
                    "unit_amount": initiated.amount_minor,
                    "product_data": {"name": name},
                },
            }
        ],
        "success_url": page.success_url,
        "cancel_url": page.cancel_url,
        "expires_at": int(page.expires_at.timestamp()),
        "client_reference_id": initiated.payment_id,
        "metadata": {"payment_id": initiated.payment_id, "ledger_id": ledger_id},
        "payment_intent_data": {"metadata": metadata},
    }
    if initiated.description:
        params["payment_intent_data"]["description"] = initiated.description
    if initiated.stripe_customer_id:
        params["customer"] = initiated.stripe_customer_id
    if initiated.save_payment_method:
        params["payment_intent_data"]["setup_future_usage"] = "off_session"
    return params
