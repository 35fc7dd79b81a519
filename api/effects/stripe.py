"""Deliver effects to Stripe, and record its answers in the ledger."""

from __future__ import annotations

import asyncio
import time
from weakref import WeakValueDictionary

from stripe import StripeClient

from api.clock import Clock
from api.effects import payments, refunds, webhooks
from api.effects.webhooks import Sight
from api.effects.wiring import Delivered, Postponed, Wiring
from ledger.message import Origin
from ledger.policies.effects import (
    ApplyWebhook,
    CreatePaymentIntent,
    CreateRefund,
    Effect,
    InvoiceEffect,
    PaymentEffect,
    ResolvePayment,
    ResolveRefund,
    SubscriptionEffect,
)
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
        Effects of one payment wait for each other, so that a request and the worker never race. Webhooks
        that waited while its present state was fetched for another one need no fetch of their own.
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

    async def _deliver(self, effect: Effect, origin: Origin, sight: Sight, arrived: float) -> Delivered:
        match effect:
            case CreatePaymentIntent():
                return await payments.create(self._wiring, effect.payment_id, origin)
            case ResolvePayment():
                return await payments.resolve(self._wiring, effect.payment_id, origin)
            case CreateRefund():
                return await refunds.create(self._wiring, effect.payment_id, effect.refund_id, origin)
            case ResolveRefund():
                return await refunds.resolve(self._wiring, effect.payment_id, effect.refund_id, origin)
            case ApplyWebhook():
                return await webhooks.apply(self._wiring, effect, origin, sight, arrived)
            case _:
                return await self._bill(effect)

    async def _bill(self, effect: SubscriptionEffect | InvoiceEffect) -> Delivered:
        raise Postponed(f"{type(effect).__name__} is not delivered by this version")


def subject_of(effect: Effect) -> str:
    """Effects with the same subject are delivered one after another."""
    if isinstance(effect, ApplyWebhook):
        return effect.payment_intent_id or effect.charge_id or effect.object_id
    if isinstance(effect, PaymentEffect):
        return effect.payment_id
    if isinstance(effect, InvoiceEffect):
        return effect.stripe_invoice_id
    return effect.user_id
