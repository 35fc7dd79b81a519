"""Stripe's billing objects as the ledger's commands. Pure; dated as `snapshots.py` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec

from api.stripe.billing.billed import billed_minor, discounts_of
from api.stripe.billing.catalogue import CORRECTS
from api.stripe.billing.items import plan_item, terms_of
from api.stripe.billing.lookup import PresentSubscription
from api.stripe.billing.objects import CreditNote, Invoice, Line, PresentInvoice, Subscription, Tax
from api.stripe.objects import Charge, PaymentIntent, Refund, SetupIntent, UnexpectedAnswer, id_of, instant
from api.stripe.payments.snapshots import (
    created,
    dispute_moment,
    dispute_snapshot,
    expanded,
    refund_moment,
)
from ledger.hosted import forgotten_page
from ledger.ids import new_id
from ledger.invoices.commands import CreditSnapshot, InvoiceAttempt, InvoiceCharge, RecordInvoiceSnapshot
from ledger.invoices.events import InvoiceLine
from ledger.invoices.state import Invoice as KnownInvoice
from ledger.subscriptions.commands import (
    BilledPeriod,
    LostSubscription,
    PendingSetup,
    PendingUpdate,
    RecordSubscriptionSnapshot,
)

NOTE_FOLLOWS: Mapping[str, str] = MappingProxyType({"note": "follows"})
"""What a refund says, at Stripe, that is made for a credit note which names it then."""
SETUP_WAITS = frozenset({"requires_action", "requires_confirmation", "requires_payment_method"})
_NO_CHARGE = "payment_method_missing"
"""Nothing could be charged: the customer has no card."""


def lost_subscription(found: Subscription, ledger_id: str) -> LostSubscription | None:
    """What a subscription of this ledger was requested with; None for one that does not name it."""
    if found.metadata.get("ledger_id") != ledger_id:
        return None
    trial_s = (found.trial_end or 0) - (found.trial_start or found.trial_end or 0)
    return LostSubscription(
        stripe_customer_id=id_of(found.customer),
        catalogue_version=found.metadata.get("catalogue_version", ""),
        trial_days=timedelta(seconds=trial_s).days,
        page=forgotten_page(found.metadata.get("page_until", "")),
    )


def subscription_snapshot(
    present: PresentSubscription, *, occurred_at: datetime | None = None, lost: LostSubscription | None = None
) -> RecordSubscriptionSnapshot:
    """Of a subscription with our metadata; `occurred_at` is when Stripe's event said that something changed.

    Stripe dates few of a subscription's changes, so that the newest of these times stands for all.
    """
    found = present.subscription
    terms, item = terms_of(found), plan_item(found)
    owed = [one.id for one in sorted(present.invoices, key=lambda one: one.created) if one.owed]
    return RecordSubscriptionSnapshot(
        command_id=new_id("cmd"),
        effective_at=max(instant(subscription_moment(found)), occurred_at or present.observed_at),
        user_id=found.metadata["user_id"],
        subscription_id=found.metadata["subscription_id"],
        stripe_subscription_id=found.id,
        observed_at=present.observed_at,
        status=found.status,
        tier=terms.tier,
        interval=terms.interval,
        currency=found.currency,
        price_minor=terms.price_minor,
        quantity=terms.quantity,
        other_items=terms.other_items,
        others_minor=terms.others_minor,
        not_followed=terms.not_followed,
        anchor_at=instant(found.billing_cycle_anchor),
        period_start=instant(item.current_period_start),
        period_end=instant(item.current_period_end),
        trial_end=instant(found.trial_end) if found.trial_end else None,
        past_due_since=_past_due_since(present),
        cancel_at=_cancel_at(found),
        ended_at=instant(found.ended_at) if found.ended_at else None,
        cancellation_reason=(found.cancellation_details and found.cancellation_details.reason) or "",
        collection_paused=found.pause_collection is not None,
        payment_method_id=id_of(found.default_payment_method),
        open_invoice_id=owed[-1] if owed else "",
        pending_update=_pending_update(found),
        discounts=discounts_of(found),
        billed_minor=billed_minor(present),
        pending_setup=_pending_setup(found),
        periods=tuple(_periods(present.invoices)),
        lost=lost,
    )


def subscription_moment(found: Subscription) -> int:
    if found.ended_at is not None:
        return found.ended_at
    return max(found.created, plan_item(found).current_period_start, found.canceled_at or 0)


def _cancel_at(found: Subscription) -> datetime | None:
    if found.cancel_at is not None:
        return instant(found.cancel_at)
    return instant(plan_item(found).current_period_end) if found.cancel_at_period_end else None


def _past_due_since(present: PresentSubscription) -> datetime | None:
    """When the oldest debt that still stands began: a later invoice that fails too is no new beginning."""
    failed = [
        attempt.failed_at
        for detail in present.details
        if detail.invoice.owed
        for attempt in _attempts(detail)
    ]
    waiting = [
        instant(one.status_transitions.finalized_at or one.created) for one in present.invoices if one.owed
    ]
    return min(failed, default=None) or min(waiting, default=None)


def _pending_update(found: Subscription) -> PendingUpdate | None:
    pending = found.pending_update
    if pending is None or not pending.subscription_items:
        return None
    items = msgspec.structs.replace(found.items, data=pending.subscription_items)
    terms = terms_of(msgspec.structs.replace(found, items=items))
    return PendingUpdate(tier=terms.tier, interval=terms.interval, expires_at=instant(pending.expires_at))


def _pending_setup(found: Subscription) -> PendingSetup | None:
    setup = found.pending_setup_intent
    if not isinstance(setup, SetupIntent) or setup.status not in SETUP_WAITS:
        return None
    return PendingSetup(setup_intent_id=setup.id, status=setup.status)


def _periods(invoices: Iterable[Invoice]) -> Iterator[BilledPeriod]:
    for invoice in invoices:
        plain = [line.period for line in invoice.lines.data if not line.proration]
        if plain and invoice.status != "draft":
            period = max(plain, key=lambda one: one.start)
            yield BilledPeriod(
                period_start=instant(period.start),
                period_end=instant(period.end),
                stripe_invoice_id=invoice.id,
            )


def commands_of(present: PresentInvoice, known: KnownInvoice) -> list[RecordInvoiceSnapshot]:
    """The invoice, then each credit and dispute, in the order in which Stripe dates them. Of an invoice with
    our subscription's metadata; `known` is what the ledger knows of it.
    """
    base = invoice_snapshot(present)
    parts = [
        msgspec.structs.replace(
            base,
            command_id=new_id("cmd"),
            effective_at=max(base.effective_at, moment),
            credits=(credit,),
        )
        for credit, moment in _credits(present, known)
    ]
    parts += [
        msgspec.structs.replace(
            base,
            command_id=new_id("cmd"),
            effective_at=max(base.effective_at, instant(dispute_moment(dispute))),
            disputes=(dispute_snapshot(dispute),),
        )
        for dispute in present.disputes
    ]
    return [base, *sorted(parts, key=lambda command: command.effective_at)]


def invoice_snapshot(present: PresentInvoice) -> RecordInvoiceSnapshot:
    invoice = present.invoice
    details = invoice.subscription
    metadata = (details.metadata if details else None) or {}
    paid = _paid(present)
    charge = paid[-1] if paid else None
    charged = sum(one.amount_captured for one in paid)
    intent = _intent(present, charge)
    at = invoice.status_transitions
    attempts = _attempts(present)
    moments = [at.finalized_at, at.paid_at, at.voided_at, at.marked_uncollectible_at]
    moments += [created(one.balance_transaction) for one in paid]
    latest = max(instant(one or invoice.created) for one in moments)
    return RecordInvoiceSnapshot(
        command_id=new_id("cmd"),
        effective_at=max([latest, *(attempt.failed_at for attempt in attempts)]),
        stripe_invoice_id=invoice.id,
        subscription_id=metadata.get("subscription_id", ""),
        user_id=metadata.get("user_id", ""),
        status=invoice.status or "draft",
        number=invoice.number or "",
        billing_reason=invoice.billing_reason or "",
        currency=invoice.currency,
        lines=tuple(_line(line) for line in invoice.lines.data),
        total_minor=invoice.total,
        tax_minor=_sum(invoice.total_taxes),
        finalized_at=instant(at.finalized_at or invoice.created),
        attempts=tuple(attempts),
        action_required=intent is not None and intent.status == "requires_action",
        payment_intent_id=intent.id if intent else "",
        charge_id=charge.id if charge else "",
        charged_minor=charged,
        earlier_charges=tuple(_charge(one) for one in paid[:-1]),
        due_minor=invoice.amount_due,
        off_stripe_minor=_off_stripe(invoice, charged),
        paid_at=instant(at.paid_at) if at.paid_at else None,
        balance_transaction=expanded(charge.balance_transaction) if charge else None,
    )


def _paid(present: PresentInvoice) -> list[Charge]:
    """The charges that brought something, oldest first."""
    paid = [one for one in present.charges if one.status == "succeeded" and one.amount_captured]
    return sorted(paid, key=lambda one: (one.created, one.id))


def _charge(charge: Charge) -> InvoiceCharge:
    return InvoiceCharge(
        charge_id=charge.id,
        amount_minor=charge.amount_captured,
        balance_transaction=expanded(charge.balance_transaction),
    )


def _off_stripe(invoice: Invoice, charged: int) -> int:
    """What was neither charged nor credit is said to be paid elsewhere. `amount_paid_off_stripe` is not
    asked: it leaves out what the dashboard marks as paid.
    """
    return max(0, invoice.total - charged - invoice.from_credit) if invoice.status == "paid" else 0


def _intent(present: PresentInvoice, charge: Charge | None) -> PaymentIntent | None:
    """The one that was paid, or the newest."""
    wanted = id_of(charge.payment_intent) if charge else ""
    newest = max(present.intents, key=lambda one: one.created, default=None)
    return next((one for one in present.intents if one.id == wanted), newest)


def waiting_intent(present: PresentInvoice) -> PaymentIntent | None:
    """The one that the cardholder must confirm."""
    waiting = (one for one in present.intents if one.status == "requires_action")
    return next(waiting, None) if present.invoice.status == "open" else None


def _attempts(present: PresentInvoice) -> list[InvoiceAttempt]:
    """By the failed charges; one that came to no charge is known by its PaymentIntent."""
    failed = [
        InvoiceAttempt(
            attempt_id=charge.id,
            failed_at=instant(charge.created),
            code=charge.failure_code or "card_declined",
            decline_code=(charge.outcome and charge.outcome.reason) or "",
        )
        for charge in present.charges
        if charge.status == "failed"
    ]
    if failed or not present.invoice.owed:
        return failed
    at = instant(present.invoice.status_transitions.finalized_at or present.invoice.created)
    return [
        InvoiceAttempt(attempt_id=intent.id, failed_at=at, code=_code(intent), decline_code="")
        for intent in present.intents
        if intent.status == "requires_payment_method"
    ]


def _code(intent: PaymentIntent) -> str:
    error = intent.last_payment_error
    return (error.code or error.type) if error else _NO_CHARGE


def _line(line: Line) -> InvoiceLine:
    """Stripe's amount is before discounts, and includes such taxes as are part of the price."""
    included = _sum([tax for tax in line.taxes or [] if tax.tax_behavior == "inclusive"])
    discounted = sum(one.amount for one in line.discount_amounts or [])
    return InvoiceLine(
        line_id=line.id,
        amount_minor=line.amount - discounted - included,
        period_start=instant(line.period.start),
        period_end=instant(line.period.end),
        description=_description(line),
        tax_minor=_sum(line.taxes),
        proration=line.proration,
        correction=CORRECTS in (line.metadata or {}),
    )


