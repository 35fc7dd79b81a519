"""What is remembered of one invoice to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.invoices.chains import given_back_at_once
from ledger.invoices.dunning import AUTHENTICATION_REQUIRED
from ledger.invoices.events import (
    CollectionEnded,
    CreditFailed,
    CreditRequested,
    CreditReversed,
    CreditSettled,
    CreditUndone,
    CreditUnknown,
    InvoiceActionRequired,
    InvoiceCredited,
    InvoiceDisputeEvent,
    InvoiceDisputeFundsReinstated,
    InvoiceDisputeFundsWithdrawn,
    InvoiceDisputeLost,
    InvoiceDisputeOpened,
    InvoiceDisputeStatusChanged,
    InvoiceDisputeWon,
    InvoiceEvent,
    InvoiceFinalized,
    InvoiceFundsAvailable,
    InvoicePaid,
    InvoicePartSettled,
    InvoicePaymentFailed,
    InvoiceRecognised,
    InvoiceRetryFailed,
    InvoiceRetryRequested,
    InvoiceRetryUnknown,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    InvoiceUncollectible,
    InvoiceVoided,
    LineAmount,
    LineCredit,
    OffStripePaymentRecorded,
    PartRefunded,
    ServiceEnded,
    UnusedTimeOvergiven,
    UnusedTimeTaken,
)
from ledger.invoices.recognition import end_of
from ledger.invoices.remainder import creditable, takeable
from ledger.payments.disputes import Dispute, DisputeTally, evolve_dispute
from ledger.persistent import PersistentMap, PersistentSet

InvoiceStatus = Literal["open", "paid", "void", "uncollectible"]
CreditStatus = Literal["requested", "unknown", "credited", "failed", "reversed"]
"""`reversed`: its refund bounced, so that nothing was given back."""

OWED = frozenset({"open", "uncollectible"})
_STANDS = frozenset({"requested", "unknown", "credited"})


class Line(Struct, frozen=True, gc=False):
    amount_minor: int
    """Without tax, in the invoice's currency; the two below are in that of settlement."""
    period_start: datetime
    period_end: datetime
    booked_minor: int = 0
    """What the line sells, less what was credited of it."""
    recognised_minor: int = 0
    """How much of that is earned."""
    gross_minor: int = 0
    """With tax, in the invoice's currency."""
    correction: bool = False
    cancelled: bool = False
    """Given back, or what gives it back, on the very invoice that sold it."""

    @property
    def sells(self) -> bool:
        return self.gross_minor > 0 and not self.correction and not self.cancelled

    @property
    def takes(self) -> bool:
        """It is of time that other invoices sold."""
        return (self.gross_minor < 0 or self.correction) and not self.cancelled


class Credit(Struct, frozen=True, gc=False):
    amount_minor: int = 0
    """With tax, in the invoice's currency."""
    status: CreditStatus = "requested"
    stripe_credit_note_id: str = ""
    booked_minor: int = 0
    """The same in the currency of settlement, as it is in the books."""
    tax_minor: int = 0
    lines: tuple[LineCredit, ...] = ()
    """What it took of the tax and of each line, in the books."""
    bounced_minor: int = 0
    """What came back of its refund and is not undone yet, in the currency of settlement."""

    @property
    def noted_minor(self) -> int:
        """Of what Stripe has written a credit note of, as far as we know."""
        return self.amount_minor if self.status == "credited" else 0


class Part(Struct, frozen=True, gc=False):
    """A charge that did not pay the invoice by itself."""

    charged_minor: int
    """In the invoice's currency."""
    entry: BalanceTransaction
    funds_available: bool = False


class Retry(Struct, frozen=True, gc=False):
    """An attempt that was asked of Stripe and is not answered."""

    attempt: int
    unknown: bool = False


