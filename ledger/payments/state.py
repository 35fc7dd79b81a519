"""What is remembered of one payment to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    DisputeStatusChanged,
    DisputeWon,
    PaymentActionRequired,
    PaymentCanceled,
    PaymentCancelRequested,
    PaymentEvent,
    PaymentFailed,
    PaymentFundsAvailable,
    PaymentInitiated,
    PaymentOutcomeUnknown,
    PaymentProcessing,
    PaymentSettled,
    PaymentSucceeded,
    RefundCanceled,
    RefundFailed,
    RefundMadeOutside,
    RefundOutcomeUnknown,
    RefundPending,
    RefundRequested,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
    SaleStandingChanged,
)
from ledger.persistent import PersistentMap, PersistentSet
from ledger.split import Sale, sale_fault

PaymentStatus = Literal[
    "initiated",
    "processing",
    "requires_action",
    "succeeded",
    "failed",
    "canceled",
    "unknown",
    "disputed",
    "charged_back",
]
RefundStatus = Literal["requested", "pending", "succeeded", "failed", "canceled", "unknown"]
DisputeStatus = Literal[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
]

CAPTURED = frozenset({"succeeded", "disputed", "charged_back"})
OPEN_DISPUTE = frozenset({"needs_response", "under_review"})
"""Chargebacks that wait for an answer. An inquiry (`warning_…`) moves no money and can be refunded:
https://docs.stripe.com/disputes/how-disputes-work"""
_DISPUTE_STATUSES: Mapping[str, DisputeStatus] = {status: status for status in get_args(DisputeStatus)}
"""By the text of a fact. Another text comes from another version's history, and changes nothing."""
_GIVES_MONEY_BACK = frozenset({"requested", "pending", "succeeded", "unknown"})


class Refund(Struct, frozen=True, gc=False):
    amount_minor: int = 0
    status: RefundStatus = "requested"
    stripe_refund_id: str = ""
    returned_minor: int = 0
    """What the books have of it, in the charge's currency: none before it settles and once it is reversed."""
    revokes: bool = False
    """It is to take the access, however small it is."""


class Dispute(Struct, frozen=True, gc=False):
    status: DisputeStatus = "needs_response"
    amount_minor: int = 0
    """In the currency of the charge; the two below are in that of settlement."""
    outstanding_minor: int = 0
    """Withdrawn and not reinstated."""
    written_off_minor: int = 0
    """How much of it the books have closed, as a loss or as a difference of exchange."""
    lost_minor: int = 0
    """How much of what is written off is a loss."""
    reinstated: bool = False
    settlement_currency: str = ""

    def withheld_minor(self, currency: str) -> int:
        """What the cardholder's bank holds, in the charge's `currency`."""
        if self.outstanding_minor <= 0 or (self.status == "won" and self.reinstated):
            return 0
        return self.outstanding_minor if self.settlement_currency == currency else self.amount_minor

    def lost_in(self, currency: str) -> int:
        """What the books have as lost, in the charge's `currency`."""
        if self.settlement_currency == currency:
            return self.lost_minor
        return self.amount_minor if self.lost_minor > 0 else 0

    @property
    def difference_minor(self) -> int:
        """What a reinstatement still misses of the withdrawal and the books have not closed."""
        missing = self.outstanding_minor if self.reinstated else 0
        return missing - (self.written_off_minor - self.lost_minor)


class DisputeTally(Struct, frozen=True, gc=False):
    """What all disputes of one charge come to, kept so that a decision need not look at each."""

    open: int = 0
    lost: int = 0
    withheld_minor: int = 0
    """In the charge's currency, as the next one."""
    lost_minor: int = 0

    def exchange(self, before: Dispute | None, after: Dispute, currency: str) -> DisputeTally:
        """These sums with `after` counted in place of `before`."""
        added, removed = _tally(after, currency), _tally(before, currency)
        return DisputeTally(
            self.open + added.open - removed.open,
            self.lost + added.lost - removed.lost,
            self.withheld_minor + added.withheld_minor - removed.withheld_minor,
            self.lost_minor + added.lost_minor - removed.lost_minor,
        )

    def exchange_currency(self, disputes: PersistentMap[Dispute], before: str, after: str) -> DisputeTally:
        """Counted again when the charge turns out to be in another currency than was thought."""
        if before == after:
            return self
        return replace(
            self,
            withheld_minor=sum(one.withheld_minor(after) for one in disputes.values()),
            lost_minor=sum(one.lost_in(after) for one in disputes.values()),
        )


def _tally(dispute: Dispute | None, currency: str) -> DisputeTally:
    if dispute is None:
        return DisputeTally()
    is_open, is_lost = dispute.status in OPEN_DISPUTE, dispute.status == "lost"
    withheld, lost = dispute.withheld_minor(currency), dispute.lost_in(currency)
    return DisputeTally(int(is_open), int(is_lost), withheld, lost)


