"""What must follow a fact, outside the ledger. The outbox keeps each until it is delivered.

The `tag` is what is stored, and never changes: a class may be renamed, and what waits is still read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from ledger.message import Instant


class CreatePaymentIntent(msgspec.Struct, frozen=True, tag="payments.create_payment_intent"):
    """Create and confirm at Stripe, with the idempotency key `payment:<payment_id>`."""

    payment_id: str


class ResolvePayment(msgspec.Struct, frozen=True, tag="payments.resolve_payment"):
    """Find out what became of a payment whose call to Stripe had no clear answer."""

    payment_id: str


class CancelPaymentIntent(msgspec.Struct, frozen=True, tag="payments.cancel_payment_intent"):
    """Cancel at Stripe, with the idempotency key `cancel-payment:<payment_id>`."""

    payment_id: str


class CreateRefund(msgspec.Struct, frozen=True, tag="payments.create_refund"):
    """Refund at Stripe, with the idempotency key `refund:<refund_id>`."""

    payment_id: str
    refund_id: str


class ResolveRefund(msgspec.Struct, frozen=True, tag="payments.resolve_refund"):
    """Find out what became of a refund whose call to Stripe had no clear answer."""

    payment_id: str
    refund_id: str


class ApplyWebhook(msgspec.Struct, frozen=True, omit_defaults=True, tag="webhooks.apply"):
    """Fetch the present state of what a Stripe event was about, and record it."""

    stripe_event_id: str
    stripe_event_type: str
    object_id: str
    payment_intent_id: str = ""
    charge_id: str = ""
    account_id: str = ""
    """The connected account at Stripe whose event it is; empty for the platform's own."""


class CreateSubscription(msgspec.Struct, frozen=True, tag="subscriptions.create"):
    """Create at Stripe, with the idempotency key `subscription:<subscription_id>`."""

    user_id: str
    subscription_id: str


class ResolveSubscription(msgspec.Struct, frozen=True, tag="subscriptions.resolve"):
    """Find out what became of a request whose call to Stripe had no clear answer."""

    user_id: str
    subscription_id: str
    request_id: str


class ChangeSubscription(msgspec.Struct, frozen=True, tag="subscriptions.change"):
    """Put the change in force, or in wait for the period's end; idempotency key `change:<change_id>`."""

    user_id: str
    subscription_id: str
    change_id: str


class WithdrawChange(msgspec.Struct, frozen=True, tag="subscriptions.withdraw_change"):
    """Have the subscription go on with the present plan; idempotency key `withdraw:<change_id>`."""

    user_id: str
    subscription_id: str
    change_id: str