class Invoice(Struct, frozen=True):
    stripe_invoice_id: str = ""
    subscription_id: str = ""
    user_id: str = ""
    currency: str = ""
    status: Literal[InvoiceStatus, ""] = ""
    """Empty before it is finalized."""
    total_minor: int = 0
    tax_minor: int = 0
    lines: dict[str, Line] = {}
    """All there will ever be from the start, and few; so a plain one, in the order of the invoice."""
    attempts: PersistentSet = PersistentSet()
    failed_at: datetime | None = None
    """The first failure, from which the schedule counts; and the last."""
    attempted_at: datetime | None = None
    hard_decline: bool = False
    wants_cardholder: bool = False
    """The bank declined the last attempt only as nobody was there to confirm it."""
    action_required: bool = False
    retry: Retry | None = None
    last_attempt: int = 0
    """The highest number that an attempt was given."""
    parts: PersistentMap[Part] = PersistentMap()
    """By charge; without the one that settled it."""
    settlement: BalanceTransaction | None = None
    settled: bool = False
    receivable_minor: int = 0
    """What is open of what was paid outside Stripe, in the currency of settlement."""
    off_stripe_payments: PersistentSet = PersistentSet()
    settlement_currency: str = ""
    tax_booked_minor: int = 0
    funds_available: bool = False
    recognised_until: datetime | None = None
    service_ended: bool = False
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    collection_ended: bool = False
    """Its subscription ended before it was paid."""
    taken: PersistentMap[int] = PersistentMap()
    """By each change of plan, for unused time."""
    taken_minor: int = 0
    overgiven: bool = False
    """It took off what was not paid any more, and that is in the books."""
    credits: PersistentMap[Credit] = PersistentMap()
    credited_minor: int = 0
    """Given back or on its way, in the invoice's currency."""
    noted_minor: int = 0
    """How much of that Stripe has written credit notes of."""
    disputes: PersistentMap[Dispute] = PersistentMap()
    disputed: DisputeTally = DisputeTally()
    posted: PersistentSet = PersistentSet()
    """Ids of the balance transactions that are in the books: each is posted exactly once."""

    @property
    def creditable_minor(self) -> int:
        return creditable(
            total_minor=self.total_minor,
            sold_minor=self.sold_minor,
            given_minor=self.given_minor,
            taken_minor=self.taken_minor,
        )

    @property
    def given_minor(self) -> int:
        """Went back to the customer, is on its way, or was withdrawn by a dispute."""
        return self.credited_minor + self.disputed.withheld_minor

    @property
    def sold_minor(self) -> int:
        """With tax, and with what was paid before with the invoices that it took from."""
        return sum(one.gross_minor for one in self.lines.values() if one.sells or one.cancelled)

    @property
    def takes_minor(self) -> int:
        """With tax: what it took off for unused time."""
        return max(0, -sum(one.gross_minor for one in self.lines.values() if one.takes))

    @property
    def takes_without_tax_minor(self) -> int:
        return max(0, -sum(one.amount_minor for one in self.lines.values() if one.takes))

    @property
    def takes_from(self) -> datetime | None:
        """When the unused time begins of the last change that it is about, by which that is called; None when
        it took none off. What that bought is not taken off again. What changed before, and waited for it,
        began earlier, or a moment later where two clocks differ.
        """
        starts = {one.period_start for one in self.lines.values() if one.gross_minor < 0}
        last = {one.period_start for one in self.lines.values() if one.sells}
        return max(starts & last or starts, default=None)

    @property
    def takes_since(self) -> datetime | None:
        """When the first time begins of others that it took off."""
        return min((one.period_start for one in self.lines.values() if one.takes), default=None)

    def sells_after(self, at: datetime) -> bool:
        return any(one.sells and one.period_end > at for one in self.lines.values())

    def is_taken(self, but: str = "") -> bool:
        """Whether a change of plan other than `but` took its unused time off."""
        return any(amount > 0 for taker, amount in self.taken.items() if taker != but)

    def takeable_minor(self, taker: str) -> int:
        """What a change of plan can take off, beside what others took."""
        return takeable(self.sold_minor, self.given_minor, self.taken_minor - self.taken.get(taker, 0))

    @property
    def deferred_minor(self) -> int:
        """Sold and not earned yet: this invoice's part of account 2000, in the currency of settlement."""
        return sum(one.booked_minor - one.recognised_minor for one in self.lines.values())

    @property
    def dispute_open(self) -> bool:
        return self.disputed.open > 0


