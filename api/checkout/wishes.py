"""The command that each kind of checkout asks for: its direct route's, with a page in a card's place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from api.checkout.bodies import AmountToPay, NewCheckout
from api.enrolments.buying import reservation
from api.http.access import BUYERS, MANAGERS
from api.http.auth import Principal
from api.licences.paying import to_pay, to_purchase
from api.payments import cards
from api.services import Services, origin_of
from api.subscriptions.subscribing import subscription_request
from ledger.errors import Forbidden
from ledger.hosted import PAGE_LASTS, HostedPage
from ledger.message import Command
from ledger.payments.commands import CancelPayment, InitiatePayment
from ledger.payments.decider import PAYMENT
from ledger.subscriptions.commands import EndSubscriptionPage

Call = Request[Principal, Any, State]
Make = Callable[[str], Awaitable[Command]]


async def wished(services: Services, request: Call, body: NewCheckout) -> Make:
    """Raises what the direct routes raise, also that the caller's roles may not buy such a thing."""
    page = page_of(services, body)
    if body.course is not None:
        _require(request, BUYERS, "Courses are bought by their learners, and by givers.")
        course = body.course

        async def reserve(command_id: str) -> Command:
            return await reservation(services, request.user, course, command_id, page=page)

        return reserve
    if body.subscription is not None:
        plan = body.subscription

        async def subscribe(command_id: str) -> Command:
            return await subscription_request(services, request, plan, command_id, page=page)

        return subscribe
    if body.licence is not None:
        _require(request, MANAGERS, "Licences are bought by who manages an organisation.")
        return await to_purchase(services, request, body.licence, page=page)
    if body.licence_invoice is not None:
        _require(request, MANAGERS, "Invoices of licences are paid by who manages the organisation.")
        asked = body.licence_invoice
        return await to_pay(
            services, request, asked.licence_id, asked.invoice_id, asked.expected_minor, page=page
        )
    assert body.payment is not None, "the body was checked"
    amount = body.payment

    async def initiate(command_id: str) -> Command:
        return await _payment(services, request, amount, command_id, page)

    return initiate


def prefix_of(body: NewCheckout) -> str:
    """Of the id of what is paid, by which the checkout is called."""
    return "pay" if body.subscription is None else "sub"


def end_of(checkout_id: str, command_id: str, now: datetime, user_id: str) -> Command:
    begun: dict[str, Any] = {"command_id": command_id, "effective_at": now, "user_id": user_id}
    if checkout_id.startswith("sub_"):
        return EndSubscriptionPage(**begun, subscription_id=checkout_id)
    return CancelPayment(**begun, payment_id=checkout_id)


def page_of(services: Services, body: NewCheckout) -> HostedPage:
    """In whole seconds, as Stripe counts them."""
    expires_at = (services.now() + PAGE_LASTS + timedelta(seconds=1)).replace(microsecond=0)
    return HostedPage(success_url=body.success_url, cancel_url=body.cancel_url, expires_at=expires_at)


def _require(request: Call, roles: frozenset[str], why: str) -> None:
    if request.user.roles.isdisjoint(roles):
        raise Forbidden(why)


async def _payment(
    services: Services, request: Call, body: AmountToPay, command_id: str, page: HostedPage
) -> InitiatePayment:
    command = InitiatePayment(
        command_id=command_id,
        effective_at=services.now(),
        payment_id=services.id_of("pay", command_id),
        user_id=request.user.id,
        amount_minor=body.amount_minor,
        currency=body.currency.lower(),
        payment_method_id="",
        description=body.description,
        save_payment_method=body.save_payment_method,
        page=page,
    )
    PAYMENT.decide(command, PAYMENT.initial)  # refused, if it must be, before Stripe is asked for a customer
    if body.save_payment_method:
        customer_id = await cards.customer_id(services, request.user.id, origin_of(request))
    else:
        customer_id = await cards.customer_paying(services.store, request.user.id, "", page)
    return msgspec.structs.replace(command, stripe_customer_id=customer_id)
