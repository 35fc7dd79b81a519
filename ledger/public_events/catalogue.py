"""Every event that is told outside, by its public name. What is not in this list is not told.

A name and its fields are a promise: fields may be added; whatever else changes is a new `version`. None has a
text that somebody wrote, nor anything that names a person: users are opaque ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.bank_payouts.events import (
    BankPayoutArrived,
    BankPayoutBounced,
    BankPayoutCanceled,
    BankPayoutSent,
)
from ledger.courses import events as courses
from ledger.earnings.events import PayoutBlocked, PayoutReserved, PayoutTransferred, TransferReversed
from ledger.enrolments.events import EnrolmentActivated, EnrolmentRestored, EnrolmentRevoked
from ledger.enrolments.learning.events import (
    CertificateIssued,
    CertificateReinstated,
    CertificateRevoked,
    EnrolmentCompleted,
)
from ledger.invoices import events as invoices
from ledger.invoices.stream import KIND as INVOICE
from ledger.licences import events as licences
from ledger.message import Event, Recorded
from ledger.orders import events as orders
from ledger.organisations import events as organisations
from ledger.payments import events as payments
from ledger.payments.stream import KIND as PAYMENT
from ledger.payouts.events import PayoutFailed, PayoutPaid
from ledger.public_events.publication import Publication, PublicEvent
from ledger.redemptions.events import RedemptionCancelled, RedemptionFulfilled
from ledger.seats.events import SeatActivated, SeatDeactivated, SeatReleased
from ledger.subscriptions import events as subscriptions
from ledger.subscriptions.stream import KIND as SUBSCRIBER
from ledger.tokens import events as tokens

_MONEY = ("amount_minor", "currency")
_PLAN = ("tier", "interval", "currency", "price_minor")


def _payment(fact: type[Event], name: str, *fields: str) -> Publication:
    return Publication(fact=fact, type=f"payment.{name}", key="payment_id", stream=PAYMENT, fields=fields)


def _refund(fact: type[Event], name: str, *fields: str) -> Publication:
    within = ("payment_id", PAYMENT)
    return Publication(fact=fact, type=f"refund.{name}", key="refund_id", within=within, fields=fields)


def _dispute(fact: type[Event], name: str, *fields: str) -> Publication:
    within = ("payment_id", PAYMENT)
    return Publication(fact=fact, type=f"dispute.{name}", key="dispute_id", within=within, fields=fields)


def _invoice(fact: type[Event], name: str, *fields: str) -> Publication:
    return Publication(fact=fact, type=f"invoice.{name}", key="invoice_id", stream=INVOICE, fields=fields)


def _subscription(fact: type[Event], name: str, *fields: str) -> Publication:
    within = ("user_id", SUBSCRIBER)
    return Publication(
        fact=fact, type=f"subscription.{name}", key="subscription_id", within=within, fields=fields
    )


def _of(fact: type[Event], name: str, key: str, *fields: str) -> Publication:
    return Publication(fact=fact, type=name, key=key, fields=fields)


_MONEY_IN = (
    _payment(payments.PaymentInitiated, "initiated", "user_id", *_MONEY, "purpose"),
    _payment(payments.PaymentActionRequired, "action_required"),
    _payment(payments.PaymentProcessing, "processing"),
    _payment(payments.PaymentSucceeded, "succeeded", *_MONEY),
    _payment(payments.PaymentFailed, "failed", "code", "decline_code"),
    _payment(payments.PaymentCanceled, "canceled"),
    _refund(payments.RefundRequested, "requested", *_MONEY),
    _refund(payments.RefundMadeOutside, "made_outside", *_MONEY),
    _refund(payments.RefundSucceeded, "succeeded", *_MONEY),
    _refund(payments.RefundFailed, "failed"),
    _refund(payments.RefundCanceled, "canceled"),
    _dispute(payments.DisputeOpened, "opened", *_MONEY, "inquiry", "opened_at", "evidence_due_at"),
    _dispute(payments.DisputeWon, "won"),
    _dispute(payments.DisputeLost, "lost"),
    _invoice(
        invoices.InvoiceFinalized,
        "finalized",
        *("subscription_id", "user_id", "number", "currency", "total_minor", "tax_minor"),
        *("period_start", "period_end"),
    ),
    _invoice(invoices.InvoicePaid, "paid", "charged_minor", "off_stripe_minor", "currency", "paid_at"),
    _invoice(invoices.InvoicePaymentFailed, "payment_failed", "attempt", "code", "decline_code", "retry_at"),
    _invoice(invoices.InvoiceActionRequired, "action_required"),
    _invoice(
        invoices.InvoiceCredited,
        "credited",
        *("subscription_id", "user_id", "credit_id", "amount_minor", "invoice_currency"),
    ),
    _invoice(invoices.InvoiceVoided, "voided"),
    _invoice(invoices.InvoiceUncollectible, "uncollectible"),
    _invoice(invoices.InvoiceDisputeOpened, "dispute_opened", "dispute_id", *_MONEY, "inquiry"),
    _invoice(invoices.InvoiceDisputeWon, "dispute_won", "dispute_id"),
    _invoice(invoices.InvoiceDisputeLost, "dispute_lost", "dispute_id"),
    _subscription(
        subscriptions.SubscriptionStarted, "started", "status", "period_start", "period_end", "trial_end"
    ),
    _subscription(subscriptions.SubscriptionStatusChanged, "status_changed", "status", "was"),
    _subscription(
        subscriptions.SubscriptionChanged, "changed", *_PLAN, "was_tier", "was_interval", "was_price_minor"
    ),
    _subscription(subscriptions.SubscriptionPeriodRenewed, "renewed", "period_start", "period_end"),
    _subscription(subscriptions.CancellationScheduled, "cancellation_scheduled", "at"),
    _subscription(subscriptions.CancellationWithdrawn, "cancellation_withdrawn"),
    _subscription(subscriptions.SubscriptionCanceled, "canceled", "at"),
)
_LEARNING = (
    _of(courses.CourseUploaded, "course.uploaded", "course_id", "user_id"),
    _of(courses.CourseSubmitted, "course.submitted", "course_id", "revision"),
    _of(courses.CourseApproved, "course.approved", "course_id", "revision"),
    _of(courses.CourseRejected, "course.rejected", "course_id", "revision"),
    _of(courses.CoursePublished, "course.published", "course_id", "revision"),
    _of(courses.CourseArchived, "course.archived", "course_id"),
    _of(courses.CourseUnarchived, "course.unarchived", "course_id"),
    _of(
        EnrolmentActivated,
        "enrolment.activated",
        "enrolment_id",
        *("course_id", "learner_id", "buyer_id", "payment_id", *_MONEY, "revision"),
    ),
    _of(EnrolmentRevoked, "enrolment.revoked", "enrolment_id", "payment_id", "cause"),
    _of(EnrolmentRestored, "enrolment.restored", "enrolment_id", "payment_id", "cause"),
    _of(
        EnrolmentCompleted,
        "enrolment.completed",
        "enrolment_id",
        *("course_id", "learner_id", "revision", "completed_at"),
    ),
    _of(
        CertificateIssued,
        "certificate.issued",
        "certificate_id",
        *("enrolment_id", "course_id", "learner_id", "completed_at"),
    ),
    _of(CertificateRevoked, "certificate.revoked", "certificate_id", "enrolment_id", "cause"),
    _of(CertificateReinstated, "certificate.reinstated", "certificate_id", "enrolment_id", "cause"),
    _of(tokens.TokensAwarded, "tokens.awarded", "user_id", "lot_id", "rule", "amount", "pending_until"),
    _of(tokens.TokensMatured, "tokens.matured", "user_id", "lot_id", "amount"),
    _of(tokens.TokensExpired, "tokens.expired", "user_id", "amount"),
    _of(tokens.TokensClawedBack, "tokens.clawed_back", "user_id", "lot_id", "awarded"),
    _of(tokens.TokensPenalised, "tokens.penalised", "user_id", "penalty_id", "amount"),
    _of(tokens.TokensRedeemed, "tokens.redeemed", "user_id", "redemption_id", "reward_id", "amount"),
    _of(tokens.TokensRestored, "tokens.restored", "user_id", "redemption_id", "amount"),
    _of(RedemptionFulfilled, "redemption.fulfilled", "redemption_id", "reward_id", "user_id"),
    _of(RedemptionCancelled, "redemption.cancelled", "redemption_id", "reward_id", "user_id"),
)
_MONEY_OUT = (
    _of(PayoutReserved, "payout.initiated", "payout_id", "user_id", "attempt", *_MONEY),
    _of(PayoutTransferred, "payout.transferred", "payout_id", "user_id", "attempt", *_MONEY),
    _of(PayoutBlocked, "payout.blocked", "payout_id", "user_id", "attempt", *_MONEY, "code"),
    _of(TransferReversed, "payout.reversed", "payout_id", "user_id", *_MONEY),
    _of(BankPayoutSent, "bank_payout.sent", "payout_id", "user_id", *_MONEY, "arrival_at"),
    _of(BankPayoutArrived, "bank_payout.arrived", "payout_id", "arrival_at"),
    _of(BankPayoutBounced, "bank_payout.bounced", "payout_id", "failure_code"),
    _of(BankPayoutCanceled, "bank_payout.canceled", "payout_id"),
    _of(PayoutPaid, "platform_payout.paid", "payout_id", *_MONEY),
    _of(PayoutFailed, "platform_payout.failed", "payout_id", "was_paid"),
)
_OF_ORGANISATION = ("org_id",)
_INVOICED = ("number", "currency", "net_minor", "tax_minor", "due_at")
_ORGANISATIONS = (
    _of(organisations.OrganisationCreated, "organisation.created", "org_id"),
    _of(organisations.OrganisationClosed, "organisation.closed", "org_id"),
    _of(organisations.MemberInvited, "member.invited", "invitation_id", *_OF_ORGANISATION, "role"),
    _of(organisations.MemberJoined, "member.joined", "user_id", *_OF_ORGANISATION, "role"),
    _of(
        organisations.RoleChanged, "member.role_changed", "user_id", *_OF_ORGANISATION, "role", "role_before"
    ),
    _of(organisations.MemberLeft, "member.left", "user_id", *_OF_ORGANISATION),
    _of(licences.LicenceQuoted, "licence.quoted", "licence_id", *_OF_ORGANISATION, "quote_id", "valid_until"),
    _of(licences.LicenceIssued, "licence.issued", "licence_id", *_OF_ORGANISATION),
    _of(licences.LicenceActivated, "licence.activated", "licence_id", *_OF_ORGANISATION),
    _of(licences.LicenceSuspended, "licence.suspended", "licence_id", *_OF_ORGANISATION),
    _of(licences.LicenceReinstated, "licence.reinstated", "licence_id", *_OF_ORGANISATION),
    _of(licences.LicenceRenewed, "licence.renewed", "licence_id", *_OF_ORGANISATION),
    _of(licences.LicenceUpgraded, "licence.upgraded", "licence_id", *_OF_ORGANISATION, "from_tier", "at"),
    _of(licences.LicenceNoticeDue, "licence.ending", "licence_id", *_OF_ORGANISATION, "days", "ends_at"),
    _of(licences.LicenceExpired, "licence.expired", "licence_id", *_OF_ORGANISATION, "ended_at"),
    _of(licences.LicenceRevoked, "licence.revoked", "licence_id", *_OF_ORGANISATION),
    _of(
        licences.LicenceInvoiced,
        "licence_invoice.issued",
        "invoice_id",
        *(*_OF_ORGANISATION, "licence_id", "kind", *_INVOICED),
    ),
    _of(
        licences.LicenceInvoicePaid,
        "licence_invoice.paid",
        "invoice_id",
        *(*_OF_ORGANISATION, "licence_id", *_MONEY, "received_on"),
    ),
    _of(SeatActivated, "seat.activated", "seat_id", *_OF_ORGANISATION, "licence_id", "user_id", "floating"),
    _of(SeatReleased, "seat.released", "seat_id", *_OF_ORGANISATION, "licence_id", "user_id"),
    _of(SeatDeactivated, "seat.deactivated", "seat_id", *_OF_ORGANISATION, "licence_id", "user_id"),
    _of(orders.OrderPlaced, "order.placed", "order_id", *_OF_ORGANISATION, "invoice_id", *_INVOICED),
    _of(orders.OrderPaid, "order.paid", "order_id", *_OF_ORGANISATION, "invoice_id", *_MONEY, "received_on"),
    _of(orders.OrderItemCredited, "order.item_credited", "order_id", *_OF_ORGANISATION, "item_id", "status"),
    _of(orders.OrderWrittenOff, "order.written_off", "order_id", *_OF_ORGANISATION, "invoice_id"),
)

PUBLICATIONS: tuple[Publication, ...] = (*_MONEY_IN, *_LEARNING, *_MONEY_OUT, *_ORGANISATIONS)
_BY_FACT: Mapping[type[Event], Publication] = {each.fact: each for each in PUBLICATIONS}

TYPES: frozenset[str] = frozenset(each.type for each in PUBLICATIONS)
FACTS: frozenset[type[Event]] = frozenset(_BY_FACT)
OF_ORGANISATIONS: frozenset[str] = frozenset(each.type for each in _ORGANISATIONS)
"""Those that an organisation can be told: of itself, its licences, seats and orders."""


def public_event(recorded: Recorded) -> PublicEvent | None:
    """What is told of a fact; None for one that stays inside."""
    publication = _BY_FACT.get(type(recorded.event))
    return publication.of(recorded) if publication else None
