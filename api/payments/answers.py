"""What an answer about a payment says when it is not the money: declined, or waiting for its cardholder."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.owner import is_admin
from api.http.problems import CardDeclined, Problem, StripeUnavailable, problem
from api.payments import declines
from api.payments.declines import Remedy
from api.payments.resources import NextAction, Payment
from api.services import Gateway
from api.stripe.gateway import Delivered, Postponed
from projections.payments.payment import PaymentRow

Call = Request[Principal, Any, State]


class AmountRefused(Problem, kw_only=True):
    """Stripe takes no such amount: where it converts one, only Stripe knows its bounds. `payment` is the
    attempt, which stays on record.
    """

    payment: Payment


class PaymentDeclined(Problem, kw_only=True):
    """The card was not charged. `payment` is the attempt, which stays on record."""

    decline_code: str
    remedy: Remedy
    retry_same_card: bool
    payment: Payment


async def next_action_of(gateway: Gateway, row: PaymentRow, delivered: Delivered) -> NextAction | None:
    """For a payment that waits for its cardholder; asked of Stripe anew when `delivered` does not have it.
    Raises `StripeUnavailable` when it does not answer.
    """
    if row.status != "requires_action":
        return None
    if not delivered.client_secret:
        try:
            delivered = await gateway.next_action(row.payment_id)
        except Postponed:
            raise StripeUnavailable(
                f"Payment {row.payment_id} waits for its cardholder; Stripe does not answer. Send it again."
            ) from None
    return NextAction(
        type=row.action, client_secret=delivered.client_secret, redirect_url=delivered.next_action_url
    )


def declined(request: Call, row: PaymentRow, payment: Payment) -> PaymentDeclined:
    decline = declines.explain(row.failure_code, row.decline_code)
    common = problem(CardDeclined.code, decline.detail, request.url.path)
    return PaymentDeclined(
        **msgspec.structs.asdict(common),
        decline_code=row.decline_code if is_admin(request) else declines.shown(row.decline_code),
        remedy=decline.remedy,
        retry_same_card=decline.retry_same_card,
        payment=payment,
    )
