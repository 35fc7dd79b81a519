"""The rules of an instructor's earnings: they follow the facts of sales, and are never refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from ledger.earnings.commands import AccrueEarnings, EarningsCommand
from ledger.earnings.events import EarningsAccrued, EarningsEvent, EarningsHeld
from ledger.earnings.state import Earnings, evolve
from ledger.earnings.stream import stream_of
from ledger.message import Decider


def decide(command: EarningsCommand, _earnings: Earnings) -> tuple[EarningsEvent, ...]:
    """What a loss takes and what its dispute holds no more are one decision: nothing of it is available in
    between.
    """
    return tuple(_facts(command))


def _facts(command: AccrueEarnings) -> Iterator[EarningsEvent]:
    if command.amount_minor:
        yield EarningsAccrued(
            user_id=command.user_id,
            currency=command.currency,
            kind=command.kind,
            amount_minor=command.amount_minor,
            available_on=command.available_on,
            course_id=command.course_id,
            payment_id=command.payment_id,
            cause_position=command.cause_position,
            reckoning=command.reckoning,
        )
    if command.held_change_minor:
        yield EarningsHeld(
            user_id=command.user_id,
            currency=command.currency,
            change_minor=command.held_change_minor,
            available_on=command.available_on,
            course_id=command.course_id,
            payment_id=command.payment_id,
            cause_position=command.cause_position,
        )


def stream(command: EarningsCommand) -> str:
    return stream_of(command.user_id, command.currency)


EARNINGS: Decider[EarningsCommand, Earnings, EarningsEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Earnings(),
    commands=(AccrueEarnings,),
    events=get_args(EarningsEvent),
)
