"""What is remembered of a reward to decide on it. `evolve` takes any history and never fails."""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.message import Instant
from ledger.persistent import PersistentMap
from ledger.redemptions.events import (
    RedemptionCancelled,
    RedemptionConfirmed,
    RedemptionEvent,
    RedemptionFulfilled,
    RedemptionHeld,
    RedemptionReleased,
)
from ledger.shelf import ONE_AT_A_TIME

Status = Literal["held", "waiting", "fulfilled", "released", "cancelled"]
"""`waiting` for somebody to fulfil it, or for its course; what needs nothing more is fulfilled at once."""
LIVE: frozenset[Status] = frozenset({"held", "waiting", "fulfilled"})
"""What counts against the stock and the limit of a user."""


class Redemption(Struct, frozen=True):
    user_id: str
    kind: str
    cost: int
    days: int = 0
    status: Status = "held"
    ends_at: Instant | None = None
    course_id: str = ""
    reason: str = ""
    """Why it was released or cancelled."""
    was_given_up: bool = False
    """Its course could not be given."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_undecided(self) -> bool:
        """The ledger itself has yet to say what becomes of it."""
        return self.status == "held" or (self.status == "waiting" and bool(self.course_id))


class Redeemed(Struct, frozen=True):
    """All redemptions of one reward."""

    redemptions: PersistentMap[Redemption] = PersistentMap()
    live: int = 0
    live_of: PersistentMap[int] = PersistentMap()
    """By user."""
    newest_of: PersistentMap[str] = PersistentMap()
    """The last redemption of each user, live or not, of those that are had one at a time: an operator may
    have made something else of the reward since."""


def evolve(redeemed: Redeemed, event: RedemptionEvent) -> Redeemed:
    known = redeemed.redemptions.get(event.redemption_id)
    if isinstance(event, RedemptionHeld):
        return redeemed if known else _held(redeemed, event)
    if known is None:
        return redeemed
    match event:
        case RedemptionConfirmed(waits=waits):
            now = replace(known, status="waiting" if waits else "fulfilled", ends_at=event.ends_at)
        case RedemptionReleased(reason=reason):
            now = replace(known, status="released", reason=reason)
        case RedemptionFulfilled():
            now = replace(known, status="fulfilled")
        case RedemptionCancelled(reason=reason):
            given_up = known.status == "waiting" and bool(known.course_id)
            now = replace(known, status="cancelled", reason=reason, was_given_up=given_up)
        case _:
            assert_never(event)
    return _changed(redeemed, event.redemption_id, now, now.is_live - known.is_live)


def _held(redeemed: Redeemed, event: RedemptionHeld) -> Redeemed:
    begun = Redemption(event.user_id, event.kind, event.cost, event.days, course_id=event.course_id)
    held = _changed(redeemed, event.redemption_id, begun, 1)
    if event.kind not in ONE_AT_A_TIME:
        return held
    return replace(held, newest_of=held.newest_of.put(event.user_id, event.redemption_id))


def _changed(redeemed: Redeemed, redemption_id: str, now: Redemption, more: int) -> Redeemed:
    theirs = redeemed.live_of.get(now.user_id, 0) + more
    return replace(
        redeemed,
        redemptions=redeemed.redemptions.put(redemption_id, now),
        live=redeemed.live + more,
        live_of=redeemed.live_of.put(now.user_id, theirs)
        if theirs
        else redeemed.live_of.without(now.user_id),
    )