def evolve(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
    invoice: Invoice, event: InvoiceEvent
) -> Invoice:
    match event:
        case InvoiceFinalized():
            return _finalized(invoice, event)
        case InvoicePaymentFailed():
            return _failed(invoice, event)
        case InvoiceActionRequired():
            return replace(invoice, action_required=True, retry=None)
        case InvoicePaid():
            return replace(invoice, status="paid", action_required=False, retry=None, paid_at=event.paid_at)
        case InvoiceVoided():
            return replace(invoice, status="void", action_required=False, retry=None)
        case InvoiceUncollectible():
            return replace(invoice, status="uncollectible")
        case InvoicePartSettled() | PartRefunded() | InvoiceFundsAvailable():
            return _with_part(invoice, event)
        case InvoiceSettled():
            entry = event.balance_transaction
            settled = _booked(invoice, event, entry.currency)
            return _posted(replace(settled, settlement=invoice.settlement or entry), entry)
        case InvoiceSettledWithoutCharge():
            return _booked(invoice, event, event.currency)
        case OffStripePaymentRecorded():
            left = invoice.receivable_minor - event.amount_minor
            known = invoice.off_stripe_payments.add(event.payment_id)
            return replace(invoice, receivable_minor=left, off_stripe_payments=known)
        case InvoiceRetryRequested():
            last = max(invoice.last_attempt, event.attempt)
            return replace(invoice, retry=Retry(event.attempt), last_attempt=last)
        case InvoiceRetryUnknown():
            return replace(invoice, retry=Retry(event.attempt, unknown=True))
        case InvoiceRetryFailed():
            return replace(invoice, retry=None)
        case InvoiceRecognised():
            until = max(end_of(event.day), invoice.recognised_until or end_of(event.day))
            return replace(_recognised(invoice, event.amounts), recognised_until=until)
        case UnusedTimeTaken(taker=taker, amount_minor=amount):
            before = invoice.taken.get(taker, 0)
            taken = invoice.taken.put(taker, amount)
            return replace(invoice, taken=taken, taken_minor=invoice.taken_minor - before + amount)
        case UnusedTimeOvergiven():
            return replace(_sold_more(invoice, event.lines), overgiven=True)
        case CollectionEnded():
            return replace(invoice, collection_ended=True, action_required=False)
        case ServiceEnded():
            return replace(_recognised(invoice, event.amounts), service_ended=True)
        case (
            CreditRequested()
            | CreditFailed()
            | CreditUnknown()
            | InvoiceCredited()
            | CreditSettled()
            | CreditReversed()
            | CreditUndone()
        ):
            return _with_credit(invoice, event)
        case (
            InvoiceDisputeOpened()
            | InvoiceDisputeFundsWithdrawn()
            | InvoiceDisputeFundsReinstated()
            | InvoiceDisputeStatusChanged()
            | InvoiceDisputeWon()
            | InvoiceDisputeLost()
        ):
            return _with_dispute(invoice, event)
        case _:
            assert_never(event)


def _finalized(invoice: Invoice, event: InvoiceFinalized) -> Invoice:
    cancelled = given_back_at_once(event.lines)
    lines = {
        line.line_id: Line(
            line.amount_minor,
            line.period_start,
            line.period_end,
            gross_minor=line.amount_minor + line.tax_minor,
            correction=line.correction,
            cancelled=line.line_id in cancelled,
        )
        for line in event.lines
    }
    return replace(
        invoice,
        stripe_invoice_id=event.stripe_invoice_id,
        subscription_id=event.subscription_id,
        user_id=event.user_id,
        currency=event.currency,
        status="open",
        total_minor=event.total_minor,
        tax_minor=event.tax_minor,
        lines=lines,
        finalized_at=event.finalized_at,
        disputed=invoice.disputed.exchange_currency(invoice.disputes, invoice.currency, event.currency),
    )


