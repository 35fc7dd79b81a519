"""What a subscription's cardholder is asked by their bank, with what their browser needs for it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response

from api.http.idempotency import Unkept
from api.http.owner import is_admin
from api.payments.authentication import Authentication, of_card, of_invoice, wants_cardholder
from api.payments.resources import Failure, NextAction, failure
from api.services import Gateway, Services
from api.stripe.gateway import Delivered, Postponed
from api.submitting import Submitted
from api.subscriptions.billing import Call, ok, why_unpaid
from api.subscriptions.resources import Subscription, subscription_of
from ledger.subscriptions import state


class _Asked(msgspec.Struct, frozen=True):
    failure: Failure | None = None
    authentication: Authentication | None = None
    next_action: NextAction | None = None


async def told(
    services: Services, request: Call, row: state.Subscription, user_id: str, delivered: Delivered
) -> Subscription:
    """The subscription with why it is not paid and what its cardholder must do. Their secret is for them
    alone, and is left out when Stripe does not answer.
    """
    found = await _asked(services, request, row)
    action = None
    if found.authentication and request.user.id == user_id:
        action = await _action(services.gateway, row, found.authentication, delivered)
    return subscription_of(
        row,
        user_id,
        failure=found.failure,
        authentication=found.authentication,
        next_action=action,
        to_admin=is_admin(request),
    )


async def answered(
    services: Services, request: Call, row: state.Subscription, user_id: str, done: Submitted, status: int
) -> Response[Any]:
    """Of a request that was done: kept for its repeats, unless there is a secret in it."""
    shown = await told(services, request, row, user_id, done.delivered)
    if shown.next_action is None:
        return ok(shown, done, status)
    return Unkept(shown, status_code=status, headers=done.headers)


async def _asked(services: Services, request: Call, row: state.Subscription) -> _Asked:
    if row.open_invoice_id:
        found = await _of_invoice(services, request, row)
        if found.authentication or found.failure:
            return found
    if not row.setup_intent_id:
        return _Asked()
    trial = row.status == "trialing"
    until = row.trial_end if trial else row.period_end
    return _Asked(authentication=of_card(row.setup_status, trial=trial, until=until))


async def _of_invoice(services: Services, request: Call, row: state.Subscription) -> _Asked:
    why = await why_unpaid(services.store, row.open_invoice_id)
    failed = why.failed
    why_failed = failure(failed.code, failed.decline_code, to_admin=is_admin(request)) if failed else None
    if not why.action and not (failed and wants_cardholder(failed.code, failed.decline_code)):
        return _Asked(failure=why_failed)
    first = row.status == "incomplete"
    since = row.period_start if first else row.past_due_since
    return _Asked(why_failed, of_invoice(row.open_invoice_id, first=first, since=since))


async def _action(
    gateway: Gateway, row: state.Subscription, wanted: Authentication, delivered: Delivered
) -> NextAction | None:
    """Fetched anew when the delivery did not bring it."""
    if not delivered.client_secret:
        try:
            if wanted.invoice:
                delivered = await gateway.next_invoice_action(wanted.invoice)
            elif wanted.remedy == "authenticate":
                delivered = await gateway.next_setup_action(row.setup_intent_id)
        except Postponed:
            return None
    if not delivered.client_secret:
        return None
    return NextAction(
        type="redirect_to_url" if delivered.next_action_url else "use_stripe_sdk",
        client_secret=delivered.client_secret,
        redirect_url=delivered.next_action_url,
    )
