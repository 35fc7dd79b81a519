"""What a person leaves at Stripe: what waits to be paid is called off, names, addresses and cards are taken
off, then the customer is deleted.

What Stripe keeps of payments and invoices stays, as the law asks for it. The subscriptions of a deleted
customer end at once. https://docs.stripe.com/api/customers/delete
"""

from __future__ import annotations

from typing import Any

import stripe

from api.stripe.billing.lookup import listed, path_of
from api.stripe.billing.record import look_and_record, subscriber_of
from api.stripe.customers import customer, names_nobody
from api.stripe.delivery import Delivered, Tools, as_worker, recorder
from api.stripe.failures import is_missing
from api.stripe.objects import Named
from api.stripe.payments.lookup import patiently
from ledger.customers.commands import RecordCustomerErased
from ledger.effects import DeleteCustomer
from ledger.ids import new_id
from ledger.message import Command, Origin
from ledger.payments.commands import CancelPayment
from ledger.subscriptions.commands import EndSubscriptionPage

_PERSONAL = ("name", "email", "phone", "description", "address", "shipping")
_OF_BILLING = ("name", "email", "phone")


async def delete(tools: Tools, effect: DeleteCustomer, origin: Origin) -> Delivered:
    """As often as it takes: what is gone already counts as done. Raises what a call to Stripe raises."""
    await _call_off(tools, effect, origin)
    gone_id = effect.stripe_customer_id
    if gone_id not in (await customer(tools.store, effect.user_id)).erasing:
        return Delivered()
    await _delete_at_stripe(tools, gone_id)
    await _follow_subscriptions(tools, effect.user_id, gone_id, origin)
    command = RecordCustomerErased(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=effect.user_id,
        stripe_customer_id=gone_id,
    )
    return Delivered(await tools.store.handle(command, as_worker(origin)))


async def _call_off(tools: Tools, effect: DeleteCustomer, origin: Origin) -> None:
    """Recorded as wishes, which are delivered until Stripe's answer ends each. What was captured or begun
    first stays, as it was confirmed by its cardholder.
    """
    at = tools.clock.now()
    wishes: list[Command] = [
        CancelPayment(
            command_id=f"left:{payment_id}",
            effective_at=at,
            payment_id=payment_id,
            user_id="",
            by_system=True,
        )
        for payment_id in effect.payment_ids
    ]
    wishes += [
        EndSubscriptionPage(
            command_id=f"left:{page_id}", effective_at=at, user_id=effect.user_id, subscription_id=page_id
        )
        for page_id in effect.page_ids
    ]
    for wish in wishes:
        await tools.store.handle(wish, as_worker(origin))


async def _delete_at_stripe(tools: Tools, stripe_customer_id: str) -> None:
    path = path_of("customers", stripe_customer_id)
    try:
        for method in await listed(tools.stripe, f"{path}/payment_methods", Named):
            await _let_go(tools, method.id)
        # an object that was deleted may still be read in exports and reports: leave no name in it
        await _raw(tools, "post", path, **dict.fromkeys(_PERSONAL, ""))
        await _raw(tools, "delete", path)
    except stripe.InvalidRequestError as error:
        if not (names_nobody(error) or is_missing(error)):
            raise


async def _let_go(tools: Tools, method_id: str) -> None:
    path = path_of("payment_methods", method_id)
    await _raw(tools, "post", path, billing_details={**dict.fromkeys(_OF_BILLING, ""), "address": ""})
    await _raw(tools, "post", f"{path}/detach")


async def _raw(tools: Tools, method: str, path: str, **params: Any) -> None:
    """Each is the same done twice, so none needs a key."""
    await patiently(lambda: tools.stripe.raw_request_async(method, path, **params))


async def _follow_subscriptions(tools: Tools, user_id: str, stripe_customer_id: str, origin: Origin) -> None:
    """They ended with their customer: recorded before anybody asks, and though their webhooks were lost."""
    subscriber = await subscriber_of(tools, user_id)
    for subscription_id in sorted(subscriber.live_ids):
        known = subscriber.subscriptions[subscription_id]
        if known.stripe_subscription_id:
            await look_and_record(
                tools, known.stripe_subscription_id, recorder(origin, stripe_customer_id), with_latest=True
            )
