"""The rules of one payout of a connected account to its owner's bank: a snapshot yields what is new in it."""

from __future__ import annotations

from typing import get_args

from ledger.bank_payouts.commands import BankPayoutCommand, RecordBankPayoutSnapshot
from ledger.bank_payouts.events import (
    BankPayoutArrived,
    BankPayoutBounced,
    BankPayoutCanceled,
    BankPayoutEvent,
    BankPayoutSent,
)
from ledger.bank_payouts.state import BankPayout, evolve
from ledger.bank_payouts.stream import stream_of
from ledger.message import Decider


def decide(command: BankPayoutCommand, payout: BankPayout) -> tuple[BankPayoutEvent, ...]:
    """A payout can fail after it was paid, and nothing follows a failure: whichever of two looks comes first,
    the one that is further holds, so that none needs a time.
    https://docs.stripe.com/api/payouts/object#payout_object-status
    """
    sent = () if payout.stripe_account_id else (_sent(command),)
    return (*sent, *_end(command, payout))


def _sent(command: RecordBankPayoutSnapshot) -> BankPayoutSent:
    return BankPayoutSent(
        payout_id=command.payout_id,
        user_id=command.user_id,
        account_id=command.account_id,
        stripe_account_id=command.stripe_account_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        sent_at=command.sent_at,
        arrival_at=command.arrival_at,
    )


def _end(command: RecordBankPayoutSnapshot, payout: BankPayout) -> tuple[BankPayoutEvent, ...]:
    payout_id = command.payout_id
    match command.status:
        case _ if payout.status in {"bounced", "canceled"}:
            return ()
        case "failed":
            was_arrived = payout.status == "arrived"
            bounced = BankPayoutBounced(
                payout_id=payout_id, was_arrived=was_arrived, failure_code=command.failure_code
            )
            return (bounced,)
        case "canceled":
            return (BankPayoutCanceled(payout_id=payout_id),)
        case "paid" if payout.status != "arrived":
            return (BankPayoutArrived(payout_id=payout_id, arrival_at=command.arrival_at),)
        case _:
            return ()


def stream(command: BankPayoutCommand) -> str:
    return stream_of(command.payout_id)


BANK_PAYOUT: Decider[BankPayoutCommand, BankPayout, BankPayoutEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=BankPayout(),
    commands=(RecordBankPayoutSnapshot,),
    events=get_args(BankPayoutEvent),
)
