"""Transfers that are reversed, in part or whole, to take back what was paid out."""

from __future__ import annotations

from collections.abc import Iterator

from ledger import money
from ledger.earnings.commands import (
    AccrueEarnings,
    RecordRecallRefusal,
    RecordRecallUnknown,
    RecordReversal,
    RequestRecall,
)
from ledger.earnings.events import (
    EarningsEvent,
    RecallOutcomeUnknown,
    RecallRefused,
    RecallRequested,
    TransferReversed,
)
from ledger.earnings.receivable import reclassified
from ledger.earnings.refusals import NothingToRecall
from ledger.earnings.state import Earnings, day_of
from ledger.ids import derived_id

ASKED = "asked"
"""The cause of a recall that somebody wanted."""


def recalls(
    command: AccrueEarnings | RequestRecall, earnings: Earnings, amount_minor: int
) -> tuple[RecallRequested, ...]:
    """Of the newest transfers, as far as they go: they are the likeliest to be in the account still. What is
    finer than Stripe moves is netted.
    """
    return tuple(_recalls(command, earnings, amount_minor))


def _recalls(
    command: AccrueEarnings | RequestRecall, earnings: Earnings, amount_minor: int
) -> Iterator[RecallRequested]:
    cause, position = ASKED, 0
    if isinstance(command, AccrueEarnings):
        cause, position = command.kind, command.cause_position
    for transfer in reversed(earnings.transfers):
        amount = money.movable_minor(min(transfer.left_minor, amount_minor), command.currency)
        if amount <= 0:
            continue
        yield RecallRequested(
            recall_id=derived_id("rcl", command.command_id, transfer.transfer_id),
            user_id=command.user_id,
            currency=command.currency,
            payout_id=transfer.payout_id,
            transfer_id=transfer.transfer_id,
            amount_minor=amount,
            cause=cause,
            cause_position=position,
            requested_at=command.effective_at,
        )
        amount_minor -= amount


def request_recall(command: RequestRecall, earnings: Earnings) -> tuple[EarningsEvent, ...]:
    """Of what is owed back and not asked for already."""
    asked = sum(one.amount_minor for one in earnings.recalls.values())
    owed = earnings.on(day_of(command.effective_at)).debt_minor - asked
    if owed <= 0:
        raise NothingToRecall(f"{command.user_id} owes nothing back in {command.currency.upper()}.")
    found = recalls(command, earnings, owed)
    if not found:
        raise NothingToRecall(f"No transfer to {command.user_id} is left that could be reversed.")
    return found


def record_reversal(command: RecordReversal, earnings: Earnings) -> tuple[EarningsEvent, ...]:
    """Once for a reversal, by its command's id."""
    event = TransferReversed(
        user_id=command.user_id,
        currency=command.currency,
        payout_id=command.payout_id,
        transfer_id=command.transfer_id,
        reversal_id=command.reversal_id,
        recall_id=command.recall_id,
        amount_minor=command.amount_minor,
        balance_transaction=command.balance_transaction,
    )
    return (reclassified(earnings, event),)


def record_unknown(command: RecordRecallUnknown, earnings: Earnings) -> tuple[EarningsEvent, ...]:
    recall = earnings.recalls.get(command.recall_id)
    if recall is None or recall.status != "requested":
        return ()
    unknown = RecallOutcomeUnknown(
        recall_id=command.recall_id, user_id=command.user_id, currency=command.currency, cause=command.cause
    )
    return (unknown,)


def record_refusal(command: RecordRecallRefusal, earnings: Earnings) -> tuple[EarningsEvent, ...]:
    recall = earnings.recalls.get(command.recall_id)
    if recall is None:
        return ()
    refused = RecallRefused(
        recall_id=command.recall_id,
        user_id=command.user_id,
        currency=command.currency,
        amount_minor=recall.amount_minor,
        code=command.code,
    )
    return (refused,)