def _failed(invoice: Invoice, event: InvoicePaymentFailed) -> Invoice:
    first, last = invoice.failed_at, invoice.attempted_at
    newest = last is None or event.failed_at >= last
    return replace(
        invoice,
        attempts=invoice.attempts.add(event.attempt_id),
        last_attempt=max(invoice.last_attempt, event.attempt),
        failed_at=event.failed_at if first is None else min(first, event.failed_at),
        attempted_at=event.failed_at if newest else last,
        hard_decline=event.hard if newest else invoice.hard_decline,
        wants_cardholder=_wants_cardholder(event) if newest else invoice.wants_cardholder,
        action_required=False,
        retry=None,
    )


def _wants_cardholder(event: InvoicePaymentFailed) -> bool:
    return AUTHENTICATION_REQUIRED in {event.code, event.decline_code}


def _with_part(invoice: Invoice, event: InvoicePartSettled | PartRefunded | InvoiceFundsAvailable) -> Invoice:
    match event:
        case InvoicePartSettled(charge_id=charge_id, charged_minor=charged, balance_transaction=entry):
            parts = invoice.parts.put(charge_id, Part(charged, entry))
            return _posted(replace(invoice, parts=parts), entry)
        case PartRefunded(balance_transaction=entry):
            return _posted(invoice, entry)
        case InvoiceFundsAvailable(charge_id=charge_id):
            part = invoice.parts.get(charge_id)
            if part is None:
                return replace(invoice, funds_available=True)
            return replace(invoice, parts=invoice.parts.put(charge_id, replace(part, funds_available=True)))
        case _:
            assert_never(event)


def _booked(invoice: Invoice, event: InvoiceSettled | InvoiceSettledWithoutCharge, currency: str) -> Invoice:
    lines = dict(invoice.lines)
    for one in event.lines:
        if (line := lines.get(one.line_id)) is not None:
            lines[one.line_id] = replace(line, booked_minor=one.amount_minor)
    return replace(
        invoice,
        settled=True,
        settlement_currency=currency,
        tax_booked_minor=event.tax_minor,
        receivable_minor=event.off_stripe_minor,
        lines=lines,
    )


def _recognised(invoice: Invoice, amounts: tuple[LineAmount, ...]) -> Invoice:
    lines = dict(invoice.lines)
    for one in amounts:
        if (line := lines.get(one.line_id)) is not None:
            recognised = line.recognised_minor + one.amount_minor
            lines[one.line_id] = replace(line, recognised_minor=recognised)
    return replace(invoice, lines=lines)


def _sold_more(invoice: Invoice, amounts: tuple[LineAmount, ...]) -> Invoice:
    lines = dict(invoice.lines)
    for one in amounts:
        if (line := lines.get(one.line_id)) is not None:
            lines[one.line_id] = replace(line, booked_minor=line.booked_minor + one.amount_minor)
    return replace(invoice, lines=lines)


CreditEvent = (
    CreditRequested
    | CreditFailed
    | CreditUnknown
    | InvoiceCredited
    | CreditSettled
    | CreditReversed
    | CreditUndone
)


def _with_credit(  # noqa: PLR0911 - one answer for each fact of a closed union
    invoice: Invoice, event: CreditEvent
) -> Invoice:
    known = invoice.credits.get(event.credit_id, Credit())
    match event:
        case CreditRequested():
            return _put(invoice, event.credit_id, Credit(event.amount_minor))
        case CreditFailed():
            return _put(invoice, event.credit_id, replace(known, status="failed"))
        case CreditUnknown():
            return _put(invoice, event.credit_id, replace(known, status="unknown"))
        case InvoiceCredited():
            return _credited(invoice, event)
        case CreditSettled():
            return _posted(_put(invoice, event.credit_id, known), event.balance_transaction)
        case CreditReversed():
            bounced = replace(known, bounced_minor=known.bounced_minor + event.booked_minor)
            return _posted(_put(invoice, event.credit_id, bounced), event.balance_transaction)
        case CreditUndone():
            return _undone(invoice, known, event)
        case _:
            assert_never(event)


