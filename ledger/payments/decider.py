"""The rules of one payment, its refunds and its disputes.

What users ask for is judged; what Stripe reports is recorded, however surprising: only a report about a
payment that was never initiated here, and does not name this ledger, is refused, so that it is looked at and
not dropped.
"""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never, get_args

from ledger import money
from ledger.errors import NotFound
from ledger.message import Decider
from ledger.payments.commands import (
    CancelPayment,
    InitiatePayment,
    LostPayment,
    PaymentCommand,
    RecordFundsAvailable,
    RecordPaymentFailure,
    RecordPaymentPage,
    RecordPaymentSnapshot,
    RecordPaymentUnknown,
    RecordRefundFailure,
    RecordRefundUnknown,
    RequestRefund,
)
from ledger.payments.events import (
    PaymentCancelRequested,
    PaymentEvent,
    PaymentFailed,
    PaymentFundsAvailable,
    PaymentInitiated,
    PaymentOutcomeUnknown,
    RefundFailed,
    RefundOutcomeUnknown,
    RefundRequested,
)
from ledger.payments.refunds import RefundStatus
from ledger.payments.refusals import (
    AlreadyRefunded,
    CreditNoteInstead,
    DisputeOpen,
    FundsNotAvailable,
    FundsNotSettled,
    InvalidAmount,
    InvalidCurrency,
    InvalidSale,
    InvalidText,
    NoteRequired,
    NothingToRevoke,
    PaymentExists,
    PaymentNotCancelable,
    PaymentNotCaptured,
    RefundExceedsRemainder,
    RefundExists,
    RefundWindowClosed,
    UnknownPurpose,
    WholeReturnOnly,
)
from ledger.payments.sale import LICENCE, SALES, TOLD_OF, tell
from ledger.payments.snapshot import new_facts, page_facts, take_up
from ledger.payments.state import CAPTURED, Payment, evolve
from ledger.payments.stream import stream_of
from ledger.split import sale_fault
from ledger.visible import is_visible

PURPOSES = frozenset({"plain"}) | TOLD_OF
REFUND_WINDOW = timedelta(days=30)
DESCRIPTION_MAX = 1000
"""Stripe's limit for a PaymentIntent's description."""
NOTE_MAX = 500
"""Stripe's limit for a value of metadata."""
ID_MAX = 255

_UNANSWERED = frozenset({"initiated", "unknown"})
_REFUND_UNANSWERED = frozenset({"requested", "unknown"})


def decide(command: PaymentCommand, payment: Payment) -> tuple[PaymentEvent, ...]:
    return tell(payment, _decide(command, payment))


def _decide(command: PaymentCommand, payment: Payment) -> tuple[PaymentEvent, ...]:
    match command:
        case InitiatePayment():
            return _initiate(command, payment)
        case CancelPayment():
            return _cancel(command, payment)
        case RequestRefund():
            return _request_refund(command, payment)
        case RecordPaymentSnapshot(lost=LostPayment() as lost) if not payment.status:
            return take_up(command, lost)
        case _:
            if not payment.status:
                raise NotFound(
                    f"There is no payment {command.payment_id}; does another ledger use this Stripe account?"
                )
            return _record(command, payment)


_Report = (
    RecordPaymentSnapshot
    | RecordPaymentPage
    | RecordPaymentFailure
    | RecordPaymentUnknown
    | RecordFundsAvailable
    | RecordRefundFailure
    | RecordRefundUnknown
)


def _record(  # noqa: C901, PLR0911 - one answer for each command of a closed union
    command: _Report, payment: Payment
) -> tuple[PaymentEvent, ...]:
    match command:
        case RecordPaymentSnapshot():
            return new_facts(command, payment)
        case RecordPaymentPage():
            return page_facts(command, payment)
        case RecordPaymentFailure():
            if payment.status not in _UNANSWERED:
                return ()
            failed = PaymentFailed(
                code=command.code,
                decline_code=command.decline_code,
                payment_intent_id=command.payment_intent_id,
            )
            return (failed,)
        case RecordPaymentUnknown():
            return (PaymentOutcomeUnknown(cause=command.cause),) if payment.status == "initiated" else ()
        case RecordFundsAvailable():
            return _record_funds_available(command, payment)
        case RecordRefundFailure():
            if _refund_status(command, payment) not in _REFUND_UNANSWERED:
                return ()
            return (RefundFailed(refund_id=command.refund_id, reason=command.reason),)
        case RecordRefundUnknown():
            if _refund_status(command, payment) != "requested":
                return ()
            return (RefundOutcomeUnknown(refund_id=command.refund_id, cause=command.cause),)
        case _:
            assert_never(command)


