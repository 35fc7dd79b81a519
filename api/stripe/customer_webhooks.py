"""Apply an event about a customer that was deleted, or a card that is being saved: see `webhooks.py`."""

from __future__ import annotations

import msgspec

from api.stripe.billing.lookup import get, path_of
from api.stripe.billing.record import look_and_record, subscriber_of
from api.stripe.customers import customer, record_gone
from api.stripe.delivery import Tools
from api.stripe.objects import Named
from ledger.customers.commands import SavePaymentMethod
from ledger.effects import ApplyWebhook
from ledger.message import Origin

FAMILIES = ("customer.deleted", "setup_intent.")


class Applied(msgspec.Struct, frozen=True):
    """`ignored` says why nothing of it is ours; else empty."""

    changed: bool = False
    subject: str = ""
    ignored: str = ""


class _Customer(msgspec.Struct, frozen=True, kw_only=True):
    """One that was deleted tells nothing but that."""

    id: str
    deleted: bool = False
    metadata: dict[str, str] | None = None

    @property
    def user_id(self) -> str:
        return (self.metadata or {}).get("user_id", "")


class _Data(msgspec.Struct, frozen=True):
    object: _Customer


class _Event(msgspec.Struct, frozen=True):
    data: _Data


class _PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    customer: str | Named | None = None


class _SetupIntent(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    customer: _Customer | None = None
    metadata: dict[str, str] | None = None
    payment_method: _PaymentMethod | None = None


async def apply(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Raises what a call to Stripe raises."""
    if effect.stripe_event_type == "customer.deleted":
        return await _deleted(tools, effect, origin)
    return await _set_up(tools, effect.object_id, origin)


async def _deleted(tools: Tools, effect: ApplyWebhook, origin: Origin) -> Applied:
    """Stripe says of a deleted customer only that it is; whose it was, the event alone tells."""
    event = await get(tools.stripe, path_of("events", effect.stripe_event_id), _Event)
    user_id = event.data.object.user_id
    if not user_id:
        return Applied(ignored="the customer carries no user_id: another integration's")
    present = await get(tools.stripe, path_of("customers", effect.object_id), _Customer)
    before = await customer(tools.store, user_id)
    if not present.deleted or before.stripe_customer_id != effect.object_id:
        return Applied(subject=user_id)
    await record_gone(tools, user_id, effect.object_id, origin)
    return Applied(changed=True, subject=user_id)


async def _set_up(tools: Tools, setup_intent_id: str, origin: Origin) -> Applied:
    """One of our own saves a card. One of Stripe's is of a subscription, which is looked at."""
    expand = ["customer", "payment_method"]
    setup = await get(tools.stripe, path_of("setup_intents", setup_intent_id), _SetupIntent, expand=expand)
    metadata = setup.metadata or {}
    if metadata.get("ledger_id") == tools.store.ledger_id and metadata.get("user_id"):
        return await _save(tools, setup, metadata["user_id"], origin)
    user_id = setup.customer.user_id if setup.customer else ""
    if not user_id:
        return Applied(ignored="the SetupIntent is of no customer of ours: another integration's")
    live = (await subscriber_of(tools, user_id)).live
    if live is None or not live.stripe_subscription_id:
        return Applied(ignored="the customer has no subscription that waits for a card")
    recorded = await look_and_record(tools, live.stripe_subscription_id, origin)
    return Applied(changed=recorded.changed, subject=live.subscription_id)


async def _save(tools: Tools, setup: _SetupIntent, user_id: str, origin: Origin) -> Applied:
    """Not one that was removed since: Stripe has detached it."""
    method = setup.payment_method
    owner = setup.customer.id if setup.customer else ""
    of = method.customer if method else None
    attached = (of if isinstance(of, str) else of.id if of else "") == owner
    if setup.status != "succeeded" or method is None or not attached:
        return Applied(subject=user_id)
    command = SavePaymentMethod(
        command_id=f"save_payment_method:{setup.id}",
        effective_at=tools.clock.now(),
        user_id=user_id,
        payment_method_id=method.id,
        stripe_customer_id=owner,
    )
    return Applied(changed=bool((await tools.store.handle(command, origin)).recorded), subject=user_id)