class Payment(Struct, frozen=True):
    payment_id: str = ""
    user_id: str = ""
    currency: str = ""
    purpose: str = "plain"
    purpose_ref: str = ""
    sale: Sale | None = None
    """None also for one that does not add up, as the rules of another version may have let it."""
    status: Literal[PaymentStatus, ""] = ""
    """Empty before it is initiated."""
    cancel_requested: bool = False
    amount_minor: int = 0
    payment_intent_id: str = ""
    charge_id: str = ""
    captured_minor: int = 0
    captured_at: datetime | None = None
    settlement: BalanceTransaction | None = None
    funds_available: bool = False
    refunds: PersistentMap[Refund] = PersistentMap()
    refunded_minor: int = 0
    """Given back or on its way: all refunds but failed and canceled ones."""
    succeeded_minor: int = 0
    """Of refunds that succeeded."""
    revoking: int = 0
    """How many of those are to take the access."""
    returned_minor: int = 0
    """Of refunds that are in the books, in the charge's currency."""
    disputes: PersistentMap[Dispute] = PersistentMap()
    disputed: DisputeTally = DisputeTally()
    posted: PersistentSet = PersistentSet()
    """Ids of the balance transactions that are in the books: each is posted exactly once."""

    @property
    def withheld_minor(self) -> int:
        """Held by disputes, in the currency of the charge."""
        return self.disputed.withheld_minor

    @property
    def given_back_minor(self) -> int:
        """What the books have as given back, by refunds and lost disputes, in the currency of the charge."""
        return self.returned_minor + self.disputed.lost_minor

    @property
    def refundable_minor(self) -> int:
        return max(0, self.captured_minor - self.refunded_minor - self.withheld_minor)

    @property
    def dispute_open(self) -> bool:
        return self.disputed.open > 0


def evolve(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
    payment: Payment, event: PaymentEvent
) -> Payment:
    match event:
        case PaymentInitiated():
            return replace(
                _in_currency(payment, event.currency),
                payment_id=event.payment_id,
                user_id=event.user_id,
                amount_minor=event.amount_minor,
                purpose=event.purpose,
                purpose_ref=event.purpose_ref,
                sale=_sound(event.sale, event.amount_minor),
                status="initiated",
            )
        case PaymentSucceeded():
            return replace(
                _in_currency(payment, event.currency),
                status=_captured_status(payment.disputed),
                payment_intent_id=event.payment_intent_id,
                charge_id=event.charge_id,
                captured_minor=event.amount_minor,
                captured_at=event.captured_at or payment.captured_at,
            )
        case PaymentSettled():
            return _settled(payment, event.balance_transaction)
        case PaymentProcessing():
            return replace(payment, status="processing", payment_intent_id=event.payment_intent_id)
        case PaymentActionRequired():
            return replace(payment, status="requires_action", payment_intent_id=event.payment_intent_id)
        case PaymentFailed():
            intent = event.payment_intent_id or payment.payment_intent_id
            return replace(payment, status="failed", payment_intent_id=intent)
        case PaymentCanceled():
            return replace(payment, status="canceled", payment_intent_id=event.payment_intent_id)
        case PaymentCancelRequested():
            return replace(payment, cancel_requested=True)
        case PaymentOutcomeUnknown():
            return replace(payment, status="unknown")
        case PaymentFundsAvailable():
            return replace(payment, funds_available=True)
        case SaleStandingChanged():
            return payment  # follows from what is folded already
        case (
            RefundRequested()
            | RefundMadeOutside()
            | RefundPending()
            | RefundSettled()
            | RefundSucceeded()
            | RefundFailed()
            | RefundCanceled()
            | RefundReversed()
            | RefundOutcomeUnknown()
        ):
            return _with_refund(payment, event)
        case (
            DisputeOpened()
            | DisputeFundsWithdrawn()
            | DisputeFundsReinstated()
            | DisputeStatusChanged()
            | DisputeWon()
            | DisputeLost()
        ):
            return _with_dispute(payment, event)
        case _:
            assert_never(event)


def _sound(sale: Sale | None, amount_minor: int) -> Sale | None:
    return None if sale is None or sale_fault(sale, amount_minor) else sale


def _in_currency(payment: Payment, currency: str) -> Payment:
    disputed = payment.disputed.exchange_currency(payment.disputes, payment.currency, currency)
    return replace(payment, currency=currency, disputed=disputed)


def _settled(payment: Payment, entry: BalanceTransaction) -> Payment:
    return replace(
        payment,
        settlement=payment.settlement or entry,
        captured_at=payment.captured_at or entry.created_at,
        posted=payment.posted.add(entry.balance_transaction_id),
    )


RefundEvent = (
    RefundRequested
    | RefundMadeOutside
    | RefundPending
    | RefundSettled
    | RefundSucceeded
    | RefundFailed
    | RefundCanceled
    | RefundReversed
    | RefundOutcomeUnknown
)
DisputeEvent = (
    DisputeOpened
    | DisputeFundsWithdrawn
    | DisputeFundsReinstated
    | DisputeStatusChanged
    | DisputeWon
    | DisputeLost
)


