"""The rules of one invoice: no second attempt while one is unknown, no more given back than was paid, and all
that was sold is earned in the end, once.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from functools import reduce
from typing import get_args

from ledger import money
from ledger.errors import NotFound
from ledger.invoices.commands import (
    CloseDay,
    EndCollection,
    EndService,
    InvoiceCommand,
    RecordCreditFailure,
    RecordCreditUnknown,
    RecordInvoiceFundsAvailable,
    RecordInvoiceRetryFailure,
    RecordInvoiceRetryUnknown,
    RecordInvoiceSnapshot,
    RecordOffStripePayment,
    RecordOvergiven,
    RequestCredit,
    RequestInvoiceRetry,
    TakeUnusedTime,
)
from ledger.invoices.dunning import RETRIES, Step, dunning
from ledger.invoices.dunning import Retry as RetryAt
from ledger.invoices.events import (
    CollectionEnded,
    CreditFailed,
    CreditRequested,
    CreditUnknown,
    InvoiceEvent,
    InvoiceFundsAvailable,
    InvoiceRecognised,
    InvoiceRetryFailed,
    InvoiceRetryRequested,
    InvoiceRetryUnknown,
    LineAmount,
    OffStripePaymentRecorded,
    ServiceEnded,
    UnusedTimeOvergiven,
    UnusedTimeTaken,
)
from ledger.invoices.recognition import earned, end_of
from ledger.invoices.refusals import (
    AlreadyCredited,
    CreditExceedsRemainder,
    CreditExists,
    DayNotOver,
    InvalidCredit,
    InvalidOffStripePayment,
    InvoiceDisputed,
    InvoiceFundsNotAvailable,
    InvoiceNotOpen,
    InvoiceNotSettled,
    NewCardRequired,
    NothingReceivable,
    OffStripePaymentExceedsOpen,
    RetryInProgress,
    RetryNotDue,
    UnusedTimeGone,
)
from ledger.invoices.snapshot import give_back, new_facts
from ledger.invoices.state import OWED, CreditStatus, Invoice, evolve
from ledger.invoices.stream import stream_of
from ledger.message import Decider, Instant
from ledger.visible import is_visible

TEXT_MAX = 255
NOTE_MAX = 500
"""Stripe's limit for a value of metadata."""

_LAST_INSTANT = timedelta(microseconds=1)
"""A day's revenue is dated within the day, so that it falls into its month."""

_Events = tuple[InvoiceEvent, ...]


def decide(  # noqa: C901, PLR0911, PLR0912 - one answer for each command of a closed union
    command: InvoiceCommand, invoice: Invoice
) -> _Events:
    if not invoice.status and not isinstance(command, RecordInvoiceSnapshot):
        raise NotFound(f"There is no invoice {command.stripe_invoice_id}.")
    match command:
        case RecordInvoiceSnapshot():
            return new_facts(command, invoice)
        case RecordInvoiceFundsAvailable():
            return _funds_available(command, invoice)
        case RecordOffStripePayment():
            return _off_stripe_payment(command, invoice)
        case RequestInvoiceRetry():
            return _request_retry(command, invoice)
        case RecordInvoiceRetryFailure():
            if invoice.retry is None or invoice.retry.attempt != command.attempt:
                return ()
            step = _next(invoice, command.effective_at, attempted_at=command.effective_at)
            retry_at = step.at if isinstance(step, RetryAt) else None
            return (InvoiceRetryFailed(attempt=command.attempt, code=command.code, retry_at=retry_at),)
        case RecordInvoiceRetryUnknown():
            retry = invoice.retry
            if retry is None or retry.unknown or retry.attempt != command.attempt:
                return ()
            return (InvoiceRetryUnknown(attempt=command.attempt, cause=command.cause),)
        case RequestCredit():
            return _request_credit(command, invoice)
        case RecordCreditFailure():
            if _credit_status(command, invoice) not in {"requested", "unknown"}:
                return ()
            return (CreditFailed(credit_id=command.credit_id, code=command.code),)
        case RecordCreditUnknown():
            if _credit_status(command, invoice) != "requested":
                return ()
            return (CreditUnknown(credit_id=command.credit_id, cause=command.cause),)
        case TakeUnusedTime():
            return _take_unused_time(command, invoice)
        case RecordOvergiven():
            return _record_overgiven(command, invoice)
        case EndCollection():
            return _end_collection(command, invoice)
        case CloseDay():
            return _close_day(command, invoice)
        case EndService():
            return _end_service(command, invoice)


