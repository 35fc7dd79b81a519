"""Create a subscription at Stripe, or find out what became of one; and what follows from its facts.

With `payment_behavior=allow_incomplete` one call creates the subscription and charges its card, so that the
caller has the answer at once. A decline, or a bank that wants to hear its cardholder, leaves it `incomplete`
with an invoice that can still be paid for 23 hours; `default_incomplete` would try nothing before the browser
confirms, `error_if_incomplete` would refuse every card that needs a confirmation.
"""

from __future__ import annotations

from typing import assert_never

import structlog

from api.stripe.billing import catalogue
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.objects import Subscription as StripeSubscription
from api.stripe.billing.record import invoice_of, look_and_record, subscription_of
from api.stripe.delivery import (
    IMPATIENCE,
    LAST_CALL,
    NEVER_REACHED,
    NEVER_REACHED_AFTER,
    STRIPE_ERRORS,
    Delivered,
    Postponed,
    Tools,
    age,
    postponed,
    postponed_by,
    recorder,
)
from api.stripe.failures import failure_of
from api.stripe.objects import Named
from ledger.effects import CreateSubscription, EndSubscriptionService, RetryWithNewCard
from ledger.errors import NotFound, Refused
from ledger.ids import new_id
from ledger.invoices.commands import EndService, RequestInvoiceRetry
from ledger.invoices.refusals import InvoiceNotSettled, RetryInProgress
from ledger.message import Origin, Recorded
from ledger.subscriptions.commands import RecordSubscriptionFailure, RecordSubscriptionUnknown
from ledger.subscriptions.events import SubscriptionRequested
from ledger.subscriptions.stream import stream_of

log = structlog.get_logger()


