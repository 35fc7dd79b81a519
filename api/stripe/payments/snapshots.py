"""Stripe's objects as the ledger's commands. Pure: no call, no clock.

A snapshot is dated by the newest of Stripe's own times in it, so that facts learnt late (a lost webhook,
an outage) still fall on the day when they happened. Refunds and disputes each go in a command of their
own for the same reason: a refund of today must not date the charge of last month.

Command ids are fresh: the decider records only what is new in a snapshot. An id made of the content would
take a state that comes back (a second try with the same card) for a repeat.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from api.stripe.objects import (
    BalanceTransaction,
    Charge,
    Dispute,
    PaymentIntent,
    Payout,
    Refund,
    UnexpectedAnswer,
    id_of,
    instant,
)
from api.stripe.payments import terms
from ledger.balance import BalanceTransaction as BookedTransaction
from ledger.hosted import forgotten_page
from ledger.ids import new_id
from ledger.payments.commands import DisputeSnapshot, LostPayment, RecordPaymentSnapshot, RefundSnapshot
from ledger.payouts.commands import RecordPayoutSnapshot


class PresentState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at Stripe that hangs on one PaymentIntent, as last fetched."""

    payment_intent: PaymentIntent
    refunds: Sequence[Refund] = ()
    disputes: Sequence[Dispute] = ()


def commands_of(
    payment_id: str, present: PresentState, lost: LostPayment | None = None
) -> list[RecordPaymentSnapshot]:
    """The payment, then each refund and dispute, in the order in which Stripe dates them. With `lost` one
    whose beginning is gone here is taken up.
    """
    payment = payment_snapshot(payment_id, present.payment_intent, lost)
    parts = [
        msgspec.structs.replace(
            payment,
            command_id=new_id("cmd"),
            effective_at=max(payment.effective_at, instant(refund_moment(refund))),
            refunds=(refund_snapshot(refund),),
        )
        for refund in present.refunds
    ]
    parts += [
        msgspec.structs.replace(
            payment,
            command_id=new_id("cmd"),
            effective_at=max(payment.effective_at, instant(dispute_moment(dispute))),
            disputes=(dispute_snapshot(dispute),),
        )
        for dispute in present.disputes
    ]
    return [payment, *sorted(parts, key=lambda command: command.effective_at)]


def lost_payment(intent: PaymentIntent, ledger_id: str) -> LostPayment | None:
    """What a payment of this ledger began with; None for one that does not name it."""
    metadata = intent.metadata or {}
    if metadata.get("ledger_id") != ledger_id or not metadata.get("user_id"):
        return None
    return LostPayment(
        user_id=metadata["user_id"],
        payment_method_id=id_of(intent.payment_method),
        purpose=metadata.get("purpose", "plain"),
        purpose_ref=metadata.get("purpose_ref", ""),
        description=intent.description or "",
        stripe_customer_id=id_of(intent.customer),
        save_payment_method=bool(intent.setup_future_usage),
        sale=terms.read(metadata),
        org_id=metadata.get("org_id", ""),
        page=forgotten_page(metadata.get("page_until", "")),
    )


def payment_snapshot(
    payment_id: str, intent: PaymentIntent, lost: LostPayment | None = None
) -> RecordPaymentSnapshot:
    charge = intent.latest_charge if isinstance(intent.latest_charge, Charge) else None
    error = intent.last_payment_error
    return RecordPaymentSnapshot(
        command_id=new_id("cmd"),
        effective_at=instant(payment_moment(intent)),
        payment_id=payment_id,
        payment_intent_id=intent.id,
        status=intent.status,
        amount_minor=intent.amount,
        amount_received_minor=intent.amount_received,
        currency=intent.currency,
        action=intent.next_action.type if intent.next_action else "",
        charge_id=id_of(intent.latest_charge),
        captured_at=instant(charge.created) if charge else None,
        balance_transaction=expanded(charge.balance_transaction) if charge else None,
        failure_code=(error.code or error.type) if error else "",
        decline_code=(error.decline_code or "") if error else "",
        cancellation_reason=intent.cancellation_reason or "",
        lost=lost,
    )


def refund_snapshot(refund: Refund) -> RefundSnapshot:
    metadata = refund.metadata or {}
    return RefundSnapshot(
        stripe_refund_id=refund.id,
        refund_id=metadata.get("refund_id", ""),
        revoke_access=metadata.get("revoke_access") == "true",
        is_return=metadata.get("is_return") == "true",
        amount_minor=refund.amount,
        currency=refund.currency,
        # null for a moment on some payment methods, which says that nothing has come of it yet
        status=refund.status or "pending",
        reason=refund.reason or "",
        failure_reason=refund.failure_reason or "",
        balance_transaction=expanded(refund.balance_transaction),
        failure_balance_transaction=expanded(refund.failure_balance_transaction),
    )


def dispute_snapshot(dispute: Dispute) -> DisputeSnapshot:
    due_by = dispute.evidence_details.due_by if dispute.evidence_details else None
    return DisputeSnapshot(
        dispute_id=dispute.id,
        charge_id=id_of(dispute.charge),
        amount_minor=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        status=dispute.status,
        opened_at=instant(dispute.created),
        evidence_due_at=instant(due_by) if due_by else None,
        balance_transactions=tuple(booked(entry) for entry in dispute.balance_transactions),
    )


def payout_snapshot(payout: Payout) -> RecordPayoutSnapshot:
    """Raises UnexpectedAnswer while Stripe has not booked the payout yet."""
    entry = expanded(payout.balance_transaction)
    if entry is None:
        raise UnexpectedAnswer(f"payout {payout.id} has no balance transaction yet")
    back = expanded(payout.failure_balance_transaction)
    return RecordPayoutSnapshot(
        command_id=new_id("cmd"),
        effective_at=back.created_at if back else entry.created_at,
        payout_id=payout.id,
        amount_minor=payout.amount,
        currency=payout.currency,
        automatic=payout.automatic,
        status=payout.status,
        arrival_at=instant(payout.arrival_date),
        balance_transaction=entry,
        failure_balance_transaction=back,
        failure_code=payout.failure_code or "",
    )


def expanded(reference: str | BalanceTransaction | None) -> BookedTransaction | None:
    """None also for a mere id, as in the body of a declined card: what it says is not known here."""
    return booked(reference) if isinstance(reference, BalanceTransaction) else None


def booked(entry: BalanceTransaction) -> BookedTransaction:
    return BookedTransaction(
        balance_transaction_id=entry.id,
        amount_minor=entry.amount,
        fee_minor=entry.fee,
        net_minor=entry.net,
        currency=entry.currency,
        available_at=instant(entry.available_on),
        created_at=instant(entry.created),
    )


def payment_moment(intent: PaymentIntent) -> int:
    """When Stripe last did something with the payment itself, as far as its objects tell."""
    if intent.canceled_at is not None:
        return intent.canceled_at
    charge = intent.latest_charge
    if not isinstance(charge, Charge):
        return intent.created
    return max(charge.created, created(charge.balance_transaction))


def refund_moment(refund: Refund) -> int:
    return max(
        refund.created,
        created(refund.balance_transaction),
        created(refund.failure_balance_transaction),
    )


def dispute_moment(dispute: Dispute) -> int:
    return max([dispute.created, *(entry.created for entry in dispute.balance_transactions)])


def created(reference: str | BalanceTransaction | None) -> int:
    return reference.created if isinstance(reference, BalanceTransaction) else 0
