"""Awards, claw-backs and users who hide, in the ledger's order; and boards as their definition has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from ledger.message import Event, Metadata, Recorded
from ledger.store import conninfo
from ledger.store.chain import link, read_head
from ledger.store.mapper import FactMapper
from ledger.tokens.events import Stretch, TokensAwarded, TokensClawedBack, TokensMatured
from ledger.visibility.events import VisibilityChanged
from ledger.windows import windows_at


class Standing(NamedTuple):
    rank: int
    user_id: str
    score: int
    score_now: int
    reached_at: datetime


class Scoring:
    """Facts with the times that they are given, each recorded when it happened unless told."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self._versions: dict[str, int] = {}

    def add(self, stream: str, event: Event, at: datetime, recorded_at: datetime | None = None) -> None:
        position = len(self.recorded) + 1
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        metadata = Metadata(actor="worker", command="test", command_digest="", effective_at=at)
        self.recorded.append(
            Recorded(position, stream, version, event, metadata, recorded_at or at, f"cmd-{position}")
        )

    def award(self, user_id: str, amount: int, at: datetime, **more: Any) -> str:
        """The lot's id."""
        lot_id = f"lot_{len(self.recorded)}"
        recorded_at = more.pop("recorded_at", None)
        event = TokensAwarded(
            user_id=user_id,
            rule="course_completed",
            source_ref=lot_id,
            lot_id=lot_id,
            asked=amount,
            amount=amount,
            awarded_at=more.pop("awarded_at", at),
            stretch=Stretch(amount),
            **more,
        )
        self.add(f"tokens-{user_id}", event, at, recorded_at)
        return lot_id

    def mature(self, user_id: str, amount: int, awarded_at: datetime, at: datetime) -> None:
        event = TokensMatured(
            user_id=user_id,
            lot_id="lot",
            rule="course_completed",
            source_ref="crs",
            amount=amount,
            awarded_at=awarded_at,
            matured_at=at,
        )
        self.add(f"tokens-{user_id}", event, at)

    def claw_back(
        self,
        user_id: str,
        amount: int,
        awarded_at: datetime,
        at: datetime,
        *,
        pending: bool = False,
        lot_id: str = "lot",
    ) -> None:
        event = TokensClawedBack(
            user_id=user_id,
            rule="course_completed",
            source_ref="crs",
            lot_id=lot_id,
            awarded=amount,
            awarded_at=awarded_at,
            stretch=Stretch(amount),
            from_pending=amount if pending else 0,
            from_lot=0 if pending else amount,
            cause="refunded",
        )
        self.add(f"tokens-{user_id}", event, at)

    def show(self, user_id: str, visibility: str, at: datetime) -> None:
        self.add(f"visibility-{user_id}", VisibilityChanged(user_id=user_id, visibility=visibility), at)

    # ------------------------------------------------------------------------------------ the definition

    def board(self, name: str) -> list[Standing]:
        """Summed up anew from all facts, and each user compared with each."""
        score: dict[str, int] = {}
        score_now: dict[str, int] = {}
        reached_at: dict[str, datetime] = {}
        for one, change in self._changes(name):
            user_id = one.event.user_id  # type: ignore[attr-defined]  # of each of these facts
            score_now[user_id] = score_now.get(user_id, 0) + change
            if not self._late(one, name):
                score[user_id] = score.get(user_id, 0) + change
                reached_at[user_id] = one.metadata.effective_at
        seen = {user: many for user, many in score.items() if many > 0 and user not in self._hidden()}
        in_order = sorted(seen, key=lambda user: (-seen[user], reached_at[user], user))
        return [
            Standing(
                1 + sum(other > seen[user] for other in seen.values()),
                user,
                seen[user],
                score_now[user],
                reached_at[user],
            )
            for user in in_order
        ]

    def _changes(self, name: str) -> Iterator[tuple[Recorded, int]]:
        for one in self.recorded:
            match one.event:
                case TokensAwarded(pending_until=None, amount=change) | TokensMatured(amount=change):
                    pass
                case TokensClawedBack(from_pending=0, awarded=awarded):
                    change = -awarded
                case _:
                    continue
            if change and name in {window.name for window in windows_at(one.event.awarded_at)}:
                yield one, change

    def _late(self, one: Recorded, name: str) -> bool:
        """After its window was published, which one that was over before the first score never was."""
        awarded_at: datetime = one.event.awarded_at  # type: ignore[attr-defined]  # as above
        ends_at = next(window.ends_at for window in windows_at(awarded_at) if window.name == name)
        if ends_at is None:
            return False
        published_at, (first, _) = ends_at + timedelta(minutes=10), next(self._changes("all"))
        return first.recorded_at < published_at <= one.recorded_at

    def _hidden(self) -> set[str]:
        last = {
            one.event.user_id: one.event.visibility
            for one in self.recorded
            if isinstance(one.event, VisibilityChanged)
        }
        return {user for user, visibility in last.items() if visibility == "hidden"}


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which PostgreSQL counts microseconds."""
_INSERT = """
    INSERT INTO events
    SELECT *
    FROM unnest(
        %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[],
        %s::timestamptz[], %s::text[], %s::int[], %s::bytea[]
    )
"""


def append_as_recorded(url: str, facts: Sequence[Recorded]) -> None:
    """By the owner, with the times of recording that they have. The chain holds."""
    mapper = FactMapper(())
    rows: list[tuple[Any, ...]] = []
    with psycopg.connect(conninfo(url, role=None)) as conn:
        previous = read_head(conn).hash
        for one in facts:
            micros = ((one.recorded_at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, signed=True)
            data, metadata = mapper.encode(one.event), mapper.encode(one.metadata)
            texts = [text.encode() for text in (one.stream, one.event.TYPE, one.command_id)]
            previous = link(
                previous,
                (one.position, micros, one.version, 0, texts[0], texts[1], texts[2], data, metadata, b""),
            )
            kind, command_id, at = one.event.TYPE, one.command_id, one.recorded_at
            rows.append(
                (one.position, one.stream, one.version, kind, data, metadata, at, command_id, 0, previous)
            )
        conn.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
        conn.execute("UPDATE head SET position = %s, hash = %s", (facts[-1].position, previous))
