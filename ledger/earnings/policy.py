"""What instructors earn follows the facts that say whose money is, and those of disputes that hold it."""

from __future__ import annotations

from ledger.effects import Effect, FollowEarnings
from ledger.enrolments.events import EnrolmentActivated
from ledger.message import Recorded
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
        case PaymentSettled() | EnrolmentActivated() as event:
            follows = event.split is not None
        case (
            RefundSettled()
            | RefundReversed()
            | DisputeFundsWithdrawn()
            | DisputeFundsReinstated()
            | DisputeLost()
            | DisputeWon()
        ) as event:
            follows = event.purpose in SALES and PAYMENT.has(recorded.stream)
        case _:
            follows = False
    return (FollowEarnings(recorded.stream, recorded.position),) if follows else ()
