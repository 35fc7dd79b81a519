"""What is new in a snapshot of an invoice at Stripe.

An invoice only ever goes one way (open, perhaps uncollectible, then void or paid), so its status has a rank;
attempts, credit notes and balance transactions are known by their ids. Any order of the same snapshots ends
in the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, reduce
from typing import Any

from msgspec.structs import asdict

from ledger.invoices.commands import CreditSnapshot, InvoiceAttempt, InvoiceCharge, RecordInvoiceSnapshot
from ledger.invoices.credits import credited, undone
from ledger.invoices.dunning import HARD_DECLINES, RETRIES, Retry, dunning
from ledger.invoices.events import (
    CreditFailed,
    CreditRequested,
    CreditReversed,
    CreditSettled,
    InvoiceActionRequired,
    InvoiceDisputeFundsReinstated,
    InvoiceDisputeFundsWithdrawn,
    InvoiceDisputeLost,
    InvoiceDisputeOpened,
    InvoiceDisputeStatusChanged,
    InvoiceDisputeWon,
    InvoiceEvent,
    InvoiceFinalized,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceUncollectible,
    InvoiceVoided,
)
from ledger.invoices.settling import charges_of, refund_of_a_part, settlement
from ledger.invoices.state import OWED, Credit, Invoice, evolve
from ledger.money import round_half_up
from ledger.payments import events as payments
from ledger.payments import snapshot as payment_snapshot
from ledger.payments.commands import RecordPaymentSnapshot
from ledger.payments.sale import tell
from ledger.payments.state import Payment

_RANK = {"": 0, "open": 1, "uncollectible": 2, "void": 3, "paid": 4}
"""https://docs.stripe.com/invoicing/overview#workflow-overview"""

_OURS: dict[type[payments.PaymentEvent], Callable[..., InvoiceEvent]] = {
    payments.DisputeOpened: InvoiceDisputeOpened,
    payments.DisputeFundsWithdrawn: InvoiceDisputeFundsWithdrawn,
    payments.DisputeFundsReinstated: InvoiceDisputeFundsReinstated,
    payments.DisputeStatusChanged: InvoiceDisputeStatusChanged,
    payments.DisputeWon: InvoiceDisputeWon,
    payments.DisputeLost: InvoiceDisputeLost,
}


def new_facts(command: RecordInvoiceSnapshot, invoice: Invoice) -> tuple[InvoiceEvent, ...]:
    """The facts of `command` that `invoice` does not know, in one canonical order."""
    if command.status == "draft":
        return ()
    events: list[InvoiceEvent] = [] if invoice.status else [_finalized(command)]
    steps: tuple[Callable[[RecordInvoiceSnapshot, Invoice], Iterator[InvoiceEvent]], ...] = (
        _attempts,
        _status,
        settlement,
        _disputes,
    )
    notes = sorted(command.credits, key=lambda one: (one.created_at, one.stripe_credit_note_id))
    now = reduce(evolve, events, invoice)
    for step in (*(partial(one, command) for one in steps), *(partial(_credit, note) for note in notes)):
        found = tuple(step(now))
        now = reduce(evolve, found, now)
        events += found
    return (*events, *give_back(now))


def give_back(invoice: Invoice) -> tuple[InvoiceEvent, ...]:
    """All that came in although the subscription had ended: once it is settled, and by itself once."""
    credit_id = f"crn_ended_{invoice.stripe_invoice_id}"
    if not (invoice.collection_ended and invoice.settled) or credit_id in invoice.credits:
        return ()
    if invoice.dispute_open or not invoice.creditable_minor:
        return ()
    requested = CreditRequested(
        stripe_invoice_id=invoice.stripe_invoice_id,
        credit_id=credit_id,
        amount_minor=invoice.creditable_minor,
        currency=invoice.currency,
        reason="order_change",
        note="Paid after the subscription had ended.",
    )
    return (requested,)


def _finalized(command: RecordInvoiceSnapshot) -> InvoiceFinalized:
    starts = [line.period_start for line in command.lines]
    ends = [line.period_end for line in command.lines]
    return InvoiceFinalized(
        stripe_invoice_id=command.stripe_invoice_id,
        subscription_id=command.subscription_id,
        user_id=command.user_id,
        number=command.number,
        billing_reason=command.billing_reason,
        currency=command.currency,
        lines=command.lines,
        total_minor=command.total_minor,
        tax_minor=command.tax_minor,
        period_start=min(starts, default=command.finalized_at),
        period_end=max(ends, default=command.finalized_at),
        finalized_at=command.finalized_at,
    )


def _attempts(command: RecordInvoiceSnapshot, invoice: Invoice) -> Iterator[InvoiceEvent]:
    known = len(invoice.attempts)
    attempts = sorted(command.attempts, key=lambda one: (one.failed_at, one.attempt_id))
    for attempt in attempts:
        if attempt.attempt_id not in invoice.attempts:
            failed = _failed(attempt, invoice)
            yield failed
            invoice = evolve(invoice, failed)
    asks = command.action_required and command.status in OWED and not invoice.action_required
    if asks and invoice.status in OWED and len(attempts) >= known:
        yield InvoiceActionRequired(payment_intent_id=command.payment_intent_id)


def _failed(attempt: InvoiceAttempt, invoice: Invoice) -> InvoicePaymentFailed:
    hard = not HARD_DECLINES.isdisjoint({attempt.decline_code, attempt.code})
    step = dunning(
        RETRIES,
        failed_at=invoice.failed_at or attempt.failed_at,
        attempted_at=attempt.failed_at,
        hard_decline=hard,
        card_changed_at=None,
        now=attempt.failed_at,
    )
    return InvoicePaymentFailed(
        attempt_id=attempt.attempt_id,
        attempt=len(invoice.attempts) + 1,
        failed_at=attempt.failed_at,
        code=attempt.code,
        decline_code=attempt.decline_code,
        hard=hard,
        retry_at=step.at if isinstance(step, Retry) else None,
    )


