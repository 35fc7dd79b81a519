"""What is new in a snapshot of Stripe's objects.

Snapshots arrive late, twice, out of order, or not at all, and carry no version. Each object's statuses
therefore have a rank along Stripe's own life cycle, and only a higher one is news; balance transactions
are recognised by their ids. Any order of the same snapshots ends in the same state.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from ledger.balance import BalanceTransaction
from ledger.payments.commands import (
    DisputeSnapshot,
    LostPayment,
    RecordPaymentPage,
    RecordPaymentSnapshot,
    RefundSnapshot,
)
from ledger.payments.disputes import Dispute, DisputeEvent, evolve_dispute
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    DisputeStatusChanged,
    DisputeWon,
    PaymentActionRequired,
    PaymentCanceled,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentPageOpened,
    PaymentProcessing,
    PaymentSettled,
    PaymentSucceeded,
    RefundCanceled,
    RefundFailed,
    RefundMadeOutside,
    RefundPending,
    RefundRequested,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
)
from ledger.payments.refunds import Refund
from ledger.payments.state import Payment, evolve
from ledger.split import sale_fault

_PAYMENT_RANK = {
    "requires_action": 1,
    "processing": 2,
    "failed": 3,
    "canceled": 4,
    "succeeded": 5,
    "disputed": 5,
    "charged_back": 5,
}
"""https://docs.stripe.com/payments/paymentintents/lifecycle: the cardholder acts before Stripe processes.
A failed intent can be confirmed again, so success outranks failure."""

PAGE_EXPIRED = "page_expired"
"""Why a payment is canceled whose page nobody paid on."""

_REFUND_RANK = {"pending": 1, "succeeded": 2, "canceled": 3, "failed": 4}
"""A refund can fail after it succeeded; nothing follows a failure.
https://docs.stripe.com/refunds#failed-refunds"""

_DISPUTE_RANK = {
    "warning_needs_response": 0,
    "warning_under_review": 1,
    "warning_closed": 2,
    "needs_response": 3,
    "under_review": 4,
    "lost": 5,
    "won": 6,
}
"""An inquiry can become a chargeback; a loss can be overturned."""


def new_facts(command: RecordPaymentSnapshot, payment: Payment) -> tuple[PaymentEvent, ...]:
    """The facts of `command` that `payment` does not know, in one canonical order."""
    events = [*_payment_facts(command, payment)]
    if command.refunds or command.disputes:
        # what it settles at decides whose the money is that goes back
        payment = reduce(evolve, events, payment)
    if command.refunds:
        for refund in sorted(command.refunds, key=lambda one: one.stripe_refund_id):
            found = tuple(_refund_facts(refund, payment))
            # The next one may name the same request; who answered it is known only now.
            payment = reduce(evolve, found, payment)
            events += found
    if command.disputes:
        for dispute in sorted(command.disputes, key=lambda one: (one.opened_at, one.dispute_id)):
            events += _dispute_facts(dispute, payment)
    return tuple(events)


def take_up(command: RecordPaymentSnapshot, lost: LostPayment) -> tuple[PaymentEvent, ...]:
    """A payment of ours whose beginning is gone here. In one decision with its state, so that what follows
    from its beginning finds nothing left to do.
    """
    initiated = PaymentInitiated(
        payment_id=command.payment_id,
        user_id=lost.user_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        payment_method_id=lost.payment_method_id,
        purpose=lost.purpose,
        purpose_ref=lost.purpose_ref,
        description=lost.description,
        stripe_customer_id=lost.stripe_customer_id,
        save_payment_method=lost.save_payment_method,
        sale=lost.sale if lost.sale and not sale_fault(lost.sale, command.amount_minor) else None,
        org_id=lost.org_id,
        page=lost.page,
    )
    return initiated, *new_facts(command, evolve(Payment(), initiated))


def page_facts(command: RecordPaymentPage, payment: Payment) -> tuple[PaymentEvent, ...]:
    """It is opened once, and ends the payment when its time is over. Whatever the PaymentIntent says of a
    charge outranks both.
    """
    rank = _rank_of(payment)
    if command.status == "expired" and rank < _PAYMENT_RANK["canceled"]:
        intent = command.payment_intent_id or payment.payment_intent_id
        return (PaymentCanceled(payment_intent_id=intent, reason=PAGE_EXPIRED),)
    if command.status == "expired" or payment.session_id or rank >= _PAYMENT_RANK["requires_action"]:
        return ()
    return (PaymentPageOpened(payment_id=payment.payment_id, session_id=command.session_id),)


def _rank_of(payment: Payment) -> int:
    """A failure without an intent is our own reading of a refused request; any word of Stripe's about the
    intent outranks it.
    """
    guessed = payment.status == "failed" and not payment.payment_intent_id
    return 0 if guessed else _PAYMENT_RANK.get(payment.status, 0)


