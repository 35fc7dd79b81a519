"""Folded streams: what deciders decide on. The cache may be behind; the database settles that."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from psycopg import AsyncConnection

from ledger.message import Recorded
from ledger.store.forms import AnyDecider, Form, Forms
from ledger.store.mapper import COLUMNS, FactMapper, Row

EVERY = 32
"""A snapshot is due after as many facts. To read and fold so many takes 125 µs, half of the round trip."""
BYTES_A_FACT = 256
"""And after one fact more for so many bytes of state, which take as long to read as a fact, 4 µs. So a
snapshot is less to write than the facts since the last one, and they are never more to read than it is."""

log = structlog.get_logger(__name__)

_OF_EVENTS = ", ".join(f"e.{column}" for column in COLUMNS.split(", "))
_SELECT_NEWER = f"""
    WITH known AS (
        SELECT stream, version, shape
        FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS asked (stream, version, shape)
    ),
    saved AS (
        SELECT s.stream, s.version, s.state, e.recorded_at
        FROM known AS k
        JOIN snapshots AS s ON s.stream = k.stream AND s.shape = k.shape
            AND (k.version = 0 OR s.version - k.version >= {EVERY} + octet_length(s.state) / {BYTES_A_FACT})
        JOIN events AS e ON e.stream = s.stream AND e.version = s.version
        WHERE s.seal = sha256(e.hash || convert_to(s.shape, 'UTF8') || s.state)
    )
    SELECT 0::bigint AS position, stream, version, '', state, ''::bytea, recorded_at, '' FROM saved
    UNION ALL
    SELECT {_OF_EVENTS}
    FROM known
    LEFT JOIN saved ON saved.stream = known.stream
    JOIN events AS e ON e.stream = known.stream AND e.version > coalesce(saved.version, known.version)
    ORDER BY position
"""  # noqa: S608  # constants alone
"""Snapshots come first, with position 0. Those that do not belong to the facts are left out: their version is
ahead of the stream, or their seal is not of the fact at it."""
_SELECT_STREAMS = f"""
    SELECT {_OF_EVENTS}
    FROM (
        SELECT stream, min(version) AS version
        FROM unnest(%s::text[], %s::bigint[]) AS each (stream, version)
        GROUP BY stream
    ) AS asked
    JOIN events AS e ON e.stream = asked.stream AND e.version > asked.version
    ORDER BY e.position
"""  # noqa: S608  # as above
_SELECT_AFTER = f"SELECT {COLUMNS} FROM events WHERE position > %s ORDER BY position LIMIT %s"  # noqa: S608  # as above
_SELECT_COMMANDS = f"""
    SELECT {_OF_EVENTS}
    FROM events AS first
    JOIN events AS e ON e.position >= first.position AND e.position < first.position + 1000
        AND e.command_id = first.command_id
    WHERE first.command_id = ANY(%s) AND first.command_index = 0
    ORDER BY e.position
