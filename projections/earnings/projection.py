"""What instructors earn and are paid: sums by day and by month, each movement, each payout and recall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.earnings.events import (
    EarningsAccrued,
    EarningsEvent,
    EarningsHeld,
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    PayoutWithheld,
    RecallOutcomeUnknown,
    RecallRefused,
    RecallRequested,
    TransferReversed,
)
from ledger.message import Event, Recorded
from projections.earnings import holds, movements, payouts, recalls, turns, withheld
from projections.earnings.holds import EARNINGS_HOLDS, EarningsHoldRow
from projections.earnings.movements import EARNINGS_MOVEMENTS, PAYOUT, PAYOUT_REVERSED
from projections.earnings.payouts import INSTRUCTOR_PAYOUTS
from projections.earnings.recalls import PAYOUT_RECALLS
from projections.earnings.sums import EARNINGS_DAYS, EARNINGS_MONTHS
from projections.earnings.turns import PAYOUT_TURNS
from projections.earnings.withheld import PAYOUTS_WITHHELD
from projections.engine.buffers import Log, Rows, Sums, TableBuffer
from projections.engine.projection import Projection

_AMOUNT, _HELD, _RESERVED, _TRANSFERRED = range(4)
"""The places of a day's sums."""
_CHANGES_PAYOUT = (PayoutReserved, PayoutOutcomeUnknown, PayoutBlocked, PayoutTransferred, TransferReversed)
_MAY_BE_SHORT = (PayoutWithheld, PayoutBlocked)
_ANSWERS_RECALL = (RecallOutcomeUnknown, RecallRefused, TransferReversed)


