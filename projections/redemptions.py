"""Who redeemed which reward and what became of it, and how much of each reward is taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.redemptions.events import (
    RedemptionCancelled,
    RedemptionConfirmed,
    RedemptionEvent,
    RedemptionFulfilled,
    RedemptionHeld,
    RedemptionReleased,
)
from ledger.redemptions.state import LIVE, Status
from projections.engine.buffers import Rows, Sums, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class RedemptionRow(Row):
    redemption_id: str
    reward_id: str
    user_id: str
    kind: str
    cost: int
    feature: str
    status: Status
    reason: str
    """Why it was released or cancelled; else empty."""
    redeemed_at: datetime
    ends_at: datetime | None
    """Of what it unlocks, were it not cancelled."""
    changed_at: datetime
    position: int
    last_position: int
    course_id: str = ""
    """That it enrols in."""


class RewardCountRow(Row):
    reward_id: str
    live: int
    """How many count against its stock."""


class RewardUserCountRow(Row):
    user_id: str
    reward_id: str
    live: int
    """How many count against the limit of that user."""


REDEMPTIONS = Table("redemptions", RedemptionRow, ("redemption_id",))
REWARD_COUNTS = Table("reward_counts", RewardCountRow, ("reward_id",))
REWARD_USER_COUNTS = Table("reward_user_counts", RewardUserCountRow, ("user_id", "reward_id"))
_FACTS = frozenset[type[Event]](get_args(RedemptionEvent))


class Redemptions(Projection):
    NAME: ClassVar[str] = "redemptions"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._redemptions = Rows(REDEMPTIONS)
        self._counts = Sums(REWARD_COUNTS)
        self._of_users = Sums(REWARD_USER_COUNTS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._redemptions, self._counts, self._of_users

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """One that is kept in this batch is not there yet, as none is kept twice."""
        events: list[Any] = [one.event for one in batch if type(one.event) in _FACTS]
        begun = {event.redemption_id for event in events if isinstance(event, RedemptionHeld)}
        self._redemptions.load(cursor, {event.redemption_id for event in events} - begun)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if isinstance(event, RedemptionHeld):
            self._redemptions.put(event.redemption_id, _begin(recorded, event))
            self._count(event, 1)
        elif self._redemptions.find(event.redemption_id) is not None:
            row = self._redemptions.change(event.redemption_id)
            was_live = row.status in LIVE
            _advance(row, event)
            row.changed_at, row.last_position = recorded.metadata.effective_at, recorded.position
            self._count(event, (row.status in LIVE) - was_live)

    def _count(self, event: RedemptionEvent, more: int) -> None:
        self._counts.of((event.reward_id,))[0] += more
        self._of_users.of((event.user_id, event.reward_id))[0] += more


def _begin(recorded: Recorded, event: RedemptionHeld) -> RedemptionRow:
    at = recorded.metadata.effective_at
    return RedemptionRow(
        redemption_id=event.redemption_id,
        reward_id=event.reward_id,
        user_id=event.user_id,
        kind=event.kind,
        cost=event.cost,
        feature=event.feature,
        course_id=event.course_id,
        status="held",
        reason="",
        redeemed_at=at,
        ends_at=None,
        changed_at=at,
        position=recorded.position,
        last_position=recorded.position,
    )


def _advance(row: RedemptionRow, event: RedemptionEvent) -> None:
    """The same rules as the decider's `evolve`."""
    match event:
        case RedemptionConfirmed(waits=waits, ends_at=ends_at):
            row.status, row.ends_at = "waiting" if waits else "fulfilled", ends_at
        case RedemptionReleased(reason=reason):
            row.status, row.reason = "released", reason
        case RedemptionFulfilled():
            row.status = "fulfilled"
        case RedemptionCancelled(reason=reason):
            row.status, row.reason = "cancelled", reason
