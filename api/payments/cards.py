"""Saved cards. Brand and digits are asked of Stripe each time; the ledger knows ids alone."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Literal, TypeVar

import msgspec
import stripe
import structlog
from stripe.params import SetupIntentCreateParams

from api.http.problems import FieldError, StripeUnavailable, Unprocessable
from api.payments import declines
from api.payments.resources import NextAction
from api.services import Services
from api.stripe import customers
from api.stripe.delivery import STRIPE_ERRORS
from api.stripe.failures import failure_of
from api.stripe.objects import NextAction as StripeAction
from api.stripe.objects import PaymentError, UnexpectedAnswer, parse
from api.stripe.payments.lookup import PAGE, every, patiently
from api.submitting import Submitted
from ledger.customers.commands import RemovePaymentMethod, SavePaymentMethod
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


class UnconfirmedCard(msgspec.Struct, frozen=True, kw_only=True):
    """Not saved yet: its bank wants to hear the cardholder. It is, soon after they confirmed."""

    payment_method: str
    setup_intent: str
    status: Literal["requires_action"] = "requires_action"
    next_action: NextAction


class _PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/payment_methods/object"""

    id: str
    type: str
    card: Card | None = None


class _SetupIntent(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/setup_intents/object"""

    id: str
    status: str
    client_secret: str | None = None
    last_setup_error: PaymentError | None = None
    next_action: StripeAction | None = None
    payment_method: str | _PaymentMethod | None = None


async def customer_id(services: Services, user_id: str, origin: Origin) -> str:
    """The user's id as Stripe's customer, made there when there is none."""
    return await _ask(customers.customer_id(services, user_id, origin))


async def customer_with(store: Store, user_id: str, payment_method: str) -> str:
    """Stripe's customer, whom it wants named with a card that is saved; empty for any other card."""
    known = await customers.customer(store, user_id)
    return known.stripe_customer_id if payment_method in known.payment_methods else ""


async def customer_paying(store: Store, user_id: str, payment_method: str, page: HostedPage | None) -> str:
    """As `customer_with`; on a page of Stripe's, where any card may be chosen, whoever is known."""
    if page is None:
        return await customer_with(store, user_id, payment_method)
    return (await customers.customer(store, user_id)).stripe_customer_id


class Saved(msgspec.Struct, frozen=True):
    cards: list[SavedCard]
    gone_at: datetime | None = None
    """When Stripe was seen to have deleted the customer, and all cards with it; until one is saved again."""


async def listed(services: Services, user_id: str, origin: Origin) -> Saved:
    """What is saved here and still attached at Stripe."""
    known = await customers.customer(services.store, user_id)
    if not known.payment_methods:
        return Saved([], known.cards_gone_at)
    listing = services.stripe.v1.customers.payment_methods.list_async(
        known.stripe_customer_id, {"limit": PAGE}
    )
    try:
        methods = [parse(method, _PaymentMethod) async for method in every(await listing)]
    except STRIPE_ERRORS as error:
        if not customers.names_nobody(error):
            raise _refusal(error) from error
        await customers.record_gone(services, user_id, known.stripe_customer_id, origin)
        return Saved([], (await customers.customer(services.store, user_id)).cards_gone_at)
    return Saved([_shown(method) for method in methods if method.id in known.payment_methods])


async def save(
    services: Services, user_id: str, payment_method: str, origin: Origin, command_id: str
) -> tuple[SavedCard | UnconfirmedCard, Submitted | None]:
    """Have its cardholder agree to later payments, then record it; both may be repeated. None is recorded
    while the cardholder's bank wants to hear them first.
    """
    owner = await customer_id(services, user_id, origin)
    setup = await _set_up(services, (user_id, owner, payment_method), f"setup:{command_id}", origin)
    method = setup.payment_method
    if setup.status != "succeeded" or not isinstance(method, _PaymentMethod):
        return _unconfirmed(setup), None
    command = SavePaymentMethod(
        command_id=command_id, effective_at=services.now(), user_id=user_id, payment_method_id=method.id
    )
    return _shown(method), await services.submitter.submit(command, origin)


async def _set_up(services: Services, whose: tuple[str, str, str], key: str, origin: Origin) -> _SetupIntent:
    """For another customer when Stripe has deleted the one that is known."""
    user_id, owner, payment_method = whose
    try:
        return await _setup_intent(services, whose, key)
    except STRIPE_ERRORS as error:
        if not customers.names_nobody(error):
            raise _refusal(error) from error
        instead = await _ask(customers.another_customer(services, user_id, owner, origin))
    # nobody erases themselves while they save a card; who does begins anew all the same
    instead = instead or await customer_id(services, user_id, origin)
    return await _ask(_setup_intent(services, (user_id, instead, payment_method), f"{key}:{instead}"))


async def _setup_intent(services: Services, whose: tuple[str, str, str], key: str) -> _SetupIntent:
    """As it is now: a repeat of the call is answered as the first one was."""
    user_id, owner, payment_method = whose
    return_url = services.settings.stripe_return_url
    params: SetupIntentCreateParams = {
        "customer": owner,
        "payment_method": payment_method,
        "usage": "off_session",
        "confirm": True,
        "automatic_payment_methods": {
            "enabled": True,
            "allow_redirects": "always" if return_url else "never",
        },
        "metadata": {"user_id": user_id, "ledger_id": services.store.ledger_id},
        "expand": ["payment_method"],
    }
    if return_url:
        params["return_url"] = return_url
    setups = services.stripe.v1.setup_intents
    setup = parse(await setups.create_async(params, {"idempotency_key": key}), _SetupIntent)
    if setup.status == "succeeded":
        return setup
    return parse(await setups.retrieve_async(setup.id, {"expand": ["payment_method"]}), _SetupIntent)


def _unconfirmed(setup: _SetupIntent) -> UnconfirmedCard:
    if setup.status != "requires_action":
        # the bank was asked, and said no meanwhile
        raise _not_accepted((setup.last_setup_error and setup.last_setup_error.code) or setup.status)
    redirect = setup.next_action.redirect_to_url if setup.next_action else None
    url, method = (redirect.url if redirect else None) or "", setup.payment_method
    return UnconfirmedCard(
        payment_method=method.id if isinstance(method, _PaymentMethod) else method or "",
        setup_intent=setup.id,
        next_action=NextAction(
            type="redirect_to_url" if url else "use_stripe_sdk",
            client_secret=setup.client_secret or "",
            redirect_url=url,
        ),
    )


async def remove(
    services: Services, user_id: str, payment_method: str, origin: Origin, command_id: str
) -> Submitted:
    """Detach at Stripe first: after a crash in between, the card is still shown and can be removed again.

    `NotFound` when the user has no such card.
    """
    if payment_method not in (await customers.customer(services.store, user_id)).payment_methods:
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
        return _not_accepted(failure.code, failure.decline_code)
    return StripeUnavailable("Stripe does not answer. Nothing was charged; try again in a moment.")


def _not_accepted(code: str, decline_code: str = "") -> Unprocessable:
    known = declines.DECLINES.get(declines.shown(decline_code) or code) or declines.NOT_MADE.get(code)
    why = f" {known.detail}" if known else ""
    named = declines.shown(decline_code) or code
    return Unprocessable(
        f"Stripe does not accept this payment method ({named}).{why}",
        errors=[FieldError(detail=code, pointer="/payment_method")],
    )


def _shown(method: _PaymentMethod) -> SavedCard:
    return SavedCard(payment_method=method.id, type=method.type, card=method.card)