def _credited(invoice: Invoice, event: InvoiceCredited) -> Invoice:
    lines = dict(invoice.lines)
    for one in event.lines:
        if (line := lines.get(one.line_id)) is not None:
            lines[one.line_id] = replace(
                line,
                booked_minor=line.booked_minor - one.deferred_minor - one.recognised_minor,
                recognised_minor=line.recognised_minor - one.recognised_minor,
            )
    credit = Credit(
        event.amount_minor,
        "credited",
        event.stripe_credit_note_id,
        event.deferred_minor + event.recognised_minor + event.tax_minor,
        event.tax_minor,
        event.lines,
    )
    tax = invoice.tax_booked_minor - event.tax_minor
    return _put(replace(invoice, lines=lines, tax_booked_minor=tax), event.credit_id, credit)


def _undone(invoice: Invoice, credit: Credit, event: CreditUndone) -> Invoice:
    """All of the credit, or what bounced of it."""
    lines = dict(invoice.lines)
    for one in event.lines:
        if (line := lines.get(one.line_id)) is not None:
            lines[one.line_id] = replace(
                line,
                booked_minor=line.booked_minor + one.deferred_minor + one.recognised_minor,
                recognised_minor=line.recognised_minor + one.recognised_minor,
            )
    booked = event.deferred_minor + event.recognised_minor + event.tax_minor
    left = replace(
        credit,
        amount_minor=credit.amount_minor - event.amount_minor,
        booked_minor=credit.booked_minor - booked,
        tax_minor=credit.tax_minor - event.tax_minor,
        lines=less(credit.lines, event.lines),
        bounced_minor=max(0, credit.bounced_minor - booked),
    )
    if left.amount_minor <= 0:
        left = replace(left, status="reversed", amount_minor=credit.amount_minor)
    tax = invoice.tax_booked_minor + event.tax_minor
    return _put(replace(invoice, lines=lines, tax_booked_minor=tax), event.credit_id, left)


def less(lines: tuple[LineCredit, ...], by: tuple[LineCredit, ...]) -> tuple[LineCredit, ...]:
    """What a credit still takes of each line."""
    parts = {one.line_id: one for one in by}
    return tuple(
        LineCredit(
            line_id=one.line_id,
            deferred_minor=one.deferred_minor - part.deferred_minor,
            recognised_minor=one.recognised_minor - part.recognised_minor,
        )
        if (part := parts.get(one.line_id))
        else one
        for one in lines
    )


def _put(invoice: Invoice, credit_id: str, credit: Credit) -> Invoice:
    known = invoice.credits.get(credit_id, Credit())
    return replace(
        invoice,
        credits=invoice.credits.put(credit_id, credit),
        credited_minor=invoice.credited_minor - _standing(known) + _standing(credit),
        noted_minor=invoice.noted_minor - known.noted_minor + credit.noted_minor,
    )


def _standing(credit: Credit) -> int:
    return credit.amount_minor if credit.status in _STANDS else 0


def _posted(invoice: Invoice, entry: BalanceTransaction) -> Invoice:
    return replace(invoice, posted=invoice.posted.add(entry.balance_transaction_id))


def _with_dispute(invoice: Invoice, event: InvoiceDisputeEvent) -> Invoice:
    known = invoice.disputes.get(event.dispute_id)
    dispute = evolve_dispute(known or Dispute(), event)
    after = replace(
        invoice,
        disputes=invoice.disputes.put(event.dispute_id, dispute),
        disputed=invoice.disputed.exchange(known, dispute, invoice.currency),
    )
    match event:
        case InvoiceDisputeFundsWithdrawn() | InvoiceDisputeFundsReinstated():
            return _posted(after, event.balance_transaction)
        case _:
            return after