def _funds_available(command: RecordInvoiceFundsAvailable, invoice: Invoice) -> _Events:
    part = invoice.parts.get(command.charge_id)
    entry = part.entry if part else invoice.settlement
    if part.funds_available if part else invoice.funds_available:
        return ()
    if entry is None:
        raise InvoiceNotSettled(
            "Stripe has not settled a charge of this invoice; record a snapshot with its balance "
            "transaction first."
        )
    if command.effective_at < entry.available_at:
        raise InvoiceFundsNotAvailable(
            f"The funds become available at {entry.available_at.isoformat()}; record them then."
        )
    available = InvoiceFundsAvailable(
        balance_transaction_id=entry.balance_transaction_id,
        net_minor=entry.net_minor,
        currency=entry.currency,
        charge_id=command.charge_id if part else "",
    )
    return (available,)


def _off_stripe_payment(command: RecordOffStripePayment, invoice: Invoice) -> _Events:
    if command.payment_id in invoice.off_stripe_payments:
        return ()
    if (
        not command.reference.strip()
        or not is_visible(command.reference)
        or len(command.reference) > TEXT_MAX
    ):
        raise InvalidOffStripePayment(
            f"Say in `reference`, with at most {TEXT_MAX} characters, where the money is to be found."
        )
    _check_received(command, invoice)
    currency = invoice.settlement_currency
    if command.amount_minor <= 0 or (
        fault := money.step_fault(command.amount_minor, currency or invoice.currency)
    ):
        raise InvalidOffStripePayment(
            f"The amount {fault if command.amount_minor > 0 else 'must be above zero'}."
        )
    if invoice.receivable_minor <= 0:
        raise NothingReceivable(_why_nothing(invoice))
    if command.amount_minor > invoice.receivable_minor:
        raise OffStripePaymentExceedsOpen(
            f"{money.format_minor(invoice.receivable_minor, currency)} is open of this invoice; "
            f"{money.format_minor(command.amount_minor, currency)} is more."
        )
    paid = OffStripePaymentRecorded(
        payment_id=command.payment_id,
        user_id=invoice.user_id,
        amount_minor=command.amount_minor,
        currency=currency,
        received_on=command.received_on,
        reference=command.reference,
    )
    return (paid,)


def _check_received(command: RecordOffStripePayment, invoice: Invoice) -> None:
    """What came in is of a day on which the invoice was there, and that has begun."""
    if command.received_on > command.effective_at.astimezone(UTC).date():
        raise InvalidOffStripePayment("`received_on` is in the future; record what came in.")
    first = invoice.finalized_at.astimezone(UTC).date() if invoice.finalized_at else command.received_on
    if command.received_on < first:
        raise InvalidOffStripePayment(
            f"`received_on` is before {first.isoformat()}, when this invoice was finalized: record what was "
            "paid earlier on that day."
        )


def _why_nothing(invoice: Invoice) -> str:
    if invoice.status in OWED:
        return (
            f"This invoice is {invoice.status}. First mark it as paid outside Stripe, in Stripe's dashboard; "
            "what came in is recorded when its `revenue.receivable_minor` shows it."
        )
    return (
        "Nothing is open of this invoice that was paid outside Stripe: its `revenue.receivable_minor` is 0, "
        "and there is nothing to record."
    )


def _next(invoice: Invoice, now: Instant, attempted_at: Instant | None = None) -> Step | None:
    if invoice.failed_at is None:
        return None
    return dunning(
        RETRIES,
        failed_at=invoice.failed_at,
        attempted_at=attempted_at or invoice.attempted_at or invoice.failed_at,
        hard_decline=invoice.hard_decline,
        card_changed_at=None,
        now=now,
    )


