"""What must follow a fact, outside the ledger. The outbox keeps each until it is delivered.

The `tag` is what is stored, and never changes: a class may be renamed, and what waits is still read.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.effects.activity import (
    ActivityEffect,
    AwardHelpfulReview,
    AwardPublication,
    AwardStreak,
    EnrolRedeemer,
    FollowCompletion,
    FollowRedeemedCourse,
    FollowRedemption,
    NoteActivity,
    RedemptionEffect,
    RestoreRedemption,
    RevokeRedeemedCourse,
    SpendTokens,
    TokenEffect,
)
from ledger.effects.billing import (
    CancelSubscription,
    ChangeSubscription,
    CreateCreditNote,
    CreateSubscription,
    EndCollection,
    EndSubscriptionPage,
    EndSubscriptionService,
    InvoiceEffect,
    KeepSubscription,
    OpenSubscriptionPage,
    PauseSubscription,
    ResolveCreditNote,
    ResolveInvoice,
    ResolveSubscription,
    ResumeSubscription,
    RetryInvoice,
    RetryWithNewCard,
    ReturnUnusedTime,
    SetOffUnusedTime,
    SubscriptionEffect,
    UpdateSubscriptionCard,
    VoidInvoice,
    WithdrawChange,
)
from ledger.effects.courses import (
    CancelCoursePayment,
    CertifyCompletion,
    CouponEffect,
    CreateCourse,
    EnrolmentEffect,
    FollowCouponUse,
    FollowSale,
    HoldCouponUse,
    RefundCoursePayment,
    ReopenEnrolment,
    StartCoursePayment,
    WithdrawReview,
)
from ledger.effects.customers import DeleteCustomer
from ledger.effects.disputes import AnswerDispute, DisputeEffect, ResolveDisputeAnswer, ResolveEvidence
from ledger.effects.earnings import (
    AccountEffect,
    CloseAccount,
    CreateAccount,
    CreateTransfer,
    FollowEarnings,
    PayoutEffect,
    ResolveAccount,
    ResolveReversal,
    ResolveTransfer,
    ReverseTransfer,
)
from ledger.effects.email import Occasion, SendMail
from ledger.effects.organisations import (
    CancelLicencePayment,
    EnrolMember,
    FollowOrderedCourse,
    FreeMemberSeats,
    LicenceEffect,
    OrderEffect,
    RevokeOrderedCourse,
    StartLicencePayment,
    TellLicencePayment,
)
from ledger.effects.payments import (
    ApplyWebhook,
    CancelPaymentIntent,
    CreatePaymentIntent,
    CreateRefund,
    OpenPaymentPage,
    PaymentEffect,
    ResolvePayment,
    ResolveRefund,
)

__all__ = [
    "FORMER_TAGS",
    "AccountEffect",
    "ActivityEffect",
    "AnswerDispute",
    "ApplyWebhook",
    "AwardHelpfulReview",
    "AwardPublication",
    "AwardStreak",
    "CancelCoursePayment",
    "CancelLicencePayment",
    "CancelPaymentIntent",
    "CancelSubscription",
    "CertifyCompletion",
    "ChangeSubscription",
    "CloseAccount",
    "CouponEffect",
    "CreateAccount",
    "CreateCourse",
    "CreateCreditNote",
    "CreatePaymentIntent",
    "CreateRefund",
    "CreateSubscription",
    "CreateTransfer",
    "DeleteCustomer",
    "DisputeEffect",
    "Effect",
    "EndCollection",
    "EndSubscriptionPage",
    "EndSubscriptionService",
    "EnrolMember",
    "EnrolRedeemer",
    "EnrolmentEffect",
    "FollowCompletion",
    "FollowCouponUse",
    "FollowEarnings",
    "FollowOrderedCourse",
    "FollowRedeemedCourse",
    "FollowRedemption",
    "FollowSale",
    "FreeMemberSeats",
    "HoldCouponUse",
    "InvoiceEffect",
    "KeepSubscription",
    "LicenceEffect",
    "NoteActivity",
    "Occasion",
    "OpenPaymentPage",
    "OpenSubscriptionPage",
    "OrderEffect",
    "PauseSubscription",
    "PaymentEffect",
    "PayoutEffect",
    "RedemptionEffect",
    "RefundCoursePayment",
    "ReopenEnrolment",
    "ResolveAccount",
    "ResolveCreditNote",
    "ResolveDisputeAnswer",
    "ResolveEvidence",
    "ResolveInvoice",
    "ResolvePayment",
    "ResolveRefund",
    "ResolveReversal",
    "ResolveSubscription",
    "ResolveTransfer",
    "RestoreRedemption",
    "ResumeSubscription",
    "RetryInvoice",
    "RetryWithNewCard",
    "ReturnUnusedTime",
    "ReverseTransfer",
    "RevokeOrderedCourse",
    "RevokeRedeemedCourse",
    "SendMail",
    "SetOffUnusedTime",
    "SpendTokens",
    "StartCoursePayment",
    "StartLicencePayment",
    "SubscriptionEffect",
    "TellLicencePayment",
    "TokenEffect",
    "UpdateSubscriptionCard",
    "VoidInvoice",
    "WithdrawChange",
    "WithdrawReview",
    "kind_of",
]

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
    | DeleteCustomer
    | DisputeEffect
    | SendMail
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
