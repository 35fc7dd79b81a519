"""What is remembered of one payment to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.payments.disputes import Dispute, DisputeEvent, DisputeTally, captured_status, evolve_dispute
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
    PaymentPageOpened,
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
from ledger.payments.refunds import Refund, RefundEvent, evolve_refund
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
CAPTURED = frozenset({"succeeded", "disputed", "charged_back"})


class Payment(Struct, frozen=True):
    payment_id: str = ""
    user_id: str = ""
    currency: str = ""
    purpose: str = "plain"
    purpose_ref: str = ""
    sale: Sale | None = None
    """None also for one that does not add up, as the rules of another version may have let it."""
    org_id: str = ""
    """For whose licence it is; empty for any other purpose."""
    status: Literal[PaymentStatus, ""] = ""
    """Empty before it is initiated."""
    cancel_requested: bool = False
    hosted: bool = False
    """Paid on a page of Stripe's: a card that is declined there is no end, while another may be tried."""
    session_id: str = ""
    """Of that page, once it was opened."""
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
    returned: bool = False
    """Its buyer gave back what was bought, and nothing of the money has come back since."""
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
    def kept_minor(self) -> int:
        """What of the charge the books still have, in its currency."""
        return max(0, self.captured_minor - self.given_back_minor)

    @property
    def refundable_minor(self) -> int:
        return max(0, self.captured_minor - self.refunded_minor - self.withheld_minor)

    @property
    def dispute_open(self) -> bool:
        return self.disputed.open > 0


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    after = _evolve(payment, event)
    done = isinstance(event, RefundSucceeded) and after.refunds[event.refund_id].is_return
    returned = (after.returned or done) and after.refundable_minor == 0
    return after if returned == after.returned else replace(after, returned=returned)


def _evolve(  # noqa: C901, PLR0911, PLR0912 - one answer for each fact of a closed union
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
                org_id=event.org_id,
                status="initiated",
                hosted=event.page is not None,
            )
        case PaymentPageOpened():
            return replace(payment, status="requires_action", session_id=event.session_id)
        case PaymentSucceeded():
            return replace(
                _in_currency(payment, event.currency),
                status=captured_status(payment.disputed),
                payment_intent_id=event.payment_intent_id,
                charge_id=event.charge_id,
                captured_minor=event.amount_minor,
                captured_at=_captured_at(payment, event),
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


def _captured_at(payment: Payment, event: PaymentSucceeded) -> datetime | None:
    """Once it is settled that stays as it is: by it is dated what is earned, in facts that name one day."""
    if payment.settlement is not None:
        return payment.captured_at
    return event.captured_at or payment.captured_at


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


def _with_refund(payment: Payment, event: RefundEvent) -> Payment:
    known = payment.refunds.get(event.refund_id, Refund())
    refund = evolve_refund(known, event, payment.currency)
    after = replace(
        payment,
        refunds=payment.refunds.put(event.refund_id, refund),
        refunded_minor=payment.refunded_minor - known.given_back_minor + refund.given_back_minor,
        succeeded_minor=payment.succeeded_minor - known.succeeded_minor + refund.succeeded_minor,
        revoking=payment.revoking - known.revoking + refund.revoking,
        returned_minor=payment.returned_minor - known.returned_minor + refund.returned_minor,
    )
    match event:
        case RefundSettled() | RefundReversed():
            return replace(after, posted=after.posted.add(event.balance_transaction.balance_transaction_id))
        case _:
            return after


def _with_dispute(payment: Payment, event: DisputeEvent) -> Payment:
    known = payment.disputes.get(event.dispute_id)
    dispute = evolve_dispute(known or Dispute(), event)
    disputed = payment.disputed.exchange(known, dispute, payment.currency)
    after = replace(
        payment,
        status=captured_status(disputed) if payment.status in CAPTURED else payment.status,
        disputes=payment.disputes.put(event.dispute_id, dispute),
        disputed=disputed,
    )
    match event:
        case DisputeFundsWithdrawn() | DisputeFundsReinstated():
            return replace(after, posted=after.posted.add(event.balance_transaction.balance_transaction_id))
        case _:
            return after
