"""What a payment's facts ask of Stripe."""

from __future__ import annotations

from ledger.effects import (
    CancelPaymentIntent,
    CreatePaymentIntent,
    CreateRefund,
    Effect,
    OpenPaymentPage,
    ResolvePayment,
    ResolveRefund,
)
from ledger.message import Recorded
from ledger.payments.events import (
    PaymentCancelRequested,
    PaymentInitiated,
    PaymentOutcomeUnknown,
    RefundOutcomeUnknown,
    RefundRequested,
)
from ledger.payments.stream import id_of


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case PaymentInitiated(payment_id=payment_id, page=page):
            return (OpenPaymentPage(payment_id) if page else CreatePaymentIntent(payment_id),)
        case PaymentCancelRequested(payment_id=payment_id):
            return (CancelPaymentIntent(payment_id=payment_id),)
        case PaymentOutcomeUnknown():
            return (ResolvePayment(payment_id=id_of(recorded.stream)),)
        case RefundRequested(payment_id=payment_id, refund_id=refund_id):
            return (CreateRefund(payment_id=payment_id, refund_id=refund_id),)
        case RefundOutcomeUnknown(refund_id=refund_id):
            return (ResolveRefund(payment_id=id_of(recorded.stream), refund_id=refund_id),)
        case _:
            return ()
