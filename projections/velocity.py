"""How much and how often a user was given something, by hour and by day: what is too much, others say."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from ledger.friendships.events import FriendAsked
from ledger.instants import clamped
from ledger.message import Event, Recorded
from ledger.rewards import BY_HAND
from ledger.streaks.events import TimeZoneChanged
from ledger.tokens.events import AwardRequested, TokensAwarded
from projections.engine.buffers import Sums, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table

What = Literal["award", "alone", "by_admin", "friend_request", "time_zone"]
"""`alone` is by hand without a second administrator, `by_admin` what one gave, asked for or confirmed."""
Span = Literal["hour", "day"]


class VelocityRow(Row):
    what: What
    span: Span
    begins: str
    """The hour or the day, in UTC: `2026-03-01T12`, `2026-03-01`."""
    user_id: str
    admin_id: str
    """Of `by_admin`; else empty."""
    seen: int
    amount: int
    """Of tokens, as awarded; pending ones, too."""


VELOCITY = Table("velocity", VelocityRow, ("what", "span", "begins", "user_id", "admin_id"))


def hour_of(at: datetime) -> str:
    return clamped(at).isoformat()[:13]


def day_of(at: datetime) -> str:
    return clamped(at).isoformat()[:10]


class Velocity(Projection):
    NAME: ClassVar[str] = "velocity"
    FACTS: ClassVar[frozenset[type[Event]] | None] = frozenset(
        {TokensAwarded, AwardRequested, FriendAsked, TimeZoneChanged}
    )

    def __init__(self) -> None:
        self._sums = Sums(VELOCITY)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._sums,)

    def project(self, recorded: Recorded) -> None:
        event, at = recorded.event, recorded.metadata.effective_at
        match event:
            case TokensAwarded() if not event.reinstates:
                self._award(event, recorded)
            case AwardRequested():
                self._add("by_admin", at, event.user_id, admin_id=event.requested_by)
            case FriendAsked():
                self._add("friend_request", at, event.user_id)
            case TimeZoneChanged():
                self._add("time_zone", at, event.user_id)
            case _:
                pass

    def _award(self, event: TokensAwarded, recorded: Recorded) -> None:
        at, amount = recorded.metadata.effective_at, event.amount
        self._add("award", at, event.user_id, amount=amount)
        self._add("award", at, event.user_id, amount=amount, span="hour")
        if event.rule == BY_HAND:
            self._add("by_admin", at, event.user_id, admin_id=recorded.metadata.actor, amount=amount)
            if not event.request_id:
                self._add("alone", at, event.user_id, amount=amount)

    def _add(
        self,
        what: What,
        at: datetime,
        user_id: str,
        *,
        admin_id: str = "",
        amount: int = 0,
        span: Span = "day",
    ) -> None:
        begins = hour_of(at) if span == "hour" else day_of(at)
        sums = self._sums.of((what, span, begins, user_id, admin_id))
        sums[0] += 1
        sums[1] += amount