def _refund_status(command: RecordRefundFailure | RecordRefundUnknown, payment: Payment) -> RefundStatus:
    refund = payment.refunds.get(command.refund_id)
    if refund is None:
        raise NotFound(f"There is no refund {command.refund_id} of payment {command.payment_id}.")
    return refund.status


def _initiate(command: InitiatePayment, payment: Payment) -> tuple[PaymentEvent, ...]:
    if payment.status:
        return _again(command, payment)
    _check_charge(command.amount_minor, command.currency)
    if command.purpose not in PURPOSES:
        raise UnknownPurpose(
            f"Nothing can be paid for as {command.purpose!r}; send one of {sorted(PURPOSES)}."
        )
    for name in ("payment_id", "user_id"):
        _check_text(name, getattr(command, name), ID_MAX, required=True)
    _check_text("payment_method_id", command.payment_method_id, ID_MAX, required=command.page is None)
    _check_text("purpose_ref", command.purpose_ref, ID_MAX, required=command.purpose in TOLD_OF)
    _check_text("org_id", command.org_id, ID_MAX, required=command.purpose == LICENCE)
    _check_text("stripe_customer_id", command.stripe_customer_id, ID_MAX)
    _check_text("description", command.description, DESCRIPTION_MAX)
    _check_sale(command)
    initiated = PaymentInitiated(
        payment_id=command.payment_id,
        user_id=command.user_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        payment_method_id=command.payment_method_id,
        purpose=command.purpose,
        purpose_ref=command.purpose_ref,
        description=command.description,
        stripe_customer_id=command.stripe_customer_id,
        save_payment_method=command.save_payment_method,
        sale=command.sale,
        org_id=command.org_id if command.purpose == LICENCE else "",
        page=command.page,
    )
    return (initiated,)


def _check_sale(command: InitiatePayment) -> None:
    sale = command.sale
    if (sale is not None) != (command.purpose in SALES):
        raise InvalidSale(
            f"A payment for {command.purpose!r} has {'no' if sale else 'a'} sale: send one with "
            f"{sorted(SALES)}, and with no other purpose."
        )
    if sale is not None and (fault := sale_fault(sale, command.amount_minor)):
        raise InvalidSale(f"The sale {fault}; compute it anew.")


def _again(command: InitiatePayment, payment: Payment) -> tuple[PaymentEvent, ...]:
    """Ids derive from the intent, so that one which is there already was this very request, whose fact is
    gone:
    the payment was taken up from Stripe.
    """
    asked = (command.user_id, command.amount_minor, command.currency, command.purpose)
    if asked != (payment.user_id, payment.amount_minor, payment.currency, payment.purpose):
        raise PaymentExists(
            f"Payment {command.payment_id} exists already, is {payment.status} and was asked for otherwise; "
            "start another one under a new id."
        )
    return ()


def _record_funds_available(command: RecordFundsAvailable, payment: Payment) -> tuple[PaymentEvent, ...]:
    if payment.funds_available:
        return ()
    entry = payment.settlement
    if entry is None:
        raise FundsNotSettled(
            "Stripe has not settled this payment yet; record a snapshot with its balance transaction first."
        )
    if command.effective_at < entry.available_at:
        raise FundsNotAvailable(
            f"The funds become available at {entry.available_at.isoformat()}; record them then."
        )
    available = PaymentFundsAvailable(
        balance_transaction_id=entry.balance_transaction_id,
        net_minor=entry.net_minor,
        currency=entry.currency,
    )
    return (available,)


def _cancel(command: CancelPayment, payment: Payment) -> tuple[PaymentEvent, ...]:
    may = command.by_system or command.by_admin or command.user_id == payment.user_id
    if not payment.status or not may:
        raise NotFound(f"There is no payment {command.payment_id}.")
    if command.reason == "expired" and payment.status != "requires_action":
        return ()  # it has moved on meanwhile
    if payment.status in CAPTURED:
        if command.by_system:
            return ()
        raise PaymentNotCancelable(
            f"This payment is {payment.status}: its money was captured; ask for a refund instead."
        )
    never_reached_stripe = payment.status == "failed" and not payment.payment_intent_id
    if payment.cancel_requested or payment.status == "canceled" or never_reached_stripe:
        return ()
    return (PaymentCancelRequested(payment_id=payment.payment_id, reason=command.reason),)


