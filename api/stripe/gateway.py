"""Deliver effects to Stripe, and record its answers in the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import TypeVar, assert_never
from weakref import WeakValueDictionary

from stripe import StripeClient

from api.clock import Clock
from api.stripe import courses, erasing, orders, redemptions, seats, sweeping, tokens, webhooks
from api.stripe.accounts import create as accounts
from api.stripe.accounts import links
from api.stripe.accounts.objects import AccountLink
from api.stripe.billing import create as subscriptions
from api.stripe.billing import credit_notes, ending, invoices, previews, promotions, requests, unused_time
from api.stripe.billing import pages as subscription_pages
from api.stripe.billing import record as billing
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.delivery import (
    STRIPE_ERRORS,
    Certifier,
    Delivered,
    Licences,
    Owners,
    Postponed,
    RefusedByStripe,
    Tools,
    Zones,
    postponed,
    recorder,
)
from api.stripe.disputes import answers
from api.stripe.movements.objects import Movement, event_of
from api.stripe.payments import cancel, coupons, earnings, licences, pages, refunds, sales
from api.stripe.payments import create as payments
from api.stripe.payments.hosted import portal_url, url_of
from api.stripe.transfers import deliver as transfers
from api.stripe.transfers import funds, leaving, payable
from api.stripe.webhooks import LastLook, is_about_payout
from ledger.catalogue import DEFAULT_CATALOGUE, Catalogue
from ledger.earnings.terms import Recovery
from ledger.effects import (
    AccountEffect,
    ActivityEffect,
    ApplyWebhook,
    AwardHelpfulReview,
    AwardPublication,
    AwardStreak,
    CancelCoursePayment,
    CancelPaymentIntent,
    CertifyCompletion,
    CloseAccount,
    CouponEffect,
    CreateAccount,
    CreateCourse,
    CreateCreditNote,
    CreatePaymentIntent,
    CreateRefund,
    CreateSubscription,
    CreateTransfer,
    DeleteCustomer,
    DisputeEffect,
    Effect,
    EndCollection,
    EndSubscriptionPage,
    EndSubscriptionService,
    EnrolmentEffect,
    FollowCompletion,
    FollowCouponUse,
    FollowEarnings,
    FollowSale,
    FreeMemberSeats,
    HoldCouponUse,
    InvoiceEffect,
    LicenceEffect,
    NoteActivity,
    OpenPaymentPage,
    OpenSubscriptionPage,
    OrderEffect,
    PaymentEffect,
    PayoutEffect,
    RedemptionEffect,
    RefundCoursePayment,
    ReopenEnrolment,
    ResolveAccount,
    ResolveCreditNote,
    ResolveInvoice,
    ResolvePayment,
    ResolveRefund,
    ResolveReversal,
    ResolveSubscription,
    ResolveTransfer,
    RetryInvoice,
    RetryWithNewCard,
    ReturnUnusedTime,
    ReverseTransfer,
    SendMail,
    SetOffUnusedTime,
    StartCoursePayment,
    SubscriptionEffect,
    VoidInvoice,
    WithdrawChange,
    WithdrawReview,
)
from ledger.enrolments.stream import stream_of
from ledger.message import Origin, Recorded
from ledger.store import Store
from ledger.streaks.stream import stream_of as streak_stream
from ledger.subscriptions.promotions import Promotion
from ledger.subscriptions.worth import PaidTime

T = TypeVar("T")

__all__ = ["Delivered", "Postponed", "RefusedByStripe", "StripeGateway", "subject_of"]


_Step = ActivityEffect | RedemptionEffect | OrderEffect | LicenceEffect | FreeMemberSeats
"""From one stream to another: nobody outside is asked."""

_OfSubscription = (
    EndCollection
    | VoidInvoice
    | ReturnUnusedTime
    | SetOffUnusedTime
    | RetryWithNewCard
    | EndSubscriptionService
)


class _Turn:
    """Whose turn it is with one subject; kept while anybody waits for it."""

    __slots__ = ("__weakref__", "last_look", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.last_look = LastLook()


class StripeGateway:
    """Delivers as often as it is asked to; idempotency keys and the ledger's rules make once of it."""

    def __init__(  # noqa: PLR0913  one for each that deliveries need
        self,
        store: Store,
        client: StripeClient,
        clock: Clock,
        *,
        return_url: str = "",
        certifier: Certifier | None = None,
        owners: Owners | None = None,
        recovery: Recovery = "netting",
        zones: Zones | None = None,
        catalogue: Catalogue = DEFAULT_CATALOGUE,
        licences: Licences | None = None,
    ) -> None:
        self._tools = Tools(
            store, client, clock, return_url, certifier, owners, recovery, zones, catalogue, licences
        )
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()

    async def deliver(self, effect: Effect, origin: Origin, cause: Recorded | None = None) -> Delivered:
        """Does what is still to be done, or nothing. `cause` is the fact that it follows from; without it the
        fact is looked for, when there is something to do.

        Raises Postponed when it must be tried again later, and what `Store.handle` raises.
        Effects with one subject wait for each other; the store's rules settle what meets all the same, such
        as a webhook and a refund of one payment. Webhooks that waited while its present state was fetched
        for another one need no fetch of their own.
        """
        assert not isinstance(effect, SendMail), "the mailer's: see `api.background.outside`"
        turn = self._turns.setdefault(subject_of(effect), _Turn())
        arrived = time.monotonic()
        async with turn.lock:
            if isinstance(effect, ApplyWebhook):
                return await _or_later(webhooks.apply(self._tools, effect, origin, turn.last_look, arrived))
            if isinstance(effect, _Step):
                return await _step(self._tools, effect, origin)
            if isinstance(effect, DisputeEffect):
                return await _or_later(answers.deliver(self._tools, effect, origin, cause))
            return await _or_later(_deliver(self._tools, effect, origin, cause))

    async def deliver_now(self, effect: Effect, origin: Origin, cause: Recorded | None = None) -> Delivered:
        """As `deliver`, for a request that waits: what must be tried again is left to the worker."""
        try:
            return await self.deliver(effect, origin, cause)
        except Postponed:
            return Delivered()

    async def next_action(self, payment_id: str) -> Delivered:
        """Fetches what the cardholder's browser needs to confirm a payment; empty when it needs nothing.

        Raises Postponed when Stripe does not answer.
        """
        return await _or_later(payments.next_action(self._tools, payment_id))

    async def page_url(self, session_id: str) -> str:
        """Where somebody can pay now; empty when nobody can any more. Raises Postponed when Stripe does not
        answer.
        """
        return await _or_later(url_of(self._tools, session_id))

    async def portal_url(self, customer_id: str, return_url: str) -> str:
        """Where the customer may look after what they have. Raises Postponed when Stripe does not answer, and
        RefusedByStripe when it has no portal configured, or no such customer.
        """
        return await _or_later(portal_url(self._tools, customer_id, return_url))

    async def next_invoice_action(self, stripe_invoice_id: str) -> Delivered:
        """The same for an invoice, such as a subscription's first one."""
        return await _or_later(billing.next_action(self._tools, stripe_invoice_id))

    async def can_be_canceled(self, payment_id: str) -> bool:
        """Whether Stripe would cancel a payment that is under way. Raises Postponed when it does not
        answer.
        """
        return await _or_later(cancel.can_be_canceled(self._tools, payment_id))

    async def next_setup_action(self, setup_intent_id: str) -> Delivered:
        """The same for a subscription's card that is to be charged without its cardholder later."""
        return await _or_later(billing.next_setup_action(self._tools, setup_intent_id))

    async def preview_change(
        self, user_id: str, subscription_id: str, plan: Plan, at: datetime, paid: PaidTime | None = None
    ) -> ChangePreview:
        """What an upgrade to `plan` would charge at `at`. Raises as `previews.preview_change` does, and
        Postponed when Stripe does not answer, or RefusedByStripe when it does, with a refusal.
        """
        asked = previews.preview_change(self._tools, user_id, subscription_id, plan, at, paid)
        return await _or_later(asked)

    async def promotion(self, code: str) -> Promotion | None:
        """What Stripe has under a promotion code; None for nothing. Raises Postponed when it does not
        answer.
        """
        return await _or_later(promotions.find(self._tools.stripe, code))

    async def waiting_time_minor(self, stripe_subscription_id: str, at: datetime) -> int:
        """What the next invoice will charge beside the plan's price for its time after `at`, without tax, as
        when its quantity was changed in the dashboard. Raises Postponed when Stripe does not answer.
        """
        return await _or_later(previews.waiting_time_minor(self._tools, stripe_subscription_id, at))

    async def look_at_subscription(self, stripe_subscription_id: str, origin: Origin) -> None:
        """Records what Stripe says of it now, where that is new. Raises Postponed when it does not answer."""
        await _or_later(billing.look_for_news(self._tools, stripe_subscription_id, recorder(origin)))

    async def onboarding_link(
        self, user_id: str, return_url: str, refresh_url: str, origin: Origin
    ) -> AccountLink:
        """For an account's owner. Raises refusals, and Postponed when Stripe does not answer."""
        return await _or_later(links.onboarding_link(self._tools, user_id, return_url, refresh_url, origin))

    async def refresh_account(self, user_id: str, origin: Origin) -> None:
        """Records what Stripe says of the user's connected account now. Raises Postponed when it does not
        answer.
        """
        await _or_later(links.refreshed(self._tools, user_id, origin))

    async def account_to_pay(self, user_id: str, currency: str, origin: Origin) -> str:
        """Stripe's id of the connected account that a payout would go to. What went there and is not known
        here is recorded, so that what is available may be less afterwards. Raises `AccountNotPayable` and
        `AccountBelowZero`, and Postponed when Stripe does not answer.
        """
        return await _or_later(payable.account_before_payout(self._tools, user_id, currency, origin))

    async def platform_available(self) -> Mapping[str, int]:
        """What can be transferred now, by currency. Raises Postponed when Stripe does not answer."""
        return await _or_later(funds.available(self._tools.stripe))

    async def account_for(self, movement: Movement, origin: Origin, *, overdue: bool) -> sweeping.Accounted:
        """Records a movement of Stripe's balance that the books lack, as ours or as nobody's: see `sweeping`.
        Raises Postponed when Stripe does not answer.
        """
        effect = event_of(movement)
        turn = self._turns.setdefault(subject_of(effect) if effect else movement.id, _Turn())
        async with turn.lock:
            return await _or_later(sweeping.account_for(self._tools, movement, origin, overdue=overdue))


