"""A payment that is made on a page of Stripe's: open the page, find out what became of it, end it.

The page's PaymentIntent carries the payment's id as any other one does: its webhooks are the payment's.
"""

from __future__ import annotations

from typing import ClassVar

from stripe.params.checkout import SessionCreateParams

from api.stripe.delivery import Delivered, Tools, recorder
from api.stripe.failures import Failure
from api.stripe.objects import CheckoutSession, id_of
from api.stripe.payments import create, lookup
from api.stripe.payments.create import metadata_of, present_of, record_present, state_of
from api.stripe.payments.hosted import PageRequest, ended, moment_of, shown_on
from api.stripe.request import asking_in
from ledger.effects import OpenPaymentPage, ResolvePayment
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
    """One that was paid meanwhile is recorded as that."""
    session = await ended(tools, payment.session_id)
    return await record_page(tools, payment.payment_id, session, origin)


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
        effective_at=moment_of(tools, session),
        payment_id=payment_id,
        session_id=session.id,
        status=session.status,
        payment_intent_id=payment_intent_id,
    )
    return [*outcomes, await tools.store.handle(command, origin)]


async def _request(
    tools: Tools, effect: OpenPaymentPage | ResolvePayment, origin: Origin, cause: Recorded | None
) -> _PageRequest:
    asking = await asking_in(tools.store, stream_of(effect.payment_id), cause, _wish_of)
    return _PageRequest(tools, asking, origin)


def _wish_of(event: Event) -> PaymentInitiated | None:
    return event if isinstance(event, PaymentInitiated) else None


class _PageRequest(PageRequest[PaymentInitiated]):
    named: ClassVar[str] = "payment_id"

    @property
    def our_id(self) -> str:
        return self.wish.payment_id

    async def parameters(self) -> SessionCreateParams:
        return parameters(self.wish, self.tools.store.ledger_id)

    async def record(self, answer: CheckoutSession, /) -> Delivered:
        as_stripe = recorder(self.origin, answer.id)
        outcomes = await record_page(self.tools, self.our_id, answer, as_stripe)
        return Delivered(outcomes[-1], next_action_url=answer.url or "")

    async def is_unknown(self) -> bool:
        return (await state_of(self.tools, self.our_id)).status == "unknown"

    def unknown(self, cause: str) -> RecordPaymentUnknown:
        return RecordPaymentUnknown(**self.begun(), payment_id=self.our_id, cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordPaymentFailure(**self.begun(), payment_id=self.our_id, code=failure.code)
        return await self.handle(command)


def parameters(initiated: PaymentInitiated, ledger_id: str) -> SessionCreateParams:
    """Its PaymentIntent is made by Stripe when somebody pays, with the metadata by which it is known, and
    taken up by a ledger that was restored to a time before it.
    """
    name = initiated.description or _NAMES.get(initiated.purpose, "Payment")
    params: SessionCreateParams = {
        **shown_on(initiated.page, initiated.payment_id),
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
        "metadata": {"payment_id": initiated.payment_id, "ledger_id": ledger_id},
        "payment_intent_data": {"metadata": metadata_of(initiated, ledger_id)},
    }
    if initiated.description:
        params["payment_intent_data"]["description"] = initiated.description
    if initiated.stripe_customer_id:
        params["customer"] = initiated.stripe_customer_id
    if initiated.save_payment_method:
        params["payment_intent_data"]["setup_future_usage"] = "off_session"
    return params