def _description(line: Line) -> str:
    """What Stripe says, but of what we added to take unused time back: that line is of the plan's product, by
    which it is taxed, and so has its name alone, and none of its own can be given with it.
    """
    said = line.description or ""
    if CORRECTS not in (line.metadata or {}):
        return said
    return f"Unused time{f' of {said}' if said else ''} that was given back before"


def _sum(taxes: Iterable[Tax] | None) -> int:
    return sum(tax.amount for tax in taxes or [])


def _credits(present: PresentInvoice, known: KnownInvoice) -> Iterator[tuple[CreditSnapshot, datetime]]:
    """Each credit note; and each refund made without one, as it gives back all the same."""
    refunds = {refund.id: refund for refund in present.refunds}
    for note in present.credit_notes:
        ids = [id_of(one.refund) for one in note.refunds if one.refund]
        for refund_id in ids:
            if refund_id not in refunds:
                raise UnexpectedAnswer(f"{note.id} names the refund {refund_id}, which is not listed yet")
        given = [refunds.pop(one) for one in ids]
        if len(given) > 1:
            known_by = next((one.id for one in given if one.id in known.credits), note.id)
            yield from (_part_of(note, one, known_by) for one in given)
            continue
        refund = given[0] if given else None
        yield _credit(note, refund, known), _credit_moment(note, refund)
    for refund in refunds.values():
        if refund.status != "canceled" and not _awaits_its_note(refund, known):
            yield _bare_refund(refund), instant(refund_moment(refund))


