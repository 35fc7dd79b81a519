"""The rules of what one instructor earns in one currency, and is paid of it."""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.earnings import paying, recalling
from ledger.earnings.accruing import accrue
from ledger.earnings.commands import (
    AccrueEarnings,
    EarningsCommand,
    RecordRecallRefusal,
    RecordRecallUnknown,
    RecordReversal,
    RecordTransfer,
    RecordTransferRefusal,
    RecordTransferUnknown,
    RequestPayout,
    RequestRecall,
    RetryPayout,
    WithholdPayout,
)
from ledger.earnings.events import EarningsEvent
from ledger.earnings.state import Earnings, evolve
from ledger.earnings.stream import stream_of
from ledger.message import Decider


def decide(  # noqa: C901, PLR0911 - one each command
    command: EarningsCommand, earnings: Earnings
) -> tuple[EarningsEvent, ...]:
    match command:
        case AccrueEarnings():
            return accrue(command, earnings)
        case RequestPayout():
            return paying.request_payout(command, earnings)
        case RetryPayout():
            return paying.retry_payout(command, earnings)
        case WithholdPayout():
            return paying.withhold_payout(command, earnings)
        case RecordTransfer():
            return paying.record_transfer(command, earnings)
        case RecordTransferUnknown():
            return paying.record_unknown(command, earnings)
        case RecordTransferRefusal():
            return paying.record_refusal(command, earnings)
        case RequestRecall():
            return recalling.request_recall(command, earnings)
        case RecordReversal():
            return recalling.record_reversal(command, earnings)
        case RecordRecallUnknown():
            return recalling.record_unknown(command, earnings)
        case RecordRecallRefusal():
            return recalling.record_refusal(command, earnings)
        case _:
            assert_never(command)


def stream(command: EarningsCommand) -> str:
    return stream_of(command.user_id, command.currency)


EARNINGS: Decider[EarningsCommand, Earnings, EarningsEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Earnings(),
    commands=get_args(EarningsCommand),
    events=get_args(EarningsEvent),
)
