"""Who are friends, who asked whom, and who blocks whom: a row for each two users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.friendships.events import (
    FriendAccepted,
    FriendAsked,
    FriendDeclined,
    FriendshipEvent,
    RequestWithdrawn,
    Unfriended,
    UserBlocked,
    UserUnblocked,
)
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.engine.tables import Row, Table


class FriendshipRow(Row):
    stream: str
    lesser: str
    greater: str
    """The two users, in the order of their ids."""
    friends: bool
    asked_by: str
    """Whose request is open; empty for none."""
    unheard: bool
    """Whom it was made to is never shown it."""
    lesser_blocks: bool
    greater_blocks: bool
    since: datetime
    """When they became friends, or the open request was made."""
    position: int
    """Of that fact, or of the last one."""


FRIENDSHIPS = Table("friendships", FriendshipRow, ("stream",))
_FACTS = frozenset(get_args(FriendshipEvent))


class Friendships(Projection):
    NAME: ClassVar[str] = "friendships"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._friendships = Rows(FRIENDSHIPS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return (self._friendships,)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        self._friendships.load(cursor, {one.stream for one in batch if type(one.event) in _FACTS})

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        row = self._friendships.find(recorded.stream) or _begin(recorded, event)
        _advance(row, recorded, event)
        self._friendships.put(recorded.stream, row)


def _begin(recorded: Recorded, event: FriendshipEvent) -> FriendshipRow:
    lesser, greater = sorted((event.user_id, event.other_id))
    return FriendshipRow(
        stream=recorded.stream,
        lesser=lesser,
        greater=greater,
        friends=False,
        asked_by="",
        unheard=False,
        lesser_blocks=False,
        greater_blocks=False,
        since=recorded.metadata.effective_at,
        position=recorded.position,
    )


def _advance(row: FriendshipRow, recorded: Recorded, event: FriendshipEvent) -> None:
    """The same rules as the decider's `evolve`."""
    match event:
        case FriendAsked():
            row.asked_by, row.unheard = event.user_id, event.unheard
        case FriendAccepted():
            row.friends, row.asked_by, row.unheard = True, "", False
        case FriendDeclined() | RequestWithdrawn() | Unfriended():
            row.friends, row.asked_by, row.unheard = False, "", False
        case UserBlocked():
            row.friends = False
            row.asked_by = "" if row.asked_by == event.user_id else row.asked_by
            row.unheard = bool(row.asked_by)
            _set_block(row, event.user_id, blocks=True)
        case UserUnblocked():
            _set_block(row, event.user_id, blocks=False)
    if not isinstance(event, UserBlocked | UserUnblocked):  # who is blocked would see their request move
        row.since, row.position = recorded.metadata.effective_at, recorded.position


def _set_block(row: FriendshipRow, user_id: str, *, blocks: bool) -> None:
    if user_id == row.lesser:
        row.lesser_blocks = blocks
    else:
        row.greater_blocks = blocks