def _payment_facts(command: RecordPaymentSnapshot, payment: Payment) -> Iterator[PaymentEvent]:
    status = "failed" if _is_declined(command) else command.status
    if status == "requires_capture":
        status = "processing"
    if _PAYMENT_RANK.get(status, 0) > _rank_of(payment) and not _goes_on(status, command, payment):
        yield _status_event(status, command)
    entry = command.balance_transaction
    if entry is not None and entry.balance_transaction_id not in payment.posted:
        yield PaymentSettled(charge_id=command.charge_id, balance_transaction=entry, purpose=payment.purpose)


def _goes_on(status: str, command: RecordPaymentSnapshot, payment: Payment) -> bool:
    """What happens on a page before it is complete is its visitor's business: they may try again there."""
    waits = payment.hosted and payment.status in {"initiated", "unknown", "requires_action"}
    return waits and not command.page_over and status in {"failed", "requires_action"}


def _is_declined(command: RecordPaymentSnapshot) -> bool:
    """A declined intent goes back to waiting for a payment method, as a new one does."""
    return command.status == "requires_payment_method" and bool(command.failure_code)


def _status_event(status: str, command: RecordPaymentSnapshot) -> PaymentEvent:
    intent = command.payment_intent_id
    if status == "succeeded":
        return PaymentSucceeded(
            payment_intent_id=intent,
            charge_id=command.charge_id,
            amount_minor=command.amount_received_minor,
            currency=command.currency,
            captured_at=command.captured_at or command.effective_at,
        )
    if status == "failed":
        return PaymentFailed(
            code=command.failure_code, decline_code=command.decline_code, payment_intent_id=intent
        )
    if status == "canceled":
        return PaymentCanceled(payment_intent_id=intent, reason=command.cancellation_reason)
    if status == "requires_action":
        return PaymentActionRequired(payment_intent_id=intent, action=command.action)
    return PaymentProcessing(payment_intent_id=intent)


def _refund_facts(snapshot: RefundSnapshot, payment: Payment) -> Iterator[PaymentEvent]:
    refund_id = _refund_id(snapshot, payment)
    known = payment.refunds.get(refund_id)
    if known is None and refund_id == snapshot.refund_id:
        yield _requested(snapshot, payment)
        known = Refund(snapshot.amount_minor)
    elif known is None:
        yield RefundMadeOutside(
            payment_id=payment.payment_id,
            refund_id=refund_id,
            amount_minor=snapshot.amount_minor,
            currency=snapshot.currency,
            reason=snapshot.reason,
        )
        known = Refund(snapshot.amount_minor, "pending", refund_id)
    # The same for a refund that we hold to be refused: until Stripe names it, nothing is certain.
    rank = _REFUND_RANK.get(known.status, 0) if known.stripe_refund_id else 0
    status = "pending" if snapshot.status == "requires_action" else snapshot.status
    newer = _REFUND_RANK[status] > rank
    if newer and status == "pending":
        yield RefundPending(refund_id=refund_id, stripe_refund_id=snapshot.stripe_refund_id)
    entry = snapshot.balance_transaction
    if entry is not None and _is_news(entry, payment):
        yield RefundSettled(
            refund_id=refund_id,
            stripe_refund_id=snapshot.stripe_refund_id,
            balance_transaction=entry,
            purpose=payment.purpose,
        )
    if newer and status != "pending":
        yield _refund_outcome(snapshot, refund_id)
    entry = snapshot.failure_balance_transaction
    if entry is not None and _is_news(entry, payment):
        yield RefundReversed(refund_id=refund_id, balance_transaction=entry, purpose=payment.purpose)


def _is_news(entry: BalanceTransaction, payment: Payment) -> bool:
    """It is to be posted now: of a sale, and in another currency, not before the charge itself, as whose the
    money is and what it was follow from that. Whatever tells of the charge's settlement tells of this one
    again.
    """
    return entry.balance_transaction_id not in payment.posted and _is_known_whose(payment, entry.currency)


def _is_known_whose(payment: Payment, moved_in: str) -> bool:
    if payment.settlement is not None:
        return True
    return payment.sale is None and moved_in in {"", payment.currency}


def _requested(snapshot: RefundSnapshot, payment: Payment) -> RefundRequested:
    """Ours by its metadata, though nobody here asked: the fact is gone, since the database was restored."""
    return RefundRequested(
        payment_id=payment.payment_id,
        refund_id=snapshot.refund_id,
        payment_intent_id=payment.payment_intent_id,
        amount_minor=snapshot.amount_minor,
        currency=snapshot.currency,
        reason=snapshot.reason,
        revoke_access=snapshot.revoke_access,
        is_return=snapshot.is_return,
    )