def _awaits_its_note(refund: Refund, known: KnownInvoice) -> bool:
    """It was made for a credit of ours whose note is still to come. One that is given again has none."""
    metadata = refund.metadata or {}
    credit = known.credits.get(metadata.get("credit_id", ""))
    follows = NOTE_FOLLOWS.items() <= metadata.items()
    return follows and credit is not None and credit.status in {"requested", "unknown"}


def _credit_moment(note: CreditNote, refund: Refund | None) -> datetime:
    moment = max(note.created, note.voided_at or 0)
    return instant(max(moment, refund_moment(refund)) if refund else moment)


def _part_of(note: CreditNote, refund: Refund, known_by: str) -> tuple[CreditSnapshot, datetime]:
    """A note whose money goes back to several charges is told once for each refund."""
    whole = msgspec.structs.replace(_noted(note, refund, known_by), refunded_minor=refund.amount)
    return whole, _credit_moment(note, refund)


def _credit(note: CreditNote, refund: Refund | None, known: KnownInvoice) -> CreditSnapshot:
    # a credit note made afterwards for a refund that is recorded already tells nothing new
    return _noted(note, refund, refund.id if refund and refund.id in known.credits else note.id)


def _noted(note: CreditNote, refund: Refund | None, known_by: str) -> CreditSnapshot:
    return CreditSnapshot(
        stripe_credit_note_id=known_by,
        credit_id=(note.metadata or {}).get("credit_id", ""),
        number=note.number,
        amount_minor=note.amount,
        created_at=instant(note.created),
        tax_minor=_sum(note.total_taxes),
        status=note.status,
        reason=note.reason or "",
        stripe_refund_id=refund.id if refund else "",
        balance_transaction=expanded(refund.balance_transaction) if refund else None,
        failure_balance_transaction=expanded(refund.failure_balance_transaction) if refund else None,
    )


def _bare_refund(refund: Refund) -> CreditSnapshot:
    return CreditSnapshot(
        stripe_credit_note_id=refund.id,
        credit_id=(refund.metadata or {}).get("credit_id", ""),
        without_note=True,
        amount_minor=refund.amount,
        created_at=instant(refund.created),
        reason=refund.reason or "",
        stripe_refund_id=refund.id,
        balance_transaction=expanded(refund.balance_transaction),
        failure_balance_transaction=expanded(refund.failure_balance_transaction),
    )
