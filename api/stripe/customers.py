"""Users as Stripe's customers: made when one is needed, known again, and anew once Stripe deleted one."""

from __future__ import annotations

from typing import Protocol

import stripe
import structlog
from stripe.params import CustomerCreateParams

from api.clock import Clock
from api.stripe.delivery import recorder
from api.stripe.failures import failure_of
from ledger.customers.commands import RecordCustomer, RecordCustomerGone
from ledger.customers.decider import CUSTOMER
from ledger.customers.state import Customer
from ledger.customers.stream import stream_of
from ledger.ids import new_id
from ledger.message import Origin
from ledger.store import Store

log = structlog.get_logger()


class Tools(Protocol):
    """What deliveries and the services of the API have alike."""

    @property
    def store(self) -> Store: ...

    @property
    def stripe(self) -> stripe.StripeClient: ...

    @property
    def clock(self) -> Clock: ...


async def customer(store: Store, user_id: str) -> Customer:
    return await store.state(CUSTOMER, stream_of(user_id))


async def customer_id(tools: Tools, user_id: str, origin: Origin) -> str:
    """The user's id as Stripe's customer, made there the first time, and again once the one before was
    deleted. Nobody's name goes along. Raises what a call to Stripe raises.
    """
    known = await customer(tools.store, user_id)
    if known.stripe_customer_id:
        return known.stripe_customer_id
    after = f":{known.latest_former_id}" if known.latest_former_id else ""
    made = await _made(tools, user_id, after)
    await _record(tools, user_id, made, origin)
    return made


async def _made(tools: Tools, user_id: str, after: str) -> str:
    """Names the ledger, so that one that was restored takes it up. Where another ledger of the same account,
    or a version that named none, has used the key within a day, ours is made by a key of its own.
    """
    ledger_id = tools.store.ledger_id
    named: CustomerCreateParams = {"metadata": {"user_id": user_id, "ledger_id": ledger_id}}
    create = tools.stripe.v1.customers.create_async
    try:
        return (await create(named, {"idempotency_key": f"customer:{user_id}{after}"})).id
    except stripe.IdempotencyError as error:
        if failure_of(error).kind != "used":
            raise
        return (await create(named, {"idempotency_key": f"customer:{ledger_id}:{user_id}{after}"})).id


async def know_customer(tools: Tools, user_id: str, stripe_customer_id: str, origin: Origin) -> None:
    """Whom Stripe charged for the user is the user's customer, when the ledger has lost who it was: else
    another would be made, without the cards of the first.
    """
    if stripe_customer_id and not (await customer(tools.store, user_id)).stripe_customer_id:
        await _record(tools, user_id, stripe_customer_id, origin)


async def _record(tools: Tools, user_id: str, stripe_customer_id: str, origin: Origin) -> None:
    command = RecordCustomer(
        command_id=f"customer:{user_id}:{stripe_customer_id}",
        effective_at=tools.clock.now(),
        user_id=user_id,
        stripe_customer_id=stripe_customer_id,
    )
    await tools.store.handle(command, origin)


def names_nobody(error: BaseException) -> bool:
    """Whether Stripe has no such customer as the call named: it was deleted there, by whomever."""
    return (
        isinstance(error, stripe.InvalidRequestError)
        and error.code == "resource_missing"
        and error.param == "customer"
    )


async def record_gone(tools: Tools, user_id: str, stripe_customer_id: str, origin: Origin) -> None:
    """Stripe says so; nothing is recorded of one that is not the user's present customer."""
    command = RecordCustomerGone(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=user_id,
        stripe_customer_id=stripe_customer_id,
    )
    outcome = await tools.store.handle(command, recorder(origin))
    if outcome.recorded:
        log.warning("customer_gone", user_id=user_id, stripe_customer_id=stripe_customer_id)


async def another_customer(tools: Tools, user_id: str, gone_id: str, origin: Origin) -> str:
    """Instead of one that `names_nobody`. Empty when it was deleted as its user left: what was still to be
    charged then is charged no more. Raises what a call to Stripe raises.
    """
    await record_gone(tools, user_id, gone_id, origin)
    if gone_id in (await customer(tools.store, user_id)).erased:
        return ""
    return await customer_id(tools, user_id, recorder(origin))
