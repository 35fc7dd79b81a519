"""How a checkout stands, by the streams of what is paid there."""

from __future__ import annotations

import msgspec

from api.checkout.resources import Checkout, payment_status, subscription_status
from api.checkout.wishes import Call
from api.http.body import known_shape
from api.http.owner import is_admin
from api.http.problems import StripeUnavailable
from api.payments.resources import failure, fold, payment_of
from api.services import Services
from api.stripe.gateway import Delivered, Postponed
from api.subscriptions.billing import refusal
from api.subscriptions.entitlements import subscriber_of
from api.subscriptions.resources import subscription_of
from ledger.errors import NotFound
from ledger.payments.decider import PAYMENT
from ledger.payments.stream import stream_of as payment_stream
from ledger.subscriptions.stream import stream_of as subscriber_stream

_SUBSCRIPTION = "sub_"
_NOTHING = Delivered()


class Seen(msgspec.Struct, frozen=True):
    checkout: Checkout
    position: int
    """Of the last fact that it tells of."""
    had_page: bool


async def seen(services: Services, request: Call, checkout_id: str, delivered: Delivered = _NOTHING) -> Seen:
    """The caller's own. Raises `NotFound`, also for somebody else's and for what was paid otherwise, and
    `StripeUnavailable` when the address of an open page is wanted and does not come.
    """
    of = _subscription if checkout_id.startswith(_SUBSCRIPTION) else _payment
    try:
        return await of(services, request, checkout_id, delivered)
    except NotFound:
        raise NotFound(f"There is no checkout {checkout_id:.80}.") from None


async def _payment(services: Services, request: Call, checkout_id: str, delivered: Delivered) -> Seen:
    stream = payment_stream(known_shape(checkout_id, "pay_"))
    payment = await services.store.state(PAYMENT, stream)
    if not payment.hosted or payment.user_id != request.user.id:
        raise NotFound(f"There is no checkout {checkout_id}.")
    facts = await services.store.read_stream(stream)
    row = fold(facts).payment
    status, told = payment_status(payment), payment_of(row, to_admin=is_admin(request))
    shown = Checkout(
        checkout_id=checkout_id,
        status=status,
        failure=told.failure if status == "failed" else None,
        url=await _url(services, payment.session_id, delivered) if status == "open" else None,
        expires_at=row.page_ends_at,
        payment=told,
    )
    return Seen(shown, facts[-1].position, bool(payment.session_id))


async def _subscription(services: Services, request: Call, checkout_id: str, delivered: Delivered) -> Seen:
    known_shape(checkout_id, _SUBSCRIPTION)
    user_id = request.user.id
    row = (await subscriber_of(services.store, user_id)).subscriptions.get(checkout_id)
    if row is None or row.page_ends_at is None:
        raise NotFound(f"There is no checkout {checkout_id}.")
    status, why = subscription_status(row), None
    if status == "failed" and (refused := await refusal(services.store, user_id, checkout_id)) is not None:
        why = failure(refused.code, refused.decline_code, to_admin=is_admin(request))
    shown = Checkout(
        checkout_id=checkout_id,
        status=status,
        failure=why,
        url=await _url(services, row.session_id, delivered) if status == "open" else None,
        expires_at=row.page_ends_at,
        subscription=subscription_of(row, user_id, failure=why),
    )
    facts = await services.store.read_stream(subscriber_stream(user_id))
    return Seen(shown, facts[-1].position, bool(row.session_id))


async def _url(services: Services, session_id: str, delivered: Delivered) -> str | None:
    """Asked of Stripe anew when the delivery did not bring it: it is stored nowhere."""
    if delivered.next_action_url:
        return delivered.next_action_url
    try:
        return await services.gateway.page_url(session_id) or None
    except Postponed:
        raise StripeUnavailable(
            "This checkout is open, and Stripe does not tell where. Ask again in a moment."
        ) from None
