"""What instructors earn follows the facts that say whose money is, and those of disputes that hold it. What
they are paid is asked of Stripe.
"""

from __future__ import annotations

from ledger.earnings.events import (
    PayoutOutcomeUnknown,
    PayoutReserved,
    RecallOutcomeUnknown,
    RecallRequested,
)
from ledger.effects import (
    CreateTransfer,
    Effect,
    FollowEarnings,
    ResolveReversal,
    ResolveTransfer,
    ReverseTransfer,
)
from ledger.enrolments.events import EnrolmentActivated
from ledger.message import Recorded
from ledger.orders.events import OrderItemCredited, OrderPaid
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentSettled,
    RefundReversed,
    RefundSettled,
)
from ledger.payments.sale import SALES
from ledger.payments.stream import KIND as PAYMENT


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case PaymentSettled(split=split, purpose=purpose):
            follows = split is not None and purpose in SALES
        case EnrolmentActivated(split=split):
            follows = split is not None
        case OrderPaid() | OrderItemCredited() as event:
            follows = any(change.split for change in event.changes)
        case (
            RefundSettled()
            | RefundReversed()
            | DisputeFundsWithdrawn()
            | DisputeFundsReinstated()
            | DisputeLost()
            | DisputeWon()
        ) as event:
            follows = event.purpose in SALES and PAYMENT.has(recorded.stream)
        case PayoutReserved() as event:
            return (CreateTransfer(event.user_id, event.currency, event.payout_id, event.attempt),)
        case PayoutOutcomeUnknown() as event:
            return (ResolveTransfer(event.user_id, event.currency, event.payout_id, event.attempt),)
        case RecallRequested() as event:
            return (ReverseTransfer(event.user_id, event.currency, event.recall_id),)
        case RecallOutcomeUnknown() as event:
            return (ResolveReversal(event.user_id, event.currency, event.recall_id),)
        case _:
            follows = False
    return (FollowEarnings(recorded.stream, recorded.position),) if follows else ()