async def _or_later(asked: Awaitable[T]) -> T:
    """What a call to Stripe raises, a later try mends."""
    try:
        return await asked
    except STRIPE_ERRORS as error:
        raise postponed(error) from error


async def _step(tools: Tools, effect: _Step, origin: Origin) -> Delivered:
    if isinstance(effect, ActivityEffect):
        return await tokens.deliver(tools, effect, origin)
    if isinstance(effect, RedemptionEffect):
        return await redemptions.deliver(tools, effect, origin)
    if isinstance(effect, OrderEffect):
        return await orders.deliver(tools, effect, origin)
    if isinstance(effect, LicenceEffect):
        return await licences.deliver(tools, effect, origin)
    return await seats.free(tools, effect, origin)


async def _deliver(  # noqa: C901, PLR0911, PLR0912  one line for each effect
    tools: Tools,
    effect: PaymentEffect
    | SubscriptionEffect
    | InvoiceEffect
    | CreateCourse
    | EnrolmentEffect
    | CertifyCompletion
    | WithdrawReview
    | CouponEffect
    | FollowEarnings
    | PayoutEffect
    | AccountEffect
    | DeleteCustomer,
    origin: Origin,
    cause: Recorded | None,
) -> Delivered:
    match effect:
        case CreatePaymentIntent():
            return await payments.create(tools, effect, origin, cause)
        case OpenPaymentPage() | OpenSubscriptionPage() | EndSubscriptionPage():
            return await _of_page(tools, effect, origin, cause)
        case ResolvePayment():
            return await pages.resolve(tools, effect, origin, cause)
        case CancelPaymentIntent():
            return await cancel.cancel(tools, effect, origin, cause)
        case CreateRefund():
            return await refunds.create(tools, effect, origin, cause)
        case ResolveRefund():
            return await refunds.resolve(tools, effect, origin, cause)
        case CreateSubscription():
            return await subscriptions.create(tools, effect, origin, cause)
        case ResolveSubscription() if effect.request_id == effect.subscription_id:
            return await subscription_pages.resolve(tools, effect, origin, cause)
        case WithdrawChange():
            return await requests.withdraw(tools, effect, origin, cause)
        case _ if isinstance(effect, _OfSubscription):
            return await _of_subscription(tools, effect, origin, cause)
        case RetryInvoice():
            return await invoices.retry(tools, effect, origin, cause)
        case ResolveInvoice():
            return await invoices.resolve(tools, effect, origin, cause)
        case CreateCreditNote() | ResolveCreditNote():
            return await credit_notes.deliver(tools, effect, origin, cause)
        case CreateCourse():
            return await courses.create(tools, effect, origin, cause)
        case (
            StartCoursePayment()
            | CancelCoursePayment()
            | RefundCoursePayment()
            | FollowSale()
            | ReopenEnrolment()
        ):
            return await sales.deliver(tools, effect, origin, cause)
        case CertifyCompletion():
            return await _certify(tools, effect, origin)
        case WithdrawReview():
            return await courses.withdraw_review(tools, effect, origin)
        case HoldCouponUse() | FollowCouponUse():
            return await coupons.deliver(tools, effect, origin, cause)
        case FollowEarnings():
            return await earnings.deliver(tools, effect, origin, cause)
        case CreateTransfer() | ResolveTransfer() | ReverseTransfer() | ResolveReversal():
            return await transfers.deliver(tools, effect, origin)
        case CreateAccount() | ResolveAccount() | CloseAccount():
            return await _of_account(tools, effect, origin, cause)
        case DeleteCustomer():
            return await erasing.delete(tools, effect, origin)
        case _:
            return await requests.deliver(tools, effect, origin, cause)


