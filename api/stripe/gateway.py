"""Deliver effects to Stripe, and record its answers in the ledger."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from weakref import WeakValueDictionary

from stripe import StripeClient

from api.clock import Clock
from api.stripe import webhooks
from api.stripe.billing import create as subscriptions
from api.stripe.billing import credit_notes, invoices, previews, requests
from api.stripe.billing import record as billing
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.payments import cancel, refunds, sales
from api.stripe.payments import create as payments
from api.stripe.webhooks import Sight
from api.stripe.wiring import Delivered, Postponed, Wiring
from ledger.effects import (
    ApplyWebhook,
    CancelCoursePayment,
    CancelPaymentIntent,
    CreateCreditNote,
    CreatePaymentIntent,
    CreateRefund,
    CreateSubscription,
    Effect,
    EndSubscriptionService,
    EnrolmentEffect,
    FollowSale,
    InvoiceEffect,
    PaymentEffect,
    RefundCoursePayment,
    ReopenEnrolment,
    ResolveCreditNote,
    ResolveInvoice,
    ResolvePayment,
    ResolveRefund,
    ResolveSubscription,
    RetryInvoice,
    RetryWithNewCard,
    StartCoursePayment,
    SubscriptionEffect,
    WithdrawChange,
)
from ledger.enrolments.stream import stream_of
from ledger.message import Origin
from ledger.store import Store

__all__ = ["Delivered", "Postponed", "StripeGateway", "subject_of"]


class _Turn:
    """Of one subject, kept while anybody waits for it."""

    __slots__ = ("__weakref__", "lock", "sight")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.sight = Sight()


class StripeGateway:
    """Delivers as often as it is asked to; idempotency keys and the ledger's rules make once of it."""

    def __init__(self, store: Store, client: StripeClient, clock: Clock, *, return_url: str = "") -> None:
        self._wiring = Wiring(store, client, clock, return_url)
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()

    async def deliver(self, effect: Effect, origin: Origin) -> Delivered:
        """Does what is still to be done, or nothing.

        Raises Postponed when it must be tried again later, and what `Store.handle` raises.
        Effects with one subject wait for each other; the store's rules settle what meets all the same, such
        as a webhook and a refund of one payment. Webhooks that waited while its present state was fetched
        for another one need no fetch of their own.
        """
        turn = self._turns.setdefault(subject_of(effect), _Turn())
        arrived = time.monotonic()
        async with turn.lock:
            return await self._deliver(effect, origin, turn.sight, arrived)

    async def deliver_now(self, effect: Effect, origin: Origin) -> Delivered:
        """As `deliver`, for a request that waits: what must be tried again is left to the worker."""
        try:
            return await self.deliver(effect, origin)
        except Postponed:
            return Delivered()

    async def action_of(self, payment_id: str) -> Delivered:
        """Fetches what the cardholder's browser needs to confirm a payment; empty when it needs nothing.

        Raises Postponed when Stripe does not answer.
        """
        return await payments.action_of(self._wiring, payment_id)

    async def invoice_action_of(self, stripe_invoice_id: str) -> Delivered:
        """The same for an invoice, such as a subscription's first one."""
        return await billing.action_of(self._wiring, stripe_invoice_id)

    async def preview_change(
        self, user_id: str, subscription_id: str, plan: Plan, at: datetime
    ) -> ChangePreview:
        """What an upgrade to `plan` would charge at `at`; raises as `previews.preview_change` does."""
        return await previews.preview_change(self._wiring, user_id, subscription_id, plan, at)

    async def _deliver(  # noqa: PLR0911  one line for each effect
        self, effect: Effect, origin: Origin, sight: Sight, arrived: float
    ) -> Delivered:
        match effect:
            case CreatePaymentIntent():
                return await payments.create(self._wiring, effect.payment_id, origin)
            case ResolvePayment():
                return await payments.resolve(self._wiring, effect.payment_id, origin)
            case CancelPaymentIntent():
                return await cancel.cancel(self._wiring, effect.payment_id, origin)
            case CreateRefund():
                return await refunds.create(self._wiring, effect.payment_id, effect.refund_id, origin)
            case ResolveRefund():
                return await refunds.resolve(self._wiring, effect.payment_id, effect.refund_id, origin)
            case ApplyWebhook():
                return await webhooks.apply(self._wiring, effect, origin, sight, arrived)
            case (
                StartCoursePayment()
                | CancelCoursePayment()
                | RefundCoursePayment()
                | FollowSale()
                | ReopenEnrolment()
            ):
                return await sales.deliver(self._wiring, effect, origin)
            case _:
                return await self._bill(effect, origin)

    async def _bill(  # noqa: PLR0911  one line for each effect
        self, effect: SubscriptionEffect | InvoiceEffect, origin: Origin
    ) -> Delivered:
        wiring = self._wiring
        match effect:
            case CreateSubscription():
                return await subscriptions.create(wiring, effect, origin)
            case ResolveSubscription(user_id, subscription_id, request_id) if request_id == subscription_id:
                return await subscriptions.resolve(wiring, user_id, subscription_id, origin)
            case WithdrawChange():
                return await requests.withdraw(wiring, effect, origin)
            case RetryWithNewCard():
                return await subscriptions.retry_with_new_card(wiring, effect, origin)
            case EndSubscriptionService():
                return await subscriptions.end_service(wiring, effect, origin)
            case RetryInvoice(stripe_invoice_id, attempt):
                return await invoices.retry(wiring, stripe_invoice_id, attempt, origin)
            case ResolveInvoice(stripe_invoice_id, attempt):
                return await invoices.resolve(wiring, stripe_invoice_id, attempt, origin)
            case CreateCreditNote() | ResolveCreditNote():
                return await credit_notes.deliver(wiring, effect.stripe_invoice_id, effect.credit_id, origin)
            case _:
                return await requests.deliver(wiring, effect, origin)


def subject_of(effect: Effect) -> str:
    """Effects with the same subject are delivered one after another."""
    if isinstance(effect, ApplyWebhook):
        return effect.payment_intent_id or effect.charge_id or effect.object_id
    if isinstance(effect, PaymentEffect):
        return effect.payment_id
    if isinstance(effect, InvoiceEffect):
        return effect.stripe_invoice_id
    if isinstance(effect, EnrolmentEffect):
        return stream_of(effect.course_id, effect.learner_id)
    return effect.user_id