class CancelSubscription(msgspec.Struct, frozen=True, tag="subscriptions.cancel"):
    """At the end of the period or at once, as the request says; idempotency key `cancel:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str
    at_once: bool


class KeepSubscription(msgspec.Struct, frozen=True, tag="subscriptions.keep"):
    """Withdraw a cancellation at the period's end; idempotency key `keep:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class PauseSubscription(msgspec.Struct, frozen=True, tag="subscriptions.pause"):
    """Pause collection; idempotency key `pause:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class ResumeSubscription(msgspec.Struct, frozen=True, tag="subscriptions.resume"):
    """Collect again; idempotency key `resume:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class UpdateSubscriptionCard(msgspec.Struct, frozen=True, tag="subscriptions.update_card"):
    """Charge another card from now on; idempotency key `card:<request_id>`."""

    user_id: str
    subscription_id: str
    request_id: str


class RetryWithNewCard(msgspec.Struct, frozen=True, tag="subscriptions.retry_with_new_card"):
    """Ask the ledger for a retry of the invoice that waits for a card."""

    user_id: str
    subscription_id: str
    stripe_invoice_id: str


class EndSubscriptionService(msgspec.Struct, frozen=True, tag="subscriptions.end_service"):
    """End the service of the subscription's invoices that still have something deferred, at `at`."""

    user_id: str
    subscription_id: str
    at: Instant


class RetryInvoice(msgspec.Struct, frozen=True, tag="invoices.retry"):
    """Pay at Stripe, with the idempotency key `invoice:<stripe_invoice_id>:<attempt>`."""

    stripe_invoice_id: str
    attempt: int


class ResolveInvoice(msgspec.Struct, frozen=True, tag="invoices.resolve_retry"):
    """Find out what became of an attempt whose call to Stripe had no clear answer."""

    stripe_invoice_id: str
    attempt: int


class CreateCreditNote(msgspec.Struct, frozen=True, tag="invoices.create_credit_note"):
    """Credit and refund at Stripe, with the idempotency key `credit:<credit_id>`."""

    stripe_invoice_id: str
    credit_id: str


class ResolveCreditNote(msgspec.Struct, frozen=True, tag="invoices.resolve_credit_note"):
    """Find out what became of a credit note whose call to Stripe had no clear answer."""

    stripe_invoice_id: str
    credit_id: str


class CreateCourse(msgspec.Struct, frozen=True, tag="courses.create"):
    """Have the ledger make the course of an upload that it accepted."""

    user_id: str
    course_id: str
    version: int
    """Of the fact that accepted it, in the author's stream."""


class StartCoursePayment(msgspec.Struct, frozen=True, tag="enrolments.start_payment"):
    """Ask the ledger for the payment of a reservation."""

    course_id: str
    learner_id: str
    payment_id: str


class CancelCoursePayment(msgspec.Struct, frozen=True, tag="enrolments.cancel_payment"):
    """Ask the ledger to cancel a payment whose reservation is over."""

    course_id: str
    learner_id: str
    payment_id: str


class RefundCoursePayment(msgspec.Struct, frozen=True, omit_defaults=True, tag="enrolments.refund_payment"):
    """Ask the ledger to give back a payment that was made twice, or is asked back by its buyer."""

    course_id: str
    learner_id: str
    payment_id: str
    refund_id: str
    buyer_id: str
    reason: str
    """`duplicate` or `requested_by_customer`."""
    stated_reason: str = ""
    """What a buyer who asks for it gives as reason; empty is the same as `reason`."""
    note: str = ""


class FollowSale(msgspec.Struct, frozen=True, tag="enrolments.follow_sale"):
    """Tell the enrolment how its payment stands, as of that version of the payment's stream."""

    course_id: str
    learner_id: str
    payment_id: str
    buyer_id: str
    revision: int
    standing: str
    cause: str
    cause_id: str
    as_of: int


class ReopenEnrolment(msgspec.Struct, frozen=True, tag="enrolments.reopen"):
    """Tell the enrolment that a refund came to nothing."""

    course_id: str
    learner_id: str
    refund_id: str


class WithdrawReview(msgspec.Struct, frozen=True, tag="enrolments.withdraw_review"):
    """Have the review of a learner count no more, as they teach the course now."""

    course_id: str
    learner_id: str


class CertifyCompletion(msgspec.Struct, frozen=True, tag="enrolments.certify"):
    """Certify what was completed, where the learner's plan has that and their name is known."""

    course_id: str
    learner_id: str
    enrolment_id: str


class HoldCouponUse(msgspec.Struct, frozen=True, tag="coupons.hold_use"):
    """Ask the coupon for the use that a reservation needs, before its payment is begun."""

    course_id: str
    learner_id: str
    payment_id: str
    enrolment_id: str
    code: str


class FollowCouponUse(msgspec.Struct, frozen=True, tag="coupons.follow_use"):
    """Tell the coupon how the enrolment stands that uses it, as of that version of the enrolment's stream."""

    code: str
    use_id: str
    standing: str
    """`confirmed`, `released`, `returned` or `reinstated`."""
    as_of: int


class FollowEarnings(msgspec.Struct, frozen=True, tag="earnings.follow"):
    """Tell the instructors' earnings what that fact of a payment, or of an enrolment, changes for them."""

    stream: str
    position: int
    """The fact's in the ledger."""


class CreateTransfer(msgspec.Struct, frozen=True, tag="earnings.create_transfer"):
    """Pay what is reserved into the connected account; idempotency key `payout:<payout_id>:<attempt>`."""

    user_id: str
    currency: str
    payout_id: str
    attempt: int


class ResolveTransfer(msgspec.Struct, frozen=True, tag="earnings.resolve_transfer"):
    """Find out what became of a transfer whose call to Stripe had no clear answer."""

    user_id: str
    currency: str
    payout_id: str
    attempt: int


class ReverseTransfer(msgspec.Struct, frozen=True, tag="earnings.reverse_transfer"):
    """Take back what a payout transferred, in part or whole; idempotency key `recall:<recall_id>`."""

    user_id: str
    currency: str
    recall_id: str


class ResolveReversal(msgspec.Struct, frozen=True, tag="earnings.resolve_reversal"):
    """Find out what became of a reversal whose call to Stripe had no clear answer."""

    user_id: str
    currency: str
    recall_id: str


class CreateAccount(msgspec.Struct, frozen=True, tag="accounts.create"):
    """Create a connected account at Stripe, with the idempotency key `account:<account_id>`."""

    user_id: str
    account_id: str


class ResolveAccount(msgspec.Struct, frozen=True, tag="accounts.resolve"):
    """Find out what became of a connected account whose call to Stripe had no clear answer."""

    user_id: str
    account_id: str


class CloseAccount(msgspec.Struct, frozen=True, tag="accounts.close"):
    """Delete the connected account at Stripe. That needs no key: what is gone cannot be deleted again."""

    user_id: str
    account_id: str
    request_id: str


class FollowCompletion(msgspec.Struct, frozen=True, omit_defaults=True, tag="tokens.follow_completion"):
    """Have the learner's tokens for that course be as the enrolment stands when this is delivered."""

    course_id: str
    learner_id: str
    cause: str = ""
    """Why the access was lost, where it was, and the refund or dispute that it was lost by."""
    cause_id: str = ""


class AwardPublication(msgspec.Struct, frozen=True, tag="tokens.award_publication"):
    """Award the author for a course that was published."""

    course_id: str


class AwardHelpfulReview(msgspec.Struct, frozen=True, tag="tokens.award_helpful_review"):
    """Award who wrote the review, where as many find it helpful as the rules ask for."""

    review_id: str
    author_id: str


class AwardStreak(msgspec.Struct, frozen=True, tag="tokens.award_streak"):
    """Award so many days in a row, of the streak that began on that date."""

    user_id: str
    days: int
    first_date: date


class NoteActivity(msgspec.Struct, frozen=True, tag="streaks.note_activity"):
    """Tell the user's streak that something was learnt at that time."""

    user_id: str
    at: Instant


class SpendTokens(msgspec.Struct, frozen=True, tag="redemptions.spend_tokens"):
    """Take the tokens for a reward that is kept for a user, or let it go where they are not there."""

    reward_id: str
    redemption_id: str
    user_id: str
    amount: int


class FollowRedemption(msgspec.Struct, frozen=True, tag="redemptions.follow"):
    """Tell the reward that the tokens of a redemption are spent."""

    reward_id: str
    redemption_id: str


class RestoreRedemption(msgspec.Struct, frozen=True, tag="redemptions.restore_tokens"):
    """Give back the tokens of a redemption that was cancelled."""

    redemption_id: str
    user_id: str


class EnrolRedeemer(msgspec.Struct, frozen=True, tag="redemptions.enrol"):
    """Give the course of a redemption to who paid it with tokens, or say why not."""

    course_id: str
    learner_id: str
    reward_id: str
    redemption_id: str


class FollowRedeemedCourse(msgspec.Struct, frozen=True, omit_defaults=True, tag="redemptions.follow_course"):
    """Tell the reward that a redemption's course is had, or with a `reason` that it could not be given."""

    reward_id: str
    redemption_id: str
    reason: str = ""


class RevokeRedeemedCourse(msgspec.Struct, frozen=True, tag="redemptions.revoke_course"):
    """Take the course of a redemption that was cancelled."""

    course_id: str
    learner_id: str
    redemption_id: str


class FreeMemberSeats(msgspec.Struct, frozen=True, tag="seats.free_member"):
    """Free the seats of an organisation's licences that somebody had who left it, unless they are back."""

    org_id: str
    user_id: str
    left_at: int
    """The position of the fact that they left."""


class EnrolMember(msgspec.Struct, frozen=True, tag="orders.enrol_member"):
    """Give a member the course that their organisation ordered, or say why not."""

    order_id: str
    item_id: str
    course_id: str
    learner_id: str


class FollowOrderedCourse(msgspec.Struct, frozen=True, omit_defaults=True, tag="orders.follow_course"):
    """Tell the order what became of an item: `given`, `declined` or `returned`."""

    order_id: str
    item_id: str
    outcome: str
    reason: str = ""


class RevokeOrderedCourse(msgspec.Struct, frozen=True, tag="orders.revoke_course"):
    """Take the course of an item that is not paid, or had fallen out before it was given."""

    order_id: str
    item_id: str
    course_id: str
    learner_id: str


class StartLicencePayment(msgspec.Struct, frozen=True, tag="licences.start_payment"):
    """Ask the ledger for the payment by card of a licence, or of one of its invoices."""

    licence_id: str
    payment_id: str


class CancelLicencePayment(msgspec.Struct, frozen=True, tag="licences.cancel_payment"):
    """Ask the ledger to cancel a payment of a licence that is not waited for any more."""

    licence_id: str
    payment_id: str


class TellLicencePayment(msgspec.Struct, frozen=True, omit_defaults=True, tag="licences.tell_payment"):
    """Tell the licence how its payment stands, as of that version of the payment's stream."""

    licence_id: str
    payment_id: str
    as_of: int
    standing: str
    cause: str
    kept_minor: int = 0


PaymentEffect = CreatePaymentIntent | ResolvePayment | CancelPaymentIntent | CreateRefund | ResolveRefund
SubscriptionEffect = (
    CreateSubscription
    | ResolveSubscription
    | ChangeSubscription
    | WithdrawChange
    | CancelSubscription
    | KeepSubscription
    | PauseSubscription
    | ResumeSubscription
    | UpdateSubscriptionCard
    | RetryWithNewCard
    | EndSubscriptionService
)
InvoiceEffect = RetryInvoice | ResolveInvoice | CreateCreditNote | ResolveCreditNote
EnrolmentEffect = (
    StartCoursePayment | CancelCoursePayment | RefundCoursePayment | FollowSale | ReopenEnrolment
)

CouponEffect = HoldCouponUse | FollowCouponUse
PayoutEffect = CreateTransfer | ResolveTransfer | ReverseTransfer | ResolveReversal
AccountEffect = CreateAccount | ResolveAccount | CloseAccount
TokenEffect = FollowCompletion | AwardPublication | AwardHelpfulReview | AwardStreak
ActivityEffect = TokenEffect | NoteActivity
LicenceEffect = StartLicencePayment | CancelLicencePayment | TellLicencePayment
RedemptionEffect = (
    SpendTokens
    | FollowRedemption
    | RestoreRedemption
    | EnrolRedeemer
    | FollowRedeemedCourse
    | RevokeRedeemedCourse
)
OrderEffect = EnrolMember | FollowOrderedCourse | RevokeOrderedCourse

Effect = (
    PaymentEffect
    | ApplyWebhook
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
    | ActivityEffect
    | RedemptionEffect
    | FreeMemberSeats
    | OrderEffect
    | LicenceEffect
)


FORMER_TAGS: Mapping[str, str] = {
    "CreatePaymentIntent": "payments.create_payment_intent",
    "ResolvePayment": "payments.resolve_payment",
    "CreateRefund": "payments.create_refund",
    "ResolveRefund": "payments.resolve_refund",
    "ApplyWebhook": "webhooks.apply",
    "CreateSubscription": "subscriptions.create",
    "ResolveSubscription": "subscriptions.resolve",
    "ChangeSubscription": "subscriptions.change",
    "WithdrawChange": "subscriptions.withdraw_change",
    "CancelSubscription": "subscriptions.cancel",
    "KeepSubscription": "subscriptions.keep",
    "PauseSubscription": "subscriptions.pause",
    "ResumeSubscription": "subscriptions.resume",
    "UpdateSubscriptionCard": "subscriptions.update_card",
    "RetryWithNewCard": "subscriptions.retry_with_new_card",
    "EndSubscriptionService": "subscriptions.end_service",
    "RetryInvoice": "invoices.retry",
    "ResolveInvoice": "invoices.resolve_retry",
    "CreateCreditNote": "invoices.create_credit_note",
    "ResolveCreditNote": "invoices.resolve_credit_note",
}
"""What the first version stored: the names that the classes had then."""


def kind_of(effect: Effect) -> str:
    """Its tag: how rows, logs and people call it."""
    return str(type(effect).__struct_config__.tag)
