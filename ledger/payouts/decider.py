"""The rules of one payout from Stripe to the platform's bank: a snapshot yields what is new in it."""

from __future__ import annotations

from typing import assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.message import Decider
from ledger.payouts.commands import PayoutCommand, RecordPayoutSnapshot
from ledger.payouts.events import PayoutEvent, PayoutFailed, PayoutInitiated, PayoutPaid
from ledger.payouts.stream import stream_of


class Payout(Struct, frozen=True, gc=False):
    initiated: bool = False
    paid: bool = False
    failed: bool = False


def decide(command: PayoutCommand, payout: Payout) -> tuple[PayoutEvent, ...]:
    """A payout can fail after it was paid; nothing follows a failure, so a `paid` after it is stale.

    A failure is recorded together with the balance transaction that brought the money back.
    https://docs.stripe.com/api/payouts/object#payout_object-status
    """
    events: list[PayoutEvent] = []
    if not payout.initiated:
        events.append(_initiated(command))
    if payout.failed:
        return tuple(events)
    if command.status == "paid" and not payout.paid:
        paid = PayoutPaid(
            payout_id=command.payout_id, amount_minor=command.amount_minor, currency=command.currency
        )
        events.append(paid)
    returned = command.failure_balance_transaction
    if command.status in {"failed", "canceled"} and returned is not None:
        failed = PayoutFailed(
            payout_id=command.payout_id,
            was_paid=payout.paid,
            balance_transaction=returned,
            reason=command.failure_code or command.status,
        )
        events.append(failed)
    return tuple(events)


def _initiated(command: RecordPayoutSnapshot) -> PayoutInitiated:
    return PayoutInitiated(
        payout_id=command.payout_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        automatic=command.automatic,
        arrival_at=command.arrival_at,
        balance_transaction=command.balance_transaction,
    )


def evolve(payout: Payout, event: PayoutEvent) -> Payout:
    match event:
        case PayoutInitiated():
            return replace(payout, initiated=True)
        case PayoutPaid():
            return replace(payout, paid=True)
        case PayoutFailed():
            return replace(payout, failed=True)
        case _:
            assert_never(event)


def stream(command: PayoutCommand) -> str:
    return stream_of(command.payout_id)


PAYOUT: Decider[PayoutCommand, Payout, PayoutEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Payout(),
    commands=(RecordPayoutSnapshot,),
    events=get_args(PayoutEvent),
)