class Earnings(Projection):
    NAME: ClassVar[str] = "earnings"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(get_args(EarningsEvent))

    def __init__(self) -> None:
        self._days = Sums(EARNINGS_DAYS)
        self._months = Sums(EARNINGS_MONTHS)
        self._movements = Log(EARNINGS_MOVEMENTS)
        self._payouts = Rows(INSTRUCTOR_PAYOUTS)
        self._recalls = Rows(PAYOUT_RECALLS)
        self._withheld = Rows(PAYOUTS_WITHHELD)
        self._turns = Rows(PAYOUT_TURNS)
        self._holds = Rows(EARNINGS_HOLDS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        of_payouts = (self._payouts, self._recalls, self._withheld, self._turns)
        return self._days, self._months, self._movements, self._holds, *of_payouts

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        events: list[Any] = [one.event for one in batch]
        self._payouts.load(cursor, {one.payout_id for one in events if isinstance(one, _CHANGES_PAYOUT)})
        self._recalls.load(cursor, {one.recall_id for one in events if isinstance(one, _ANSWERS_RECALL)})
        self._turns.load(cursor, {one.stream for one in batch if isinstance(one.event, _MAY_BE_SHORT)})
        held = {holds.id_of(one, one.event) for one in batch if isinstance(one.event, EarningsHeld)}
        self._holds.load(cursor, held)

    def project(self, recorded: Recorded) -> None:
        match recorded.event:
            case EarningsAccrued() as event:
                self._accrue(recorded, event)
            case EarningsHeld() as event:
                self._hold(recorded, event)
            case PayoutReserved() as event:
                self._reserve(recorded, event)
            case PayoutOutcomeUnknown() | PayoutBlocked() as event:
                self._answer(recorded, event)
            case PayoutTransferred() as event:
                self._transfer(recorded, event)
            case PayoutWithheld() as event:
                self._withheld.put(recorded.stream, withheld.begin(recorded, event))
                self._wait(recorded, event)
            case RecallRequested() as event:
                self._recalls.put(event.recall_id, recalls.begin(recorded, event))
            case RecallOutcomeUnknown() | RecallRefused() as event:
                self._answer_recall(recorded, event)
            case TransferReversed() as event:
                self._take_back(recorded, event)
            case _:
                pass

    def _accrue(self, recorded: Recorded, event: EarningsAccrued) -> None:
        self._day(recorded, event, event.available_on)[_AMOUNT] += event.amount_minor
        self._count(recorded, event, event.course_id, event.kind, event.amount_minor)
        self._movements.add(movements.accrued(recorded, event))

    def _hold(self, recorded: Recorded, event: EarningsHeld) -> None:
        self._movements.add(movements.held(recorded, event))
        hold_id = holds.id_of(recorded, event)
        row = self._holds.find(hold_id) or EarningsHoldRow(hold_id, 0, {})
        for happened_on, change in holds.change(row, _day_of(recorded), event.change_minor):
            key = (event.user_id, event.currency, happened_on, event.available_on)
            self._days.of(key)[_HELD] += change
        if row.is_over:
            self._holds.remove(hold_id)
        else:
            self._holds.put(hold_id, row)

    def _wait(self, recorded: Recorded, event: PayoutWithheld | PayoutBlocked) -> None:
        """The turn of the first time holds, whatever comes between."""
        if turns.is_short(event) and self._turns.find(recorded.stream) is None:
            self._turns.put(recorded.stream, turns.begin(recorded, event))

    def _reserve(self, recorded: Recorded, event: PayoutReserved) -> None:
        self._day(recorded, event)[_RESERVED] += event.amount_minor
        self._withheld.remove(recorded.stream)
        if self._payouts.find(event.payout_id) is None:
            self._payouts.put(event.payout_id, payouts.begin(recorded, event))
        else:
            payouts.reserve_again(self._changed(recorded, event.payout_id), event)

    def _answer(self, recorded: Recorded, event: PayoutOutcomeUnknown | PayoutBlocked) -> None:
        row = self._changed(recorded, event.payout_id)
        if not row.is_that(event):
            return
        if isinstance(event, PayoutBlocked):
            self._release(event, _day_of(recorded), row.amount_minor)
            payouts.refuse(row, event, _day_of(recorded))
            self._wait(recorded, event)
        else:
            payouts.lose_sight(row, event)

    def _transfer(self, recorded: Recorded, event: PayoutTransferred) -> None:
        if self._payouts.find(event.payout_id) is None:
            self._payouts.put(event.payout_id, payouts.begin(recorded, event))
        row = self._changed(recorded, event.payout_id)
        self._end_reservation(row, event, _day_of(recorded))
        payouts.transfer(row, recorded, event)
        self._turns.remove(recorded.stream)
        self._day(recorded, event)[_TRANSFERRED] += event.amount_minor
        self._pay(recorded, event, PAYOUT, -event.amount_minor)

    def _end_reservation(
        self, row: payouts.InstructorPayoutRow, event: PayoutTransferred, made_on: date
    ) -> None:
        """On the day of the transfer, which by Stripe's clock may be the one before that of the reservation.
        What was taken for refused was reserved no longer than until then.
        """
        if event.was_reserved:
            self._release(event, max(made_on, payouts.reserved_on(row, made_on)), row.amount_minor)
        elif (days := payouts.was_refused(row, event.attempt)) is not None:
            reserved_on, refused_on = days
            self._release(event, max(made_on, reserved_on), event.amount_minor)
            self._release(event, max(made_on, refused_on), -event.amount_minor)

    def _release(self, event: PayoutBlocked | PayoutTransferred, on: date, amount: int) -> None:
        self._days.of((event.user_id, event.currency, on, on))[_RESERVED] -= amount

    def _take_back(self, recorded: Recorded, event: TransferReversed) -> None:
        self._day(recorded, event)[_TRANSFERRED] -= event.amount_minor
        self._pay(recorded, event, PAYOUT_REVERSED, event.amount_minor)
        if self._payouts.find(event.payout_id) is not None:  # a restored ledger may not know it
            payouts.take_back(self._changed(recorded, event.payout_id), event)
        self._answer_recall(recorded, event)

    def _answer_recall(
        self, recorded: Recorded, event: RecallOutcomeUnknown | RecallRefused | TransferReversed
    ) -> None:
        if self._recalls.find(event.recall_id) is not None:  # nor that it was asked for
            recalls.answer(self._recalls.change(event.recall_id), recorded, event)

    def _pay(
        self, recorded: Recorded, event: PayoutTransferred | TransferReversed, kind: str, amount: int
    ) -> None:
        self._count(recorded, event, "", kind, amount)
        self._movements.add(movements.paid(recorded, event, kind, amount))

    def _day(self, recorded: Recorded, event: Any, available_on: date | None = None) -> list[int]:
        happened_on = _day_of(recorded)
        return self._days.of((event.user_id, event.currency, happened_on, available_on or happened_on))

    def _count(self, recorded: Recorded, event: Any, course_id: str, kind: str, amount: int) -> None:
        month = _day_of(recorded).replace(day=1)
        sums = self._months.of((event.user_id, event.currency, month, course_id, kind))
        sums[0] += amount
        sums[1] += 1

    def _changed(self, recorded: Recorded, payout_id: str) -> payouts.InstructorPayoutRow:
        row = self._payouts.change(payout_id)
        row.last_position = recorded.position
        return row


def _day_of(recorded: Recorded) -> date:
    return recorded.metadata.effective_at.astimezone(UTC).date()