async def _of_subscription(
    tools: Tools,
    effect: _OfSubscription,
    origin: Origin,
    cause: Recorded | None,
) -> Delivered:
    match effect:
        case EndCollection() | VoidInvoice():
            return await ending.deliver(tools, effect, origin)
        case ReturnUnusedTime() | SetOffUnusedTime():
            return await unused_time.deliver(tools, effect, origin)
        case RetryWithNewCard():
            return await subscriptions.retry_with_new_card(tools, effect, origin, cause)
        case EndSubscriptionService():
            return await subscriptions.end_service(tools, effect, origin, cause)
        case _:
            assert_never(effect)


async def _of_page(
    tools: Tools,
    effect: OpenPaymentPage | OpenSubscriptionPage | EndSubscriptionPage,
    origin: Origin,
    cause: Recorded | None,
) -> Delivered:
    match effect:
        case OpenPaymentPage():
            return await pages.open_page(tools, effect, origin, cause)
        case OpenSubscriptionPage():
            return await subscription_pages.open_page(tools, effect, origin, cause)
        case EndSubscriptionPage():
            return await subscription_pages.end_page(tools, effect, origin)


async def _of_account(
    tools: Tools, effect: AccountEffect, origin: Origin, cause: Recorded | None
) -> Delivered:
    match effect:
        case CreateAccount():
            return await accounts.create(tools, effect, origin, cause)
        case ResolveAccount():
            return await accounts.resolve(tools, effect, origin, cause)
        case CloseAccount():
            return await leaving.close(tools, effect, origin, cause)