"""  # noqa: S608  # as above


class Folded(msgspec.Struct, frozen=True):
    """A stream's state after its first `version` events."""

    version: int
    state: Any
    form: Form | None = None
    """How its snapshots are written; None for none."""
    saved: int = 0
    """The version of its last snapshot, as far as is known here, and that snapshot's size in bytes."""
    saved_bytes: int = 0

    def then(self, version: int, state: Any) -> Folded:
        return Folded(version, state, self.form, self.saved, self.saved_bytes)

    @property
    def due(self) -> bool:
        """Whether a snapshot is worth its cost."""
        since = self.version - self.saved
        return since >= EVERY and since >= EVERY + self.saved_bytes // BYTES_A_FACT and self.form is not None

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes, from what is known without looking: see `MAX_BYTES`."""
        return 1_024 + _INFLATION * self.saved_bytes + _GROWTH * (self.version - self.saved)


MAX_BYTES = 64 * 2**20
"""For the cache. Weights are estimates, from 0.8 to 1.8 times what states took when they were measured: many
small entries take 4 to 6 times their JSON, and a fact adds up to 400 bytes, or nothing."""
_INFLATION = 5
_GROWTH = 350


class StreamCache:
    """The least recently used folded streams go first. The last one stays, whatever it weighs."""

    def __init__(self, size: int, max_bytes: int = MAX_BYTES) -> None:
        self._size = size
        self._max_bytes = max_bytes
        self.on_due: Callable[[str], None] = lambda _stream: None
        """Called with each stream of which a snapshot is due, at every change of it until there is one."""
        self._folded: OrderedDict[str, Folded] = OrderedDict()
        self.weight = 0
        """Bytes, as estimated."""

    def get(self, stream: str) -> Folded | None:
        folded = self._folded.get(stream)
        if folded is not None:
            self._folded.move_to_end(stream)
        return folded

    def peek(self, stream: str) -> Folded | None:
        """As `get`, without counting as a use of it: the cache forgets what was not used for longest."""
        return self._folded.get(stream)

    def update(self, folded: Mapping[str, Folded]) -> None:
        """Keeps what is newer, and says of what a snapshot is due."""
        for stream, new in folded.items():
            old = self._folded.get(stream)
            if old is None or old.version <= new.version:
                self._put(stream, new, old)
                self._folded.move_to_end(stream)
        while self._folded and (len(self._folded) > self._size or self._is_too_heavy()):
            _, gone = self._folded.popitem(last=False)
            self.weight -= gone.weight

    def _is_too_heavy(self) -> bool:
        return self.weight > self._max_bytes and len(self._folded) > 1

    def _put(self, stream: str, new: Folded, old: Folded | None) -> None:
        if old is not None:
            self.weight -= old.weight
            if old.saved > new.saved:
                new = msgspec.structs.replace(new, saved=old.saved, saved_bytes=old.saved_bytes)
        self._folded[stream] = new
        self.weight += new.weight
        if new.due:
            self.on_due(stream)

    def note_saved(self, stream: str, version: int, size: int) -> None:
        """There is a snapshot of this stream now."""
        known = self._folded.get(stream)
        if known is not None and known.saved < version <= known.version:
            self._put(stream, msgspec.structs.replace(known, saved=version, saved_bytes=size), known)

    def __len__(self) -> int:
        return len(self._folded)


class StreamLoader:
    """Reads streams on a connection of the caller's."""

    def __init__(self, mapper: FactMapper) -> None:
        self._decode = mapper.decode
        self._forms = Forms()

    def begin(self, decider: AnyDecider) -> Folded:
        """A stream without facts."""
        return Folded(0, decider.initial, self._forms.of(decider))

    async def refresh(
        self, conn: AsyncConnection[Any], deciders: Mapping[str, AnyDecider], known: Mapping[str, Folded]
    ) -> dict[str, Folded]:
        """The streams of `deciders` as they are now, in one query; only what is newer is read."""
        folded = {stream: known.get(stream) or self.begin(decider) for stream, decider in deciders.items()}
        unreadable = await self._read_on(conn, deciders, folded, with_snapshots=True)
        if unreadable:
            facts_alone = {stream: deciders[stream] for stream in unreadable}
            await self._read_on(conn, facts_alone, folded, with_snapshots=False)
        return folded

    async def _read_on(
        self,
        conn: AsyncConnection[Any],
        deciders: Mapping[str, AnyDecider],
        folded: dict[str, Folded],
        *,
        with_snapshots: bool,
    ) -> set[str]:
        """Brings `folded` up to now, but for the streams that it returns: their snapshots cannot be read."""
        unreadable: set[str] = set()
        asked = [folded[stream] for stream in deciders]
        versions = _bigints([one.version for one in asked])
        shapes = [one.form.shape if with_snapshots and one.form else "" for one in asked]
        for row in await self._rows(conn, _SELECT_NEWER, (list(deciders), versions, shapes)):
            position, stream, version, state = row[0], row[1], row[2], row[4]
            if stream in unreadable:
                continue
            before = folded[stream]
            if position:
                event = self._decode(row).event
                folded[stream] = before.then(version, deciders[stream].evolve(before.state, event))
            elif (restored := _restore(before, stream, version, state)) is not None:
                folded[stream] = restored
            else:
                unreadable.add(stream)
        return unreadable

    async def streams(
        self, conn: AsyncConnection[Any], asked: Sequence[tuple[str, int]]
    ) -> list[list[Recorded]]:
        """For each stream and version asked for, the facts above it; in one query."""
        names, versions = [stream for stream, _ in asked], [after for _, after in asked]
        facts: dict[str, list[Recorded]] = {stream: [] for stream in names}
        for recorded in await self._select(conn, _SELECT_STREAMS, (names, _bigints(versions))):
            facts[recorded.stream].append(recorded)
        return [[fact for fact in facts[stream] if fact.version > after] for stream, after in asked]

    async def after(self, conn: AsyncConnection[Any], position: int, limit: int) -> list[Recorded]:
        return await self._select(conn, _SELECT_AFTER, (position, limit))

    async def commands(
        self, conn: AsyncConnection[Any], command_ids: list[str]
    ) -> dict[str, tuple[Recorded, ...]]:
        """What each of these commands recorded, for those that were recorded."""
        found: dict[str, tuple[Recorded, ...]] = {}
        for recorded in await self._select(conn, _SELECT_COMMANDS, (command_ids,)):
            found[recorded.command_id] = (*found.get(recorded.command_id, ()), recorded)
        return found

    async def _select(
        self, conn: AsyncConnection[Any], query: str, arguments: tuple[Any, ...]
    ) -> list[Recorded]:
        decode = self._decode
        return [decode(row) for row in await self._rows(conn, query, arguments)]

    async def _rows(self, conn: AsyncConnection[Any], query: str, arguments: tuple[Any, ...]) -> list[Row]:
        async with conn.cursor(binary=True) as cursor:
            await cursor.execute(query.encode(), arguments, prepare=True)
            return await cursor.fetchall()


def _restore(before: Folded, stream: str, version: int, state: bytes) -> Folded | None:
    assert before.form is not None
    try:
        return Folded(version, before.form.decode(state), before.form, version, len(state))
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the facts say the same
        log.warning(
            "snapshot_ignored", stream=stream, version=version, error=f"{type(error).__name__}: {error}"
        )
        return None


def _bigints(numbers: list[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"
