"""What is asked of a subscription that exists at Stripe: a change of plan, an end, a pause, another card.

Each looks first. What Stripe shows is recorded, and answers the request when it was done before; so the first
delivery, a repeated one and the resolution of an unclear one are the same.

A downgrade waits at Stripe, not here: its price is set at once without proration, so that the period goes on
as it was paid and the next one is billed by the new price, whether or not we are there when it begins. Stripe
bills at once when the interval changes, so that a downgrade to another interval is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, assert_never

from api.stripe.billing import catalogue, unused_time
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.create import attach
from api.stripe.billing.items import is_of, plan_item, terms_of
from api.stripe.billing.lookup import path_of
from api.stripe.billing.objects import Subscription as StripeSubscription
from api.stripe.billing.record import look_and_record, subscription_of
from api.stripe.delivery import Delivered, Tools, postponed_by, recorder
from api.stripe.failures import Failure
from api.stripe.objects import Named, id_of
from api.stripe.payments.lookup import patiently
from api.stripe.request import Asking, StripeRequest, asking_in
from ledger.effects import (
    CancelSubscription,
    ChangeSubscription,
    KeepSubscription,
    PauseSubscription,
    ResolveSubscription,
    ResumeSubscription,
    UpdateSubscriptionCard,
    WithdrawChange,
)
from ledger.invoices.refusals import UnusedTimeGone
from ledger.message import Event, Origin, Recorded
from ledger.subscriptions.commands import RecordSubscriptionFailure, RecordSubscriptionUnknown
from ledger.subscriptions.events import (
    CancellationRequested,
    CancellationWithdrawalRequested,
    DuplicateSubscriptionFound,
    PauseRequested,
    PaymentMethodChangeRequested,
    ResumeRequested,
    SubscriptionChangeRequested,
    SubscriptionChangeScheduled,
)
from ledger.subscriptions.state import Subscription
from ledger.subscriptions.stream import stream_of

NOT_APPLIED = "not_applied"
"""Stripe took the request, and nothing of it shows."""
INTERVAL_CHANGE = "interval_change_at_period_end"
"""A downgrade to another interval: cancel at the end of the period and subscribe anew."""

Asked = (
    CancellationRequested
    | CancellationWithdrawalRequested
    | PauseRequested
    | ResumeRequested
    | PaymentMethodChangeRequested
    | SubscriptionChangeRequested
    | SubscriptionChangeScheduled
    | DuplicateSubscriptionFound
)
Request = (
    ChangeSubscription
    | CancelSubscription
    | KeepSubscription
    | PauseSubscription
    | ResumeSubscription
    | UpdateSubscriptionCard
    | ResolveSubscription
)


async def deliver(tools: Tools, effect: Request, origin: Origin, cause: Recorded | None) -> Delivered:
    request_id = effect.change_id if isinstance(effect, ChangeSubscription) else effect.request_id
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or not _is_open(known, request_id):
        return Delivered()

    def wish_of(event: Event) -> Asked | None:
        found = _request_of(event)
        return found[0] if found and found[1:] == (effect.subscription_id, request_id) else None

    asking: Asking[Asked] = await asking_in(tools.store, stream_of(effect.user_id), cause, wish_of)
    found = await billing_lookup.subscription(tools.stripe, known.stripe_subscription_id)
    wish = asking.wish
    if isinstance(wish, SubscriptionChangeRequested) and not found.pending_update:
        # before anything is recorded: a price that only waited would be taken for a change
        await _take_back(tools, known, found, f"restore:{wish.change_id}", but=wish.tier)
    seen = await look_and_record(tools, found.id, recorder(origin))
    request = _SubscriptionRequest(tools, asking, origin, effect.user_id, request_id, found)
    if not await request.is_open() or _waits_at_stripe(wish, found):
        return seen.delivered
    return await request.call_in_time()


class _SubscriptionRequest(StripeRequest[Asked, None]):
    absent: ClassVar[str] = "Stripe shows nothing of the request"
    unknown_as: ClassVar[str] = "subscription_request_unknown"

    def __init__(
        self,
        tools: Tools,
        asking: Asking[Asked],
        origin: Origin,
        user_id: str,
        request_id: str,
        found: StripeSubscription,
    ) -> None:
        super().__init__(tools, asking, origin)
        self._user_id = user_id
        self._request_id = request_id
        self._found = found

    @property
    def ids(self) -> Mapping[str, str]:
        return {"subscription_id": self.wish.subscription_id}

    @property
    def lapses(self) -> bool:
        """A duplicate is ended however long it takes."""
        return not isinstance(self.wish, DuplicateSubscriptionFound)

    async def is_open(self) -> bool:
        return _is_open(await self._known(), self._request_id)

    async def _known(self) -> Subscription:
        found = await subscription_of(self.tools, self._user_id, self.wish.subscription_id)
        assert found is not None, "it was there before"
        return found

    async def call_now(self) -> Delivered:
        wish = self.wish
        if isinstance(wish, SubscriptionChangeRequested):
            try:
                await unused_time.reserve(self.tools, wish, self.origin)
            except UnusedTimeGone as refusal:
                return await self.failed(Failure(kind="refused", code=refusal.code))
        if isinstance(wish, SubscriptionChangeScheduled) and wish.interval != (await self._known()).interval:
            return await self.failed(Failure(kind="refused", code=INTERVAL_CHANGE))
        return await super().call_now()

    async def call(self) -> None:
        await _ask(self.tools, self._found, self.wish)

    async def record(self, _answer: None, /) -> Delivered:
        as_stripe = recorder(self.origin)
        seen = await look_and_record(self.tools, self._found.id, as_stripe, with_latest=True)
        may_stay_open = isinstance(self.wish, SubscriptionChangeScheduled | DuplicateSubscriptionFound)
        if await self.is_open() and not may_stay_open:
            return await self.failed(Failure(kind="refused", code=NOT_APPLIED))
        return seen.delivered

    async def refused(self, failure: Failure) -> Delivered:
        if _ends_now(self.wish):
            # No key repeats the answer to a DELETE: Stripe says 404 when another delivery has done it
            # meanwhile, or an earlier try of this call, whose answer was lost.
            seen = await look_and_record(self.tools, self._found.id, recorder(self.origin), with_latest=True)
            if not await self.is_open():
                return seen.delivered
        if (await self._known()).status == "duplicate":
            raise postponed_by(failure)
        return await self.failed(failure)

    async def is_unknown(self) -> bool:
        """So is what has no state of being unknown."""
        known = await self._known()
        request, change = known.request, known.change
        waiting = request if request and request.request_id == self._request_id else change
        return waiting is None or waiting.unknown or (change is waiting and change.status == "scheduled")

    def unknown(self, cause: str) -> RecordSubscriptionUnknown:
        return RecordSubscriptionUnknown(**self._of_request(), cause=cause)

    async def failed(self, failure: Failure) -> Delivered:
        command = RecordSubscriptionFailure(
            **self._of_request(), code=failure.code, decline_code=failure.decline_code
        )
        return await self.handle(command)

    def _of_request(self) -> dict[str, Any]:
        ids = {"subscription_id": self.wish.subscription_id, "request_id": self._request_id}
        return {**self.begun(), **ids, "user_id": self._user_id}


def _ends_now(wish: Asked) -> bool:
    return isinstance(wish, DuplicateSubscriptionFound) or (
        isinstance(wish, CancellationRequested) and wish.at_once
    )


def _is_open(known: Subscription, request_id: str) -> bool:
    """It was asked for and is not answered."""
    if known.status == "duplicate":
        return request_id == f"duplicate_{known.subscription_id}"
    if known.request is not None and known.request.request_id == request_id:
        return True
    change = known.change
    return (
        change is not None and change.change_id == request_id and change.status in {"requested", "scheduled"}
    )


async def _ask(tools: Tools, found: StripeSubscription, event: Asked) -> None:
    """The call itself. Raises what a call to Stripe raises."""
    post: Callable[..., Awaitable[Any]] = billing_lookup.post
    path = path_of("subscriptions", found.id)
    match event:
        case SubscriptionChangeRequested() | SubscriptionChangeScheduled():
            plan = Plan(event.tier, event.interval, event.currency, event.price_minor)
            manner = _manner(event, found)
            await _set_plan(tools, found, plan, f"change:{event.change_id}", **manner)
        case CancellationRequested(at_once=False):
            key = f"cancel:{event.request_id}"
            await post(tools.stripe, path, StripeSubscription, key, cancel_at_period_end=True)
        case CancellationRequested() | DuplicateSubscriptionFound():
            # Stripe takes no idempotency key with a DELETE, which is idempotent by itself
            await _delete(tools, path)
        case CancellationWithdrawalRequested():
            how: dict[str, Any] = (
                {"cancel_at_period_end": False} if found.cancel_at_period_end else {"cancel_at": ""}
            )
            await post(tools.stripe, path, StripeSubscription, f"keep:{event.request_id}", **how)
        case PauseRequested():
            # void: nothing is owed for the time of the pause, neither now nor later
            pause = {"behavior": "void"}
            key = f"pause:{event.request_id}"
            await post(tools.stripe, path, StripeSubscription, key, pause_collection=pause)
        case ResumeRequested():
            how = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
            how, key = (how, "resume_anew") if await _nobody_paid(tools, found) else ({}, "resume")
            key = f"{key}:{event.request_id}"
            await post(tools.stripe, path, StripeSubscription, key, pause_collection="", **how)
        case PaymentMethodChangeRequested():
            key, customer = event.request_id, id_of(found.customer)
            card = await attach(tools, event.payment_method_id, customer, f"attach:{key}")
            more = {"default_payment_method": card}
            await post(tools.stripe, path, StripeSubscription, f"card:{key}", **more)
        case _:
            assert_never(event)


async def _nobody_paid(tools: Tools, found: StripeSubscription) -> bool:
    """Whether the present period began in a pause, which voided its invoice. Who goes on then begins a period
    of their own and pays for it; else a pause over each renewal would make every period but the first free.
    """
    start = plan_item(found).current_period_start
    of_period = [
        invoice.status
        for invoice in await billing_lookup.invoices_of(tools.stripe, found.id)
        if any(line.period.start == start and not line.proration for line in invoice.lines.data)
    ]
    return bool(of_period) and set(of_period) == {"void"}


async def _delete(tools: Tools, path: str) -> None:
    await patiently(lambda: tools.stripe.raw_request_async("delete", path))


def _manner(
    event: SubscriptionChangeRequested | SubscriptionChangeScheduled, found: StripeSubscription
) -> dict[str, Any]:
    if isinstance(event, SubscriptionChangeScheduled):
        return {"proration_behavior": "none"}
    return {
        "proration_behavior": "always_invoice",
        "proration_date": unused_time.moment_of(event, found),
        "payment_behavior": "pending_if_incomplete",
        **unused_time.correction(event, found),
    }


async def _set_plan(
    tools: Tools, found: StripeSubscription, plan: Plan, key: str, **manner: Any
) -> StripeSubscription:
    price_id = await catalogue.price_id(tools, plan)
    return await billing_lookup.post(
        tools.stripe,
        path_of("subscriptions", found.id),
        StripeSubscription,
        key,
        items=[{"id": plan_item(found).id, "price": price_id}],
        **manner,
    )


def _waits_at_stripe(event: Asked, found: StripeSubscription) -> bool:
    return isinstance(event, SubscriptionChangeScheduled) and is_of(
        found, Plan(event.tier, event.interval, event.currency, event.price_minor)
    )


async def _take_back(
    tools: Tools, known: Subscription, found: StripeSubscription, key: str, *, but: str = ""
) -> None:
    """Have Stripe's price be the one that the present period was paid by, when a downgrade changed it.

    Not once the period in which it waited is over, as then it was billed.
    """
    present = Plan(known.tier, known.interval, known.currency, known.price_minor)
    waits = plan_item(found)
    began = known.period_start
    same_period = began is not None and int(began.timestamp()) == waits.current_period_start
    followed = terms_of(found)
    if (
        not is_of(found, present)
        and not followed.not_followed
        and followed.tier != but
        and followed.interval == present.interval
        and same_period
    ):
        await _set_plan(tools, found, present, key, proration_behavior="none")


async def withdraw(
    tools: Tools, effect: WithdrawChange, origin: Origin, _cause: Recorded | None
) -> Delivered:
    """Back to the present plan, unless another change waits by now and does it itself."""
    known = await subscription_of(tools, effect.user_id, effect.subscription_id)
    if known is None or not known.live or known.change is not None:
        return Delivered()
    found = await billing_lookup.subscription(tools.stripe, known.stripe_subscription_id)
    if found.pending_update is not None and found.latest_invoice is not None:
        # an update that waits for its invoice goes with it
        # https://docs.stripe.com/billing/subscriptions/pending-updates
        path = path_of("invoices", id_of(found.latest_invoice), "/void")
        await billing_lookup.post(tools.stripe, path, Named, f"void:{effect.change_id}")
    await _take_back(tools, known, found, f"withdraw:{effect.change_id}")
    seen = await look_and_record(tools, found.id, recorder(origin), with_latest=True)
    return seen.delivered


def _request_of(event: Event) -> tuple[Asked, str, str] | None:
    """What is asked, of which subscription, and how that is called."""
    match event:
        case SubscriptionChangeRequested() | SubscriptionChangeScheduled():
            return event, event.subscription_id, event.change_id
        case DuplicateSubscriptionFound():
            return event, event.subscription_id, f"duplicate_{event.subscription_id}"
        case (
            CancellationRequested()
            | CancellationWithdrawalRequested()
            | PauseRequested()
            | ResumeRequested()
            | PaymentMethodChangeRequested()
        ):
            return event, event.subscription_id, event.request_id
        case _:
            return None
