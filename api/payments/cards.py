"""Saved cards. Brand and digits are asked of Stripe each time; the ledger knows ids alone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import msgspec
import stripe
import structlog
from stripe.params import CustomerCreateParams

from api.http.problems import FieldError, StripeUnavailable, Unprocessable
from api.services import Services
from api.stripe.failures import failure_of
from api.stripe.objects import UnexpectedAnswer, parse
from api.stripe.payments.lookup import PAGE, every, patiently
from api.submitting import Submitted
from ledger.customers.commands import RecordCustomer, RemovePaymentMethod, SavePaymentMethod
from ledger.customers.decider import CUSTOMER, Customer
from ledger.customers.stream import stream_of
from ledger.errors import NotFound
from ledger.hosted import HostedPage
from ledger.message import Origin
from ledger.store import Store

T = TypeVar("T")
log = structlog.get_logger()


class Card(msgspec.Struct, frozen=True, kw_only=True):
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class SavedCard(msgspec.Struct, frozen=True, kw_only=True):
    """`card` is null for payment methods of another kind."""

    payment_method: str
    type: str
    card: Card | None


class _PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/payment_methods/object"""

    id: str
    type: str
    card: Card | None = None


async def customer(store: Store, user_id: str) -> Customer:
    return await store.state(CUSTOMER, stream_of(user_id))


async def customer_id(services: Services, user_id: str, origin: Origin) -> str:
    """The user's id as Stripe's customer, made there the first time. Nobody's name goes along."""
    known = await customer(services.store, user_id)
    if known.stripe_customer_id:
        return known.stripe_customer_id
    made = await _ask(_made(services.stripe, services.store.ledger_id, user_id))
    command = RecordCustomer(
        command_id=f"customer:{user_id}:{made}",
        effective_at=services.now(),
        user_id=user_id,
        stripe_customer_id=made,
    )
    await services.store.handle(command, origin)
    return made


async def _made(client: stripe.StripeClient, ledger_id: str, user_id: str) -> str:
    """Names the ledger, so that one that was restored takes it up. Where another ledger of the same account,
    or a version that named none, has used the key within a day, ours is made by a key of its own.
    """
    named: CustomerCreateParams = {"metadata": {"user_id": user_id, "ledger_id": ledger_id}}
    create = client.v1.customers.create_async
    try:
        return (await create(named, {"idempotency_key": f"customer:{user_id}"})).id
    except stripe.IdempotencyError as error:
        if failure_of(error).kind != "used":
            raise
        return (await create(named, {"idempotency_key": f"customer:{ledger_id}:{user_id}"})).id


async def customer_with(store: Store, user_id: str, payment_method: str) -> str:
    """Stripe's customer, whom it wants named with a card that is saved; empty for any other card."""
    known = await customer(store, user_id)
    return known.stripe_customer_id if payment_method in known.payment_methods else ""


async def customer_paying(store: Store, user_id: str, payment_method: str, page: HostedPage | None) -> str:
    """As `customer_with`; on a page of Stripe's, where any card may be chosen, whoever is known."""
    if page is None:
        return await customer_with(store, user_id, payment_method)
    return (await customer(store, user_id)).stripe_customer_id


async def listed(store: Store, client: stripe.StripeClient, user_id: str) -> list[SavedCard]:
    """What is saved here and still attached at Stripe."""
    known = await customer(store, user_id)
    if not known.payment_methods:
        return []
    page = await _ask(
        client.v1.customers.payment_methods.list_async(known.stripe_customer_id, {"limit": PAGE})
    )
    try:
        methods = [parse(method, _PaymentMethod) async for method in every(page)]
    except (stripe.StripeError, UnexpectedAnswer) as error:
        raise _refusal(error) from error
    return [_shown(method) for method in methods if method.id in known.payment_methods]


async def save(
    services: Services, user_id: str, payment_method: str, origin: Origin, command_id: str
) -> tuple[SavedCard, Submitted]:
    """Attach at Stripe, then record; both may be repeated."""
    owner = await customer_id(services, user_id, origin)
    attached = await _ask(
        services.stripe.v1.payment_methods.attach_async(
            payment_method, {"customer": owner}, {"idempotency_key": f"attach:{command_id}"}
        )
    )
    method = parse(attached, _PaymentMethod)
    command = SavePaymentMethod(
        command_id=command_id, effective_at=services.now(), user_id=user_id, payment_method_id=method.id
    )
    return _shown(method), await services.submitter.submit(command, origin)


async def remove(
    services: Services, user_id: str, payment_method: str, origin: Origin, command_id: str
) -> Submitted:
    """Detach at Stripe first: after a crash in between, the card is still shown and can be removed again.

    `NotFound` when the user has no such card.
    """
    if payment_method not in (await customer(services.store, user_id)).payment_methods:
        raise NotFound("You have no such saved card.")
    try:
        await patiently(lambda: services.stripe.v1.payment_methods.detach_async(payment_method))
    except stripe.InvalidRequestError as error:
        log.info("payment_method_detached_before", code=error.code)
    except (stripe.StripeError, UnexpectedAnswer) as error:
        raise _refusal(error) from error
    command = RemovePaymentMethod(
        command_id=command_id, effective_at=services.now(), user_id=user_id, payment_method_id=payment_method
    )
    return await services.submitter.submit(command, origin)


async def _ask(call: Awaitable[T]) -> T:
    try:
        return await call
    except (stripe.StripeError, UnexpectedAnswer) as error:
        raise _refusal(error) from error


def _refusal(error: stripe.StripeError | UnexpectedAnswer) -> StripeUnavailable | Unprocessable:
    failure = failure_of(error)
    if failure.kind == "refused":
        return Unprocessable(
            f"Stripe does not accept this payment method ({failure.decline_code or failure.code}).",
            errors=[FieldError(detail=failure.code, pointer="/payment_method")],
        )
    return StripeUnavailable("Stripe does not answer. Nothing was charged; try again in a moment.")


def _shown(method: _PaymentMethod) -> SavedCard:
    return SavedCard(payment_method=method.id, type=method.type, card=method.card)
