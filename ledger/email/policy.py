"""Which facts are told of by mail. Whom, and whether they want it, is found out when it is sent."""

from __future__ import annotations

from ledger.effects import Effect, SendMail
from ledger.enrolments.events import EnrolmentActivated
from ledger.invoices.events import CreditSettled, InvoicePaid, InvoicePaymentFailed
from ledger.invoices.stream import id_of as invoice_of
from ledger.message import Recorded
from ledger.organisations.events import MemberInvited
from ledger.payments.events import PaymentSucceeded, RefundSucceeded
from ledger.payments.stream import id_of as payment_of
from ledger.subscriptions.events import CancellationScheduled, SubscriptionCanceled
from ledger.webhooks.events import WebhookReceived

TRIAL_WILL_END = "customer.subscription.trial_will_end"
"""Stripe sends it three days before."""


def react(recorded: Recorded) -> tuple[Effect, ...]:
    mail = _mail(recorded)
    return (mail,) if mail else ()


def _mail(recorded: Recorded) -> SendMail | None:  # noqa: C901, PLR0911  one line for each fact
    stream = recorded.stream
    match recorded.event:
        case PaymentSucceeded():
            return SendMail("payment_receipt", payment_of(stream))
        case RefundSucceeded(refund_id=refund_id):
            return SendMail("payment_refunded", payment_of(stream), refund_id)
        case InvoicePaid():
            return SendMail("invoice_receipt", invoice_of(stream))
        case CreditSettled(credit_id=credit_id):
            return SendMail("invoice_refunded", invoice_of(stream), credit_id)
        case InvoicePaymentFailed(attempt_id=attempt_id):
            return SendMail("payment_failed", invoice_of(stream), attempt_id)
        case WebhookReceived(stripe_event_type=kind, object_id=stripe_id, account_id="") if (
            kind == TRIAL_WILL_END
        ):
            return SendMail("trial_ending", stripe_id)
        case CancellationScheduled(subscription_id=subscription_id):
            # it can be withdrawn, and asked for again
            asked_at = recorded.metadata.effective_at.isoformat()
            return SendMail("cancellation_scheduled", subscription_id, asked_at)
        case SubscriptionCanceled(subscription_id=subscription_id):
            return SendMail("subscription_ended", subscription_id)
        case EnrolmentActivated(enrolment_id=enrolment_id, attempt=attempt, payment_id=paid) if paid:
            return SendMail("course_bought", enrolment_id, str(attempt))
        case MemberInvited(org_id=org_id, invitation_id=invitation_id, user_id=invited) if invited:
            return SendMail("invited", org_id, invitation_id)
        case _:
            return None