def _request_retry(command: RequestInvoiceRetry, invoice: Invoice) -> _Events:
    if command.cause == "customer" and command.user_id != invoice.user_id:
        raise NotFound(f"There is no invoice {command.stripe_invoice_id}.")
    if invoice.collection_ended:
        raise InvoiceNotOpen(
            "The subscription ended before this invoice was paid: nothing is owed on it any more."
        )
    if invoice.status not in OWED:
        raise InvoiceNotOpen(f"This invoice is {invoice.status}; nothing is owed on it.")
    if invoice.retry is not None:
        raise RetryInProgress(
            "An attempt to charge is on its way; try again when it is known what became of it."
        )
    if command.cause == "customer" and invoice.hard_decline and not invoice.wants_cardholder:
        raise NewCardRequired("The bank will decline this card again; change the payment method first.")
    if command.cause == "schedule":
        step = _next(invoice, command.effective_at)
        if not isinstance(step, RetryAt) or step.at > command.effective_at:
            when = (
                f"at {step.at.isoformat()}" if isinstance(step, RetryAt) else "not by the schedule any more"
            )
            raise RetryNotDue(f"The next attempt is due {when}; wait for that, or for a new card.")
    requested = InvoiceRetryRequested(
        stripe_invoice_id=invoice.stripe_invoice_id,
        attempt=max(invoice.last_attempt, len(invoice.attempts)) + 1,
        cause=command.cause,
        at=command.effective_at,
    )
    return (requested,)


def _request_credit(command: RequestCredit, invoice: Invoice) -> _Events:
    if not command.credit_id or len(command.credit_id) > TEXT_MAX or "\0" in command.credit_id + command.note:
        raise InvalidCredit(f"`credit_id` must have from 1 to {TEXT_MAX} characters without NUL.")
    if not is_visible(command.note) or len(command.note) > NOTE_MAX:
        raise InvalidCredit(f"Say in `note`, with at most {NOTE_MAX} characters, why this is given back.")
    known = invoice.credits.get(command.credit_id)
    if known is not None:
        # its id derives from the intent: this very request made it, and was lost here when Stripe's was not
        if command.amount_minor in {None, known.amount_minor}:
            return ()
        raise CreditExists(
            f"Credit {command.credit_id} exists already, of another amount; ask for another under a new id."
        )
    if not invoice.settled:
        raise InvoiceNotSettled(
            f"This invoice is {invoice.status} and not settled; only what was paid can be given back."
        )
    if invoice.dispute_open:
        raise InvoiceDisputed(
            "The cardholder's bank disputes the charge; answer the dispute, a credit now would pay twice."
        )
    requested = CreditRequested(
        stripe_invoice_id=invoice.stripe_invoice_id,
        credit_id=command.credit_id,
        amount_minor=_amount_to_credit(command, invoice),
        currency=invoice.currency,
        reason=command.reason,
        note=command.note,
    )
    return (requested,)


def _amount_to_credit(command: RequestCredit, invoice: Invoice) -> int:
    left, wanted = invoice.creditable_minor, command.amount_minor
    if left == 0:
        raise AlreadyCredited(
            f"Nothing is left of this invoice: all of it is given back or on its way{_taken_off(invoice)}."
        )
    if wanted is None:
        return left
    if fault := money.step_fault(wanted, invoice.currency):
        raise InvalidCredit(f"The amount {fault}; it was {money.format_minor(wanted, invoice.currency)}.")
    if wanted > left:
        raise CreditExceedsRemainder(
            f"At most {money.format_minor(left, invoice.currency)} of this invoice can still be given back"
            f"{_taken_off(invoice)}; {money.format_minor(wanted, invoice.currency)} was asked for."
        )
    return wanted


def _taken_off(invoice: Invoice) -> str:
    if not invoice.taken_minor:
        return ""
    taken = money.format_minor(invoice.taken_minor, invoice.currency)
    return f", as {taken} of it was taken off a change of plan for unused time"