def _refund_outcome(snapshot: RefundSnapshot, refund_id: str) -> PaymentEvent:
    stripe_refund_id = snapshot.stripe_refund_id
    if snapshot.status == "succeeded":
        return RefundSucceeded(
            refund_id=refund_id,
            stripe_refund_id=stripe_refund_id,
            amount_minor=snapshot.amount_minor,
            currency=snapshot.currency,
        )
    if snapshot.status == "canceled":
        return RefundCanceled(refund_id=refund_id, stripe_refund_id=stripe_refund_id)
    reason = snapshot.failure_reason or "unknown"
    return RefundFailed(refund_id=refund_id, reason=reason, stripe_refund_id=stripe_refund_id)


def _refund_id(snapshot: RefundSnapshot, payment: Payment) -> str:
    """Ours when the refund answers our request; Stripe's own when it was made outside.

    A second Stripe refund that names a request already answered is a fact of its own. So is one that was
    recorded under Stripe's id before: a version that could not take it up did so.
    """
    ours = payment.refunds.get(snapshot.refund_id)
    answered = ours is not None and ours.stripe_refund_id not in ("", snapshot.stripe_refund_id)
    if answered or not snapshot.refund_id or snapshot.stripe_refund_id in payment.refunds:
        return snapshot.stripe_refund_id
    return snapshot.refund_id


def _dispute_facts(snapshot: DisputeSnapshot, payment: Payment) -> Iterator[PaymentEvent]:
    dispute = payment.disputes.get(snapshot.dispute_id)
    events: list[DisputeEvent] = []
    if dispute is None:
        events.append(_opened(snapshot, payment.payment_id))
        dispute = Dispute()
    events += (
        _moved(snapshot.dispute_id, entry, payment.purpose)
        for entry in snapshot.balance_transactions
        if entry.balance_transaction_id not in payment.posted
    )
    dispute = reduce(evolve_dispute, events, dispute)
    yield from events
    yield from _dispute_status_facts(snapshot, dispute, payment)


def _opened(snapshot: DisputeSnapshot, payment_id: str) -> DisputeOpened:
    return DisputeOpened(
        payment_id=payment_id,
        dispute_id=snapshot.dispute_id,
        charge_id=snapshot.charge_id,
        amount_minor=snapshot.amount_minor,
        currency=snapshot.currency,
        reason=snapshot.reason,
        opened_at=snapshot.opened_at,
        evidence_due_at=snapshot.evidence_due_at,
        inquiry=snapshot.status.startswith("warning_"),
    )


def _moved(
    dispute_id: str, entry: BalanceTransaction, purpose: str
) -> DisputeFundsWithdrawn | DisputeFundsReinstated:
    kind = DisputeFundsWithdrawn if entry.net_minor < 0 else DisputeFundsReinstated
    return kind(dispute_id=dispute_id, balance_transaction=entry, purpose=purpose)


def _dispute_status_facts(
    snapshot: DisputeSnapshot, dispute: Dispute, payment: Payment
) -> Iterator[PaymentEvent]:
    status, purpose = snapshot.status, payment.purpose
    if status == "prevented":
        # Settled before it became a chargeback: lost if the network took the money for it.
        status = "lost" if dispute.outstanding_minor > 0 else "won"
    newer = _DISPUTE_RANK.get(status, -1) > _DISPUTE_RANK.get(dispute.status, -1)
    if not newer:
        status = dispute.status
    if newer and status in {"won", "lost"} and dispute.status.startswith("warning_"):
        # The inquiry became a chargeback without our seeing it.
        yield DisputeStatusChanged(dispute_id=snapshot.dispute_id, status="needs_response")
    match status:
        case "lost":
            lost = dispute.outstanding_minor - dispute.written_off_minor
            adds = (
                lost if _is_known_whose(payment, dispute.settlement_currency) else 0
            )  # said again then, as any money after a loss
            if newer or adds:
                yield DisputeLost(
                    dispute_id=snapshot.dispute_id,
                    withdrawn_minor=adds,
                    currency=dispute.settlement_currency or snapshot.currency,
                    purpose=purpose,
                )
        case "won" | "warning_closed":
            differs = dispute.difference_minor
            if newer or dispute.lost_minor or differs:
                yield DisputeWon(
                    dispute_id=snapshot.dispute_id,
                    recovered_minor=dispute.lost_minor,
                    difference_minor=differs,
                    currency=dispute.settlement_currency or snapshot.currency,
                    purpose=purpose,
                )
        case _ if newer:
            yield DisputeStatusChanged(dispute_id=snapshot.dispute_id, status=status)
        case _:
            pass
