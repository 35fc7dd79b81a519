"""Create a subscription at Stripe, or find out what became of one; and what follows from its facts.

With `payment_behavior=allow_incomplete` one call creates the subscription and charges its card, so that the
caller has the answer at once. A decline, or a bank that wants to hear its cardholder, leaves it `incomplete`
with an invoice that can still be paid for 23 hours; `default_incomplete` would try nothing before the browser
confirms, `error_if_incomplete` would refuse every card that needs a confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import structlog

from api.stripe.billing import catalogue
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.objects import Subscription as StripeSubscription
from api.stripe.billing.record import invoice_of, look_and_record, subscription_of
from api.stripe.customers import another_customer, customer, names_nobody
from api.stripe.delivery import IMPATIENCE, STRIPE_ERRORS, Delivered, Postponed, Tools, as_worker, recorder
from api.stripe.failures import Failure
from api.stripe.objects import Named
from api.stripe.request import DirectRequest, asking_in
from ledger.effects import (
    CreateSubscription,
    EndSubscriptionService,
    ResolveSubscription,
    RetryWithNewCard,
)
from ledger.errors import NotFound, Refused
from ledger.hosted import until
from ledger.invoices.commands import EndService, RequestInvoiceRetry
from ledger.invoices.refusals import InvoiceNotSettled, RetryInProgress
from ledger.message import Event, Origin, Recorded
from ledger.subscriptions.commands import RecordSubscriptionFailure, RecordSubscriptionUnknown
from ledger.subscriptions.events import SubscriptionRequested
from ledger.subscriptions.stream import stream_of

log = structlog.get_logger()


async def create(
    tools: Tools, effect: CreateSubscription, origin: Origin, cause: Recorded | None
) -> Delivered:
    """The first call for a subscription. An unclear answer is recorded as such, which asks for `resolve`."""
    if await _status(tools, effect.user_id, effect.subscription_id) != "requested":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).first_call()


async def resolve(
    tools: Tools, effect: ResolveSubscription, origin: Origin, cause: Recorded | None
) -> Delivered:
    """What became of a creation whose first call was unclear. Raises Postponed while nobody can tell."""
    if await _status(tools, effect.user_id, effect.subscription_id) != "unknown":
        return Delivered()
    return await (await _request(tools, effect, origin, cause)).look_up()


async def _status(tools: Tools, user_id: str, subscription_id: str) -> str:
    known = await subscription_of(tools, user_id, subscription_id)
    return known.status if known else ""


async def _request(
    tools: Tools, effect: CreateSubscription | ResolveSubscription, origin: Origin, cause: Recorded | None
) -> _CreationRequest:
    def wish_of(event: Event) -> SubscriptionRequested | None:
        match event:
            case SubscriptionRequested() if event.subscription_id == effect.subscription_id:
                return event
            case _:
                return None

    asking = await asking_in(tools.store, stream_of(effect.user_id), cause, wish_of)
    return _CreationRequest(tools, asking, origin)


class _CreationRequest(DirectRequest[SubscriptionRequested, StripeSubscription]):
    absent: ClassVar[str] = "Stripe knows no such subscription"
    unknown_as: ClassVar[str] = "subscription_outcome_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"subscription_id": self.wish.subscription_id}

    async def call(self) -> StripeSubscription:
        """The answer may be a replay by the idempotency key: only the id in it is used. Another customer
        subscribes when Stripe has deleted the one that the fact names.
        """
        tools, wish = self.tools, self.wish
        try:
            return await self._create(wish.stripe_customer_id, wish.subscription_id)
        except STRIPE_ERRORS as error:
            if not names_nobody(error):
                raise
            gone = wish.stripe_customer_id
            instead = await another_customer(tools, wish.user_id, gone, self.origin)
            if not instead:
                raise
        found = await billing_lookup.find_subscription(tools.stripe, instead, wish.subscription_id)
        return found or await self._create(instead, f"{wish.subscription_id}:{instead}")

    async def _create(self, customer_id: str, name: str) -> StripeSubscription:
        """`name` is what its idempotency keys are made of."""
        tools, wish = self.tools, self.wish
        plan = Plan(wish.tier, wish.interval, wish.currency, wish.price_minor)
        card = await attach(tools, wish.payment_method_id, customer_id, f"attach:{name}")
        price_id = await catalogue.price_id(tools, plan)
        more: dict[str, Any] = {"trial_period_days": wish.trial_days} if wish.trial_days else {}
        if wish.promotion_code_id:
            more["discounts"] = [{"promotion_code": wish.promotion_code_id}]
        return await billing_lookup.post(
            tools.stripe,
            "/v1/subscriptions",
            StripeSubscription,
            f"subscription:{name}",
            customer=customer_id,
            items=[{"price": price_id}],
            default_payment_method=card,
            payment_behavior="allow_incomplete",
            metadata=metadata_of(wish, tools.store.ledger_id),
            **more,
        )

    async def look(self) -> Delivered | None:
        """By the list of the customer's subscriptions, which is short and complete."""
        named, sought = self.wish.stripe_customer_id, self.wish.subscription_id
        present = (await customer(self.tools.store, self.wish.user_id)).stripe_customer_id
        found = await billing_lookup.find_subscription(self.tools.stripe, named, sought)
        if found is None and present not in {"", named}:  # another may have subscribed instead
            found = await billing_lookup.find_subscription(self.tools.stripe, present, sought)
        return None if found is None else await self.record(found)

    async def record(self, answer: StripeSubscription, /) -> Delivered:
        as_stripe = recorder(self.origin, answer.id)
        return (await look_and_record(self.tools, answer.id, as_stripe, with_latest=True)).delivered

    async def is_unknown(self) -> bool:
        return await _status(self.tools, self.wish.user_id, self.wish.subscription_id) == "unknown"

    def unknown(self, cause: str) -> RecordSubscriptionUnknown:
        return RecordSubscriptionUnknown(**self._of_request(), cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordSubscriptionFailure(
            **self._of_request(), code=failure.code, decline_code=failure.decline_code
        )
        return await self.handle(command)

    def _of_request(self) -> dict[str, Any]:
        """A creation is called by its subscription."""
        subscription_id = self.wish.subscription_id
        ids = {"subscription_id": subscription_id, "request_id": subscription_id}
        return {**self.begun(), **ids, "user_id": self.wish.user_id}


def metadata_of(requested: SubscriptionRequested, ledger_id: str) -> dict[str, str]:
    """With what a ledger that was restored to a time before it takes it up by."""
    found = {
        "subscription_id": requested.subscription_id,
        "user_id": requested.user_id,
        "ledger_id": ledger_id,
        "catalogue_version": requested.catalogue_version,
    }
    return {**found, "page_until": until(requested.page)} if requested.page else found


async def attach(tools: Tools, payment_method_id: str, customer_id: str, key: str) -> str:
    """Stripe charges only attached cards unasking. Answers the card's id: a test card's name becomes one."""
    path = billing_lookup.path_of("payment_methods", payment_method_id, "/attach")
    return (await billing_lookup.post(tools.stripe, path, Named, key, customer=customer_id)).id


async def retry_with_new_card(
    tools: Tools, effect: RetryWithNewCard, origin: Origin, _cause: Recorded | None
) -> Delivered:
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
        return Delivered(await tools.store.handle(command, as_worker(origin)))
    except (NotFound, RetryInProgress) as refusal:
        # its webhook is on the way; or an attempt with the old card is, and must be known first
        raise Postponed(refusal.detail, IMPATIENCE) from refusal
    except Refused as refusal:
        log.info("new_card_needs_no_retry", stripe_invoice_id=effect.stripe_invoice_id, code=refusal.code)
        return Delivered()


async def end_service(
    tools: Tools, effect: EndSubscriptionService, origin: Origin, _cause: Recorded | None
) -> Delivered:
    """Stripe's list tells which invoices a subscription has."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or not known.stripe_subscription_id:
        return Delivered()
    outcome = None
    for invoice in reversed(await billing_lookup.invoices_of(tools.stripe, known.stripe_subscription_id)):
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
            outcome = await tools.store.handle(command, as_worker(origin))
        except InvoiceNotSettled as refusal:
            raise Postponed(refusal.detail) from refusal
    return Delivered(outcome)