def _request_refund(command: RequestRefund, payment: Payment) -> tuple[PaymentEvent, ...]:
    if not payment.status or not (command.by_admin or command.user_id == payment.user_id):
        raise NotFound(f"There is no payment {command.payment_id}.")
    known = payment.refunds.get(command.refund_id)
    if known is not None:
        if command.amount_minor in {None, known.amount_minor}:
            return ()  # taken up from Stripe: see `_again`
        raise RefundExists(
            f"Refund {command.refund_id} exists already, of another amount; ask for another under a new id."
        )
    _check_text("refund_id", command.refund_id, ID_MAX, required=True)
    _check_text("note", command.note, NOTE_MAX)
    if payment.status not in CAPTURED:
        raise PaymentNotCaptured(
            f"This payment is {payment.status}; only one whose money was captured can be refunded."
        )
    _check_may_refund(command, payment)
    amount = _amount_to_refund(command, payment)
    _check_access(command, payment, amount)
    requested = RefundRequested(
        payment_id=payment.payment_id,
        refund_id=command.refund_id,
        payment_intent_id=payment.payment_intent_id,
        amount_minor=amount,
        currency=payment.currency,
        reason=command.reason,
        note=command.note,
        revoke_access=command.revoke_access,
        is_return=command.revoke_access and not command.by_admin,
    )
    return (requested,)


def _check_may_refund(command: RequestRefund, payment: Payment) -> None:
    if payment.purpose == LICENCE:
        raise CreditNoteInstead(
            "This payment paid an invoice of a licence, and what is given back of that is a credit note: an "
            "administrator writes it (POST …/invoices/{invoice_id}/credit, or …/revoke with `credit`), and "
            "pays out what it owes by bank transfer."
        )
    if payment.dispute_open:
        raise DisputeOpen(
            "The cardholder's bank disputes this payment, and a refund now would pay twice: "
            + ("answer the dispute." if command.by_admin else "wait for the bank's decision, or ask support.")
        )
    if command.by_admin:
        if not is_visible(command.note):
            raise NoteRequired("Say in `note` why this refund is made; the audit trail keeps it.")
        return
    if payment.captured_at is None or command.effective_at > payment.captured_at + REFUND_WINDOW:
        raise RefundWindowClosed(
            f"A payment can be refunded for {REFUND_WINDOW.days} days; after that, ask an administrator."
        )


def _check_access(command: RequestRefund, payment: Payment, amount_minor: int) -> None:
    """A buyer who takes back nearly all of the price would keep the course for the rest."""
    is_sale = payment.purpose in SALES
    if command.revoke_access and not is_sale:
        raise NothingToRevoke("This payment gave no access that could be revoked; leave `revoke_access` out.")
    if is_sale and not command.by_admin and amount_minor != payment.refundable_minor:
        left = money.format_minor(payment.refundable_minor, payment.currency)
        raise WholeReturnOnly(
            f"A course is returned as a whole: leave `amount_minor` out to get all that is left, {left}, and "
            "to give the course back. Only an administrator refunds a part."
        )


def _amount_to_refund(command: RequestRefund, payment: Payment) -> int:
    left = payment.refundable_minor
    if left == 0:
        raise AlreadyRefunded("Nothing is left of this payment: all of it is refunded or on its way back.")
    if command.amount_minor is None:
        return left
    fault = money.step_fault(command.amount_minor, payment.currency)
    _check_amount(command.amount_minor, payment.currency, fault)
    if command.amount_minor > left:
        raise RefundExceedsRemainder(
            f"At most {money.format_minor(left, payment.currency)} of this payment can still be refunded; "
            f"{money.format_minor(command.amount_minor, payment.currency)} was asked for."
        )
    return command.amount_minor


def _check_charge(amount_minor: int, currency: str) -> None:
    if not money.is_currency(currency):
        raise InvalidCurrency(f"{currency!r} is no currency: send an ISO 4217 code such as 'usd'.")
    _check_amount(amount_minor, currency, money.charge_fault(amount_minor, currency))


def _check_amount(amount_minor: int, currency: str, fault: str) -> None:
    if fault:
        raise InvalidAmount(f"The amount {fault}; it was {money.format_minor(amount_minor, currency)}.")


def _check_text(name: str, text: str, longest: int, *, required: bool = False) -> None:
    if required and not text:
        raise InvalidText(f"`{name}` must not be empty.")
    if len(text) > longest:
        raise InvalidText(f"`{name}` must have at most {longest} characters; it has {len(text)}.")
    if "\0" in text:
        raise InvalidText(f"`{name}` must not contain the character NUL.")


def stream(command: PaymentCommand) -> str:
    return stream_of(command.payment_id)


PAYMENT: Decider[PaymentCommand, Payment, PaymentEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Payment(),
    commands=get_args(PaymentCommand),
    events=get_args(PaymentEvent),
    begins=(InitiatePayment,),
)