def _take_unused_time(command: TakeUnusedTime, invoice: Invoice) -> _Events:
    freed: tuple[UnusedTimeTaken, ...] = (UnusedTimeTaken(taker=command.instead_of, amount_minor=0),)
    if command.instead_of == command.taker or not invoice.taken.get(command.instead_of):
        freed = ()
    invoice = reduce(evolve, freed, invoice)
    left = invoice.takeable_minor(command.taker)
    if command.strictly and command.amount_minor > left:
        raise UnusedTimeGone(
            f"At most {money.format_minor(left, invoice.currency)} of this invoice is still paid; "
            "the rest was given back meanwhile."
        )
    amount = min(command.amount_minor, left)
    if amount == invoice.taken.get(command.taker, 0):
        return freed
    return *freed, UnusedTimeTaken(taker=command.taker, amount_minor=amount)


def _record_overgiven(command: RecordOvergiven, invoice: Invoice) -> _Events:
    takes = {line_id: line for line_id, line in invoice.lines.items() if line.amount_minor < 0}
    whole = -sum(line.amount_minor for line in takes.values())
    over = min(command.amount_minor, whole)
    if invoice.overgiven or not invoice.settled or over <= 0:
        return ()
    lines = tuple(
        LineAmount(line_id=line_id, amount_minor=money.round_half_up(-line.booked_minor * over, whole))
        for line_id, line in takes.items()
    )
    overgiven = UnusedTimeOvergiven(
        subscription_id=invoice.subscription_id,
        amount_minor=over,
        currency=invoice.settlement_currency,
        given_back_minor=sum(one.amount_minor for one in lines),
        lines=lines,
    )
    return (overgiven,)


def _end_collection(command: EndCollection, invoice: Invoice) -> _Events:
    """An invoice that was drawn up at the end, or after it, is what somebody wanted billed then."""
    drawn_up, paid = invoice.finalized_at, invoice.paid_at
    if invoice.collection_ended or (drawn_up is not None and drawn_up >= command.at):
        return ()
    late = invoice.status == "paid" and paid is not None and paid > command.at
    if invoice.status not in OWED and not late:
        return ()
    ended = CollectionEnded(stripe_invoice_id=invoice.stripe_invoice_id, at=command.at)
    return ended, *give_back(evolve(invoice, ended))


def _credit_status(command: RecordCreditFailure | RecordCreditUnknown, invoice: Invoice) -> CreditStatus:
    credit = invoice.credits.get(command.credit_id)
    if credit is None:
        raise NotFound(f"There is no credit {command.credit_id} of invoice {command.stripe_invoice_id}.")
    return credit.status


def _close_day(command: CloseDay, invoice: Invoice) -> _Events:
    until = end_of(command.day)
    if command.effective_at < until - _LAST_INSTANT:
        raise DayNotOver(f"{command.day.isoformat()} is over at {until.isoformat()}; close it then.")
    closed = invoice.recognised_until
    if not invoice.settled or invoice.service_ended or (closed is not None and until <= closed):
        return ()
    amounts = tuple(
        LineAmount(line_id=line_id, amount_minor=due)
        for line_id, line in invoice.lines.items()
        if (
            due := earned(line.booked_minor, line.period_start, line.period_end, until)
            - line.recognised_minor
        )
    )
    if not amounts:
        return ()
    recognised = InvoiceRecognised(
        subscription_id=invoice.subscription_id,
        day=command.day,
        currency=invoice.settlement_currency,
        amounts=amounts,
        total_minor=sum(one.amount_minor for one in amounts),
    )
    return (recognised,)


def _end_service(command: EndService, invoice: Invoice) -> _Events:
    if invoice.service_ended or invoice.status != "paid":
        return ()
    if not invoice.settled:
        raise InvoiceNotSettled("This invoice is paid and not settled yet; end its service when it is.")
    amounts = tuple(
        LineAmount(line_id=line_id, amount_minor=left)
        for line_id, line in invoice.lines.items()
        if (left := line.booked_minor - line.recognised_minor)
    )
    if not amounts:
        return ()
    ended = ServiceEnded(
        subscription_id=invoice.subscription_id,
        at=command.at,
        currency=invoice.settlement_currency,
        amounts=amounts,
        remaining_minor=sum(one.amount_minor for one in amounts),
    )
    return (ended,)


def stream(command: InvoiceCommand) -> str:
    return stream_of(command.stripe_invoice_id)


INVOICE: Decider[InvoiceCommand, Invoice, InvoiceEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Invoice(),
    commands=get_args(InvoiceCommand),
    events=get_args(InvoiceEvent),
)