async def _certify(tools: Tools, effect: CertifyCompletion, origin: Origin) -> Delivered:
    if tools.certifier is None:
        raise Postponed("nothing here issues certificates")
    of = (effect.course_id, effect.learner_id, effect.enrolment_id)
    return await tools.certifier.certify(*of, origin)


def subject_of(effect: Effect) -> str:  # noqa: C901, PLR0911  one answer for each kind of effect
    """Effects with the same subject are delivered one after another."""
    if isinstance(effect, ApplyWebhook):
        # a payout of a connected account is a thing of its own: a look at the account does not show it
        of_account = "" if is_about_payout(effect.stripe_event_type) else effect.account_id
        return of_account or effect.payment_intent_id or effect.charge_id or effect.object_id
    if isinstance(effect, PaymentEffect):
        return effect.payment_id
    if isinstance(effect, InvoiceEffect):
        return effect.stripe_invoice_id
    if isinstance(effect, DisputeEffect):
        return effect.dispute_id
    if isinstance(effect, CreateCourse):
        return effect.course_id
    if isinstance(effect, FollowCouponUse):
        return effect.use_id
    if isinstance(effect, RedemptionEffect):
        return effect.redemption_id
    if isinstance(effect, OrderEffect):
        return effect.item_id
    if isinstance(effect, FollowEarnings):
        return effect.stream
    if isinstance(effect, LicenceEffect):
        return effect.licence_id
    if isinstance(effect, ActivityEffect):
        return _subject_of_activity(effect)
    if isinstance(effect, EnrolmentEffect | CertifyCompletion | WithdrawReview | HoldCouponUse):
        return stream_of(effect.course_id, effect.learner_id)
    assert not isinstance(effect, SendMail), "the mailer's"
    return effect.user_id


def _subject_of_activity(effect: ActivityEffect) -> str:
    match effect:
        case FollowCompletion():
            return stream_of(effect.course_id, effect.learner_id)
        case AwardPublication():
            return effect.course_id
        case AwardHelpfulReview():
            return effect.review_id
        case AwardStreak() | NoteActivity():
            return streak_stream(effect.user_id)
        case _:
            assert_never(effect)
