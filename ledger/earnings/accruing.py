"""What facts of sales change: never refused. What was paid out and is taken back is recovered in one of two
ways, which is decided with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec.structs import replace

from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.events import EarningsAccrued, EarningsEvent, EarningsHeld, RecallRequested
from ledger.earnings.recalling import recalls
from ledger.earnings.receivable import reclassified
from ledger.earnings.state import Earnings, day_of, evolve


def accrue(command: AccrueEarnings, earnings: Earnings) -> tuple[EarningsEvent, ...]:
    """What a loss takes and what its dispute holds no more are one decision: nothing of it is available in
    between.
    """
    return tuple(_facts(command, earnings))


def _facts(command: AccrueEarnings, earnings: Earnings) -> Iterator[EarningsEvent]:
    if command.amount_minor:
        accrued, asked = _recovered(command, earnings, _accrued(command))
        yield reclassified(earnings, accrued)
        yield from asked
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


def _accrued(command: AccrueEarnings) -> EarningsAccrued:
    return EarningsAccrued(
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


def _recovered(
    command: AccrueEarnings, earnings: Earnings, accrued: EarningsAccrued
) -> tuple[EarningsAccrued, tuple[RecallRequested, ...]]:
    """By netting where no transfer is left that could be reversed, or a payout is still on its way."""
    after, on = evolve(earnings, accrued), day_of(command.effective_at)
    on_its_way = earnings.reserved_minor
    if _overpaid(after, on, on_its_way) <= _overpaid(earnings, on, on_its_way):
        return accrued, ()
    uncovered = _overpaid(after, on) - _overpaid(earnings, on)
    asked = recalls(command, after, uncovered) if command.recovery == "reversal" else ()
    return replace(accrued, recovery="reversal" if asked else "netting"), asked


def _overpaid(earnings: Earnings, on: date, on_its_way: int = 0) -> int:
    """Whatever disputes hold: what is held was not lost yet."""
    mature = sum(day.amount_minor for day in (earnings.past, *earnings.days) if day.available_on <= on)
    return max(earnings.transferred_minor + on_its_way - mature, 0)
