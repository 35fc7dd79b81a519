"""Coupons as they are now, and their uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.coupons.events import (
    CouponCreated,
    CouponEndedEarly,
    CouponEvent,
    CouponUseReserved,
    UseFollowed,
)
from ledger.coupons.state import FOLLOWED, UseStatus
from ledger.message import Event, Recorded
from projections.coupons import coupon, use
from projections.coupons.coupon import COUPONS
from projections.coupons.use import COUPON_USES
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection

_COUPON_EVENTS: frozenset[type[Event]] = frozenset(get_args(CouponEvent))


class Coupons(Projection):
    NAME: ClassVar[str] = "coupons"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _COUPON_EVENTS

    def __init__(self) -> None:
        self._coupons = Rows(COUPONS)
        self._uses = Rows(COUPON_USES)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._coupons, self._uses

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """A use that is reserved in this batch is not there yet, as none is reserved twice."""
        events: list[Any] = [one.event for one in batch if type(one.event) in _COUPON_EVENTS]
        self._coupons.load(cursor, {event.code for event in events})
        begun = {event.use_id for event in events if isinstance(event, CouponUseReserved)}
        followed = {event.use_id for event in events if isinstance(event, UseFollowed)}
        self._uses.load(cursor, followed - begun)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if isinstance(event, CouponCreated):
            self._coupons.put(event.code, coupon.begin(recorded, event))
            return
        if self._coupons.find(event.code) is not None:  # not of one whose making was lost by a restore
            self._coupons.change(event.code).last_position = recorded.position
        if isinstance(event, CouponEndedEarly):
            self._coupons.change(event.code).ended_at = recorded.metadata.effective_at
        elif isinstance(event, CouponUseReserved):
            self._uses.put(event.use_id, use.begin(recorded, event))
            self._count(event.code, "reserved", 1)
        else:
            self._follow(recorded, event)

    def _follow(self, recorded: Recorded, event: UseFollowed) -> None:
        status = FOLLOWED[type(event)]
        known = self._uses.find(event.use_id)
        if known is None:
            self._uses.put(event.use_id, use.begin_followed(recorded, event))
        else:
            self._count(event.code, known.status, -1)
            row = self._uses.change(event.use_id)
            row.status, row.changed_at = status, recorded.metadata.effective_at
            row.last_position = recorded.position
        self._count(event.code, status, 1)

    def _count(self, code: str, status: UseStatus, by: int) -> None:
        row = self._coupons.find(code)
        if row is None:
            return
        if status == "reserved":
            row.reserved += by
        elif status == "confirmed":
            row.confirmed += by