async def create(tools: Tools, effect: CreateSubscription, origin: Origin) -> Delivered:
    """The first call for a subscription. An unclear answer is recorded as such, which asks for `resolve`."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or known.status != "requested":
        return Delivered()
    asked = await _requested(tools, effect.user_id, effect.subscription_id)
    if age(tools, asked.metadata.effective_at) > LAST_CALL:
        # nobody who ordered yesterday expects to be charged now, and an earlier call may have got through
        return await _look_up(tools, asked, origin)
    return await _call(tools, asked, origin)


async def resolve(tools: Tools, user_id: str, subscription_id: str, origin: Origin) -> Delivered:
    """What became of a creation whose first call was unclear. Raises Postponed while nobody can tell."""
    known = await subscription_of(tools, user_id, subscription_id)
    if known is None or known.status != "unknown":
        return Delivered()
    return await _look_up(tools, await _requested(tools, user_id, subscription_id), origin)


async def _look_up(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    requested = _event(asked)
    delivered = await _found(tools, requested, origin)
    if delivered is not None:
        return delivered
    waited = age(tools, asked.metadata.effective_at)
    if waited > NEVER_REACHED_AFTER:
        return await _failed(tools, requested, NEVER_REACHED, "", origin)
    if waited > LAST_CALL:
        raise Postponed("Stripe knows no such subscription; it is given up 24 hours after it was asked for")
    return await _call(tools, asked, origin)


async def _found(tools: Tools, requested: SubscriptionRequested, origin: Origin) -> Delivered | None:
    """By the list of the customer's subscriptions, which is short and complete. Raises Postponed when Stripe
    does not answer.
    """
    try:
        found = await billing_lookup.find_subscription(
            tools.stripe, requested.stripe_customer_id, requested.subscription_id
        )
        return None if found is None else await _record(tools, found.id, origin)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error


async def _made_before(
    tools: Tools, requested: SubscriptionRequested, cause: str, origin: Origin
) -> Delivered:
    """Stripe knows the key by other parameters: see `payments.py`."""
    found = await _found(tools, requested, origin)
    return await _unclear(tools, requested, cause, origin) if found is None else found


async def _call(tools: Tools, asked: Recorded, origin: Origin) -> Delivered:
    requested = _event(asked)
    try:
        made = await _create(tools, requested)
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        match failure.kind:
            case "refused":
                return await _failed(tools, requested, failure.code, failure.decline_code, origin)
            case "used":
                return await _made_before(tools, requested, failure.code, origin)
            case "unclear":
                return await _unclear(tools, requested, failure.code, origin)
            case "busy" | "misconfigured":
                raise postponed_by(failure) from error
            case _:
                assert_never(failure.kind)
    try:
        return await _record(tools, made.id, origin)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error


async def _create(tools: Tools, requested: SubscriptionRequested) -> StripeSubscription:
    """The answer may be a replay by the idempotency key: only the id in it is used."""
    plan = Plan(requested.tier, requested.interval, requested.currency, requested.price_minor)
    card = await attach(
        tools,
        requested.payment_method_id,
        requested.stripe_customer_id,
        f"attach:{requested.subscription_id}",
    )
    price_id = await catalogue.price_id(tools, plan)
    more = {"trial_period_days": requested.trial_days} if requested.trial_days else {}
    return await billing_lookup.post(
        tools.stripe,
        "/v1/subscriptions",
        StripeSubscription,
        f"subscription:{requested.subscription_id}",
        customer=requested.stripe_customer_id,
        items=[{"price": price_id}],
        default_payment_method=card,
        payment_behavior="allow_incomplete",
        metadata=_metadata(requested, tools.store.ledger_id),
        **more,
    )


def _metadata(requested: SubscriptionRequested, ledger_id: str) -> dict[str, str]:
    """With what a ledger that was restored to a time before it takes it up by."""
    return {
        "subscription_id": requested.subscription_id,
        "user_id": requested.user_id,
        "ledger_id": ledger_id,
        "catalogue_version": requested.catalogue_version,
    }


async def attach(tools: Tools, payment_method_id: str, customer_id: str, key: str) -> str:
    """Stripe charges only attached cards unasked. Answers the card's id: a test card's name becomes one."""
    path = billing_lookup.path_of("payment_methods", payment_method_id, "/attach")
    return (await billing_lookup.post(tools.stripe, path, Named, key, customer=customer_id)).id


async def _record(tools: Tools, stripe_subscription_id: str, origin: Origin) -> Delivered:
    as_stripe = recorder(origin, stripe_subscription_id)
    return (await look_and_record(tools, stripe_subscription_id, as_stripe, with_latest=True)).delivered


async def _failed(
    tools: Tools, requested: SubscriptionRequested, code: str, decline_code: str, origin: Origin
) -> Delivered:
    command = RecordSubscriptionFailure(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=requested.user_id,
        subscription_id=requested.subscription_id,
        request_id=requested.subscription_id,
        code=code,
        decline_code=decline_code,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _unclear(tools: Tools, requested: SubscriptionRequested, cause: str, origin: Origin) -> Delivered:
    """Recorded once. When it is known already, the outbox row that asked must stay, hence Postponed."""
    known = await subscription_of(tools, requested.user_id, requested.subscription_id)
    if known is not None and known.status == "unknown":
        raise Postponed(f"Stripe: unclear ({cause})")
    log.warning("subscription_outcome_unknown", subscription_id=requested.subscription_id, cause=cause)
    command = RecordSubscriptionUnknown(
        command_id=new_id("cmd"),
        effective_at=tools.clock.now(),
        user_id=requested.user_id,
        subscription_id=requested.subscription_id,
        request_id=requested.subscription_id,
        cause=cause,
    )
    return Delivered(await tools.store.handle(command, recorder(origin)))


async def _requested(tools: Tools, user_id: str, subscription_id: str) -> Recorded:
    for fact in await tools.store.read_stream(stream_of(user_id)):
        if isinstance(fact.event, SubscriptionRequested) and fact.event.subscription_id == subscription_id:
            return fact
    raise Postponed(f"the ledger has no subscription {subscription_id}")


def _event(asked: Recorded) -> SubscriptionRequested:
    assert isinstance(asked.event, SubscriptionRequested)
    return asked.event


async def retry_with_new_card(tools: Tools, effect: RetryWithNewCard, origin: Origin) -> Delivered:
    """Once for an invoice and a card, however often this is delivered."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or not known.live or known.open_invoice_id != effect.stripe_invoice_id:
        return Delivered()
    command = RequestInvoiceRetry(
        command_id=f"new_card:{effect.stripe_invoice_id}:{known.payment_method_id}",
        effective_at=tools.clock.now(),
        stripe_invoice_id=effect.stripe_invoice_id,
        cause="new_card",
    )
    try:
        return Delivered(await tools.store.handle(command, _as_worker(origin)))
    except (NotFound, RetryInProgress) as refusal:
        # its webhook is on the way; or an attempt with the old card is, and must be known first
        raise Postponed(refusal.detail, IMPATIENCE) from refusal
    except Refused as refusal:
        log.info("new_card_needs_no_retry", stripe_invoice_id=effect.stripe_invoice_id, code=refusal.code)
        return Delivered()


async def end_service(tools: Tools, effect: EndSubscriptionService, origin: Origin) -> Delivered:
    """Stripe's list tells which invoices a subscription has."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or not known.stripe_subscription_id:
        return Delivered()
    try:
        invoices = await billing_lookup.invoices_of(tools.stripe, known.stripe_subscription_id)
    except STRIPE_ERRORS as error:
        raise postponed(error) from error
    outcome = None
    for invoice in reversed(invoices):
        if invoice.status != "paid":
            continue
        if not (await invoice_of(tools, invoice.id)).status:
            raise Postponed(f"the ledger does not know the invoice {invoice.id} yet", IMPATIENCE)
        command = EndService(
            command_id=f"end_service:{invoice.id}",
            effective_at=effect.at,
            stripe_invoice_id=invoice.id,
            at=effect.at,
        )
        try:
            outcome = await tools.store.handle(command, _as_worker(origin))
        except InvoiceNotSettled as refusal:
            raise Postponed(refusal.detail) from refusal
    return Delivered(outcome)


def _as_worker(origin: Origin) -> Origin:
    """What follows from a fact is nobody's wish."""
    return Origin(
        actor="worker",
        roles=frozenset({"system"}),
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
    )