def _with_refund(payment: Payment, event: RefundEvent) -> Payment:
    known = payment.refunds.get(event.refund_id, Refund())
    refund = _refund(known, event, payment.currency)
    after = replace(
        payment,
        refunds=payment.refunds.put(event.refund_id, refund),
        refunded_minor=payment.refunded_minor - _given_back(known) + _given_back(refund),
        succeeded_minor=payment.succeeded_minor - _succeeded(known) + _succeeded(refund),
        revoking=payment.revoking - _revoking(known) + _revoking(refund),
        returned_minor=payment.returned_minor - known.returned_minor + refund.returned_minor,
    )
    match event:
        case RefundSettled() | RefundReversed():
            return replace(after, posted=after.posted.add(event.balance_transaction.balance_transaction_id))
        case _:
            return after


def _given_back(refund: Refund) -> int:
    return refund.amount_minor if refund.status in _GIVES_MONEY_BACK else 0


def _succeeded(refund: Refund) -> int:
    return refund.amount_minor if refund.status == "succeeded" else 0


def _revoking(refund: Refund) -> int:
    return int(refund.revokes and refund.status == "succeeded")


def _refund(  # noqa: PLR0911 - one answer for each fact of a closed union
    refund: Refund, event: RefundEvent, currency: str
) -> Refund:
    match event:
        case RefundRequested():
            return replace(
                refund, amount_minor=event.amount_minor, status="requested", revokes=event.revoke_access
            )
        case RefundMadeOutside():
            return Refund(event.amount_minor, "pending", event.refund_id, refund.returned_minor)
        case RefundPending():
            return replace(refund, status="pending", stripe_refund_id=event.stripe_refund_id)
        case RefundSettled(balance_transaction=entry):
            taken = -entry.amount_minor if entry.currency == currency else refund.amount_minor
            returned = refund.returned_minor + taken
            return replace(refund, stripe_refund_id=event.stripe_refund_id, returned_minor=returned)
        case RefundSucceeded():
            return replace(
                refund,
                amount_minor=event.amount_minor,
                status="succeeded",
                stripe_refund_id=event.stripe_refund_id,
            )
        case RefundFailed():
            stripe_refund_id = event.stripe_refund_id or refund.stripe_refund_id
            return replace(refund, status="failed", stripe_refund_id=stripe_refund_id)
        case RefundCanceled():
            stripe_refund_id = event.stripe_refund_id or refund.stripe_refund_id
            return replace(refund, status="canceled", stripe_refund_id=stripe_refund_id)
        case RefundReversed(balance_transaction=entry):
            back = entry.amount_minor if entry.currency == currency else refund.returned_minor
            return replace(refund, returned_minor=refund.returned_minor - back)
        case RefundOutcomeUnknown():
            return replace(refund, status="unknown")
        case _:
            assert_never(event)


def _with_dispute(payment: Payment, event: DisputeEvent) -> Payment:
    known = payment.disputes.get(event.dispute_id)
    dispute = evolve_dispute(known or Dispute(), event)
    disputed = payment.disputed.exchange(known, dispute, payment.currency)
    after = replace(
        payment,
        status=_captured_status(disputed) if payment.status in CAPTURED else payment.status,
        disputes=payment.disputes.put(event.dispute_id, dispute),
        disputed=disputed,
    )
    match event:
        case DisputeFundsWithdrawn() | DisputeFundsReinstated():
            return replace(after, posted=after.posted.add(event.balance_transaction.balance_transaction_id))
        case _:
            return after


def evolve_dispute(dispute: Dispute, event: DisputeEvent) -> Dispute:
    match event:
        case DisputeOpened():
            status = "warning_needs_response" if event.inquiry else "needs_response"
            return replace(dispute, status=status, amount_minor=event.amount_minor)
        case (
            DisputeFundsWithdrawn(balance_transaction=entry)
            | DisputeFundsReinstated(balance_transaction=entry)
        ):
            return replace(
                dispute,
                outstanding_minor=dispute.outstanding_minor - entry.amount_minor,
                reinstated=dispute.reinstated or isinstance(event, DisputeFundsReinstated),
                settlement_currency=entry.currency,
            )
        case DisputeStatusChanged():
            return replace(dispute, status=_DISPUTE_STATUSES.get(event.status, dispute.status))
        case DisputeWon():
            inquiry = dispute.status.startswith("warning_")
            return replace(
                dispute,
                status="warning_closed" if inquiry else "won",
                written_off_minor=dispute.written_off_minor - event.recovered_minor + event.difference_minor,
                lost_minor=dispute.lost_minor - event.recovered_minor,
            )
        case DisputeLost():
            return replace(
                dispute,
                status="lost",
                written_off_minor=dispute.written_off_minor + event.withdrawn_minor,
                lost_minor=dispute.lost_minor + event.withdrawn_minor,
            )
        case _:
            assert_never(event)


def _captured_status(disputed: DisputeTally) -> Literal["disputed", "charged_back", "succeeded"]:
    """The status of a captured payment: an open dispute weighs more than a lost one, that more than none."""
    if disputed.open:
        return "disputed"
    return "charged_back" if disputed.lost else "succeeded"