def _status(command: RecordInvoiceSnapshot, invoice: Invoice) -> Iterator[InvoiceEvent]:
    if _RANK[command.status] <= _RANK.get(invoice.status, 0):
        return
    match command.status:
        case "paid":
            yield InvoicePaid(
                paid_at=command.paid_at or command.effective_at,
                charged_minor=command.charged_minor,
                currency=command.currency,
                payment_intent_id=command.payment_intent_id,
                charge_id=command.charge_id,
                off_stripe_minor=command.off_stripe_minor,
            )
        case "void":
            yield InvoiceVoided(stripe_invoice_id=command.stripe_invoice_id)
        case "uncollectible":
            yield InvoiceUncollectible(stripe_invoice_id=command.stripe_invoice_id)
        case _:
            pass


def _disputes(command: RecordInvoiceSnapshot, invoice: Invoice) -> Iterator[InvoiceEvent]:
    """Decided by the rules of a payment's disputes, each of its charge: that is the same kind of thing."""
    charges = {one.charge_id: one for one in charges_of(command)}
    for dispute in sorted(command.disputes, key=lambda one: (one.opened_at, one.dispute_id)):
        charge = charges.get(dispute.charge_id)
        paid = _as_payment(command, invoice, charge)
        of_payment = RecordPaymentSnapshot(
            command_id=command.command_id,
            effective_at=command.effective_at,
            payment_id=invoice.stripe_invoice_id,
            payment_intent_id=command.payment_intent_id,
            status="succeeded",
            amount_minor=command.total_minor,
            amount_received_minor=paid.captured_minor,
            currency=command.currency,
            disputes=(dispute,),
        )
        for event in tell(paid, payment_snapshot.new_facts(of_payment, paid)):
            fields: dict[str, Any] = asdict(event)
            ours = _OURS[type(event)](**fields)
            yield ours
            invoice = evolve(invoice, ours)


def _as_payment(command: RecordInvoiceSnapshot, invoice: Invoice, charge: InvoiceCharge | None) -> Payment:
    part = invoice.parts.get(charge.charge_id) if charge else None
    return Payment(
        payment_id=invoice.stripe_invoice_id,
        currency=invoice.currency,
        status="succeeded",
        payment_intent_id=command.payment_intent_id,
        captured_minor=charge.amount_minor if charge else 0,
        settlement=part.entry if part else invoice.settlement,
        disputes=invoice.disputes,
        disputed=invoice.disputed,
        posted=invoice.posted,
    )


def _credit(snapshot: CreditSnapshot, invoice: Invoice) -> Iterator[InvoiceEvent]:
    """Nothing before the invoice is in the books: a later snapshot tells of its credit notes again."""
    credit_id = _credit_id(snapshot, invoice)
    known = invoice.credits.get(credit_id)
    if snapshot.status == "void":
        if known is not None and known.status in {"requested", "unknown"}:
            yield CreditFailed(credit_id=credit_id, code="voided")
        return
    if not invoice.settled:
        yield from refund_of_a_part(snapshot, invoice)
        return
    if known is None or known.status not in {"credited", "reversed"}:
        event = credited(snapshot, credit_id, invoice)
        yield event
        invoice = evolve(invoice, event)
    yield from _refund(snapshot, credit_id, invoice)


def _refund(snapshot: CreditSnapshot, credit_id: str, invoice: Invoice) -> Iterator[InvoiceEvent]:
    credit = invoice.credits[credit_id]
    entry = snapshot.balance_transaction
    if entry is not None and entry.balance_transaction_id not in invoice.posted:
        yield CreditSettled(
            user_id=invoice.user_id,
            credit_id=credit_id,
            stripe_refund_id=snapshot.stripe_refund_id,
            balance_transaction=entry,
            booked_minor=_owed(-entry.amount_minor, credit, snapshot, invoice),
        )
    back = snapshot.failure_balance_transaction
    if back is not None and back.balance_transaction_id not in invoice.posted:
        reversal = CreditReversed(
            user_id=invoice.user_id,
            credit_id=credit_id,
            stripe_refund_id=snapshot.stripe_refund_id,
            balance_transaction=back,
            booked_minor=_owed(back.amount_minor, credit, snapshot, invoice),
        )
        yield reversal
        invoice = evolve(invoice, reversal)
    if invoice.credits[credit_id].bounced_minor > 0:
        yield undone(credit_id, invoice)


def _owed(moved_minor: int, credit: Credit, snapshot: CreditSnapshot, invoice: Invoice) -> int:
    """In one currency what moved is what was owed; across two the rate differs, and the rest is exchange."""
    if invoice.currency == invoice.settlement_currency:
        return moved_minor
    refunded = snapshot.refunded_minor
    if refunded is None or credit.amount_minor <= 0:
        return credit.booked_minor
    return round_half_up(credit.booked_minor * refunded, credit.amount_minor)


def _credit_id(snapshot: CreditSnapshot, invoice: Invoice) -> str:
    """Ours when the credit note names one of ours and no other did before; else Stripe's. Ours also when the
    fact that asked for it is gone, since the database was restored, so that its repeat finds it here.
    """
    ours = invoice.credits.get(snapshot.credit_id)
    answered = ours is not None and ours.stripe_credit_note_id not in ("", snapshot.stripe_credit_note_id)
    if answered or not snapshot.credit_id or snapshot.stripe_credit_note_id in invoice.credits:
        return snapshot.stripe_credit_note_id
    return snapshot.credit_id
