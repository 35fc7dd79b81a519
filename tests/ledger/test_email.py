"""Which facts are told of by mail, and by which id each is told once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger import policies
from ledger.effects import SendMail
from ledger.email.policy import react
from ledger.enrolments.events import EnrolmentActivated
from ledger.invoices.events import InvoicePaid, InvoicePaymentFailed
from ledger.message import Event
from ledger.organisations.events import MemberInvited
from ledger.payments.events import PaymentFailed, PaymentSucceeded, RefundSucceeded
from ledger.subscriptions.events import CancellationScheduled, SubscriptionCanceled
from ledger.webhooks.events import WebhookReceived
from tests.ledger.examples import recorded

AT = datetime(2026, 3, 3, tzinfo=UTC)
PAID = PaymentSucceeded(payment_intent_id="pi_1", charge_id="ch_1", amount_minor=1, currency="usd")
BOUGHT = EnrolmentActivated(
    enrolment_id="enr_1",
    course_id="crs_1",
    learner_id="usr_1",
    buyer_id="usr_1",
    attempt=2,
    revision=1,
    payment_id="pay_1",
)
INVITED = MemberInvited(
    org_id="org_1", invitation_id="inv_1", role="member", invited_by="usr_2", expires_at=AT, user_id="usr_1"
)


def trial_will_end(account_id: str = "") -> WebhookReceived:
    return WebhookReceived(
        stripe_event_id="evt_1",
        stripe_event_type="customer.subscription.trial_will_end",
        object_id="sub_stripe",
        created_at=AT,
        account_id=account_id,
    )


@pytest.mark.parametrize(
    ("stream", "event", "mail"),
    [
        ("payment-pay_1", PAID, SendMail("payment_receipt", "pay_1")),
        (
            "payment-pay_1",
            RefundSucceeded(refund_id="re_1", stripe_refund_id="re_s", amount_minor=1, currency="usd"),
            SendMail("payment_refunded", "pay_1", "re_1"),
        ),
        (
            "invoice-in_1",
            InvoicePaid(paid_at=AT, charged_minor=1, currency="usd"),
            SendMail("invoice_receipt", "in_1"),
        ),
        (
            "invoice-in_1",
            InvoicePaymentFailed(attempt_id="ch_2", attempt=1, failed_at=AT, code="card_declined"),
            SendMail("payment_failed", "in_1", "ch_2"),
        ),
        ("webhook-evt_1", trial_will_end(), SendMail("trial_ending", "sub_stripe")),
        (
            "subscriber-usr_1",
            CancellationScheduled(subscription_id="sub_1", at=AT),
            SendMail("cancellation_scheduled", "sub_1", recorded(PAID).metadata.effective_at.isoformat()),
        ),
        (
            "subscriber-usr_1",
            SubscriptionCanceled(subscription_id="sub_1", at=AT, period_end=AT, was="active"),
            SendMail("subscription_ended", "sub_1"),
        ),
        ("enrolment-crs_1-usr_1", BOUGHT, SendMail("course_bought", "enr_1", "2")),
        ("organisation-org_1", INVITED, SendMail("invited", "org_1", "inv_1")),
    ],
)
def test_what_is_told(stream: str, event: Event, mail: SendMail) -> None:
    assert react(recorded(event, stream=stream)) == (mail,)


@pytest.mark.parametrize(
    "event",
    [
        PaymentFailed(code="card_declined"),  # whoever pays is there, and sees it
        trial_will_end(account_id="acct_1"),
        EnrolmentActivated(
            enrolment_id="enr_1",
            course_id="crs_1",
            learner_id="usr_1",
            buyer_id="usr_1",
            attempt=1,
            revision=1,
        ),
        MemberInvited(
            org_id="org_1",
            invitation_id="inv_1",
            role="member",
            invited_by="usr_2",
            expires_at=AT,
            code_hash="0" * 64,
        ),
    ],
)
def test_what_is_not_told(event: Event) -> None:
    assert react(recorded(event)) == ()


def test_no_request_waits_for_mail() -> None:
    fact = recorded(PAID)
    assert [one.policy for one in policies.reactions(fact)] == ["email"]
    assert policies.react(fact) == ()
