"""Keeps the tables up with the facts, in a thread of its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, Self

import structlog
from eventsourcing.persistence import MapperDeserialisationError, PersistenceError

from ledger.message import Recorded
from ledger.store import APPLICATION, Reader, Role
from projections.engine.projection import CannotProject, Projection
from projections.engine.writer import ProjectionWriter, Superseded, Unwritable

_log = structlog.get_logger(__name__)

BATCH = 500
FAR_BEHIND_BATCH = 5_000
"""When a full batch shows that there is more to come: fewer commits, more rows folded together."""
RETRY_S = 60.0
"""How often a stopped projection is tried again: in a rolling upgrade the fact may be a newer version's."""
_LONGEST_PAUSE_S = 5.0
_GATHER_S = 0.01
"""Between batches under load: what comes meanwhile shares the next transaction. A lone fact does not wait."""


class Feed(Protocol):
    """Where facts come from; `ledger.store.Reader` is one."""

    def batch(self, after: int, limit: int) -> list[Recorded]: ...
    def head(self) -> int: ...
    def close(self) -> None: ...


class BatchRunner(threading.Thread):
    """Reads facts in their order and moves all projections that stand at one position together.

    A wake-up is only a hint: it polls as well. A projection that is behind the others, such as a new one,
    catches up by itself and then joins them. One that meets a fact it cannot take stops there, with the
    reason in `errors` and in the table `stopped_projections`, and the others go on. It is tried again every
    minute, and goes on once it can take the fact, or once a runner of another version took it.
    """

    def __init__(
        self,
        url: str,
        projections: Mapping[str, type[Projection]],
        *,
        schema: str = "liberation",
        role: Role = APPLICATION,
        batch: int = BATCH,
        far_behind_batch: int = FAR_BEHIND_BATCH,
        poll_s: float = 0.1,
        reader: Feed | None = None,
    ) -> None:
        super().__init__(name="projections", daemon=True)
        self.errors: dict[str, str] = {}
        """Why each stopped projection stopped, with the position and type of the fact."""
        self.trouble = ""
        """What keeps all of them from moving now, such as a database that is away; else empty."""
        self.events = 0
        """Facts folded since the start, once for each group of projections that moved together."""
        self._projections = projections
        self._batch, self._far_behind_batch, self._poll_s = batch, max(batch, far_behind_batch), poll_s
        self._writer = ProjectionWriter(url, schema=schema, role=role)
        self._reader: Feed = reader or Reader(url, schema=schema, role=role)
        self._positions: dict[str, int] = {}
        self._limits: dict[str, int] = {}
        self.retry_s = RETRY_S
        self._retry_at: dict[str, float] = {}
        """By the monotonic clock, for each in `errors`."""
        self._noted: set[str] = set()
        """What the table says has stopped, by this runner or one before it."""
        self._callbacks: list[Callable[[int], None]] = []
        self._stop_callbacks: list[Callable[[str, str], None]] = []
        self._wake, self._halt = threading.Event(), threading.Event()

    def on_advance(self, callback: Callable[[int], None]) -> None:
        """Have `callback(position)` called in this thread whenever `position` moved."""
        self._callbacks.append(callback)

    def on_stop(self, callback: Callable[[str, str], None]) -> None:
        """Have `callback(name, reason)` called in this thread when a projection stops, as for a metric."""
        self._stop_callbacks.append(callback)

    def wake(self) -> None:
        """There is something new. From any thread; costs next to nothing."""
        self._wake.set()

    def positions(self) -> dict[str, int]:
        """Of every projection, as this runner knows them; a stopped one stays where it stopped."""
        return dict(self._positions)

    def position(self) -> int:
        """Up to where every projection that has not stopped shows the facts."""
        return min(self._running().values(), default=0)

    def lag(self, head: int | None = None) -> int:
        """How many facts the projection that is furthest behind has yet to see, stopped ones included.

        Asks the database for the ledger's `head` unless told.
        """
        head = self._reader.head() if head is None else head
        return max(0, head - min(self.positions().values(), default=0))

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the batch at hand, then close the connections. May be called without a start."""
        self._halt.set()
        self._wake.set()
        if self.is_alive():
            self.join(timeout_s)
        self._writer.close()
        self._reader.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Until `stop`. A database that goes away is waited for, ever longer up to five seconds."""
        pause = self._poll_s
        while not self._halt.is_set():
            self._wake.clear()
            try:
                moved = self.step()
                self.trouble, pause = "", self._poll_s
            except Exception as error:  # noqa: BLE001  # told to the operator, never lost with the thread
                self.trouble = f"{type(error).__name__}: {error}"
                _log.warning(
                    "projections.waiting", error=self.trouble, database=isinstance(error, PersistenceError)
                )
                self._halt.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                if moved:
                    self._halt.wait(_GATHER_S)
                else:
                    self._wake.wait(self._poll_s)

    def step(self) -> bool:
        """One batch for every group of projections at one position, those behind first. False at the head."""
        if not self._positions:
            self._take_stock()
        if self._to_be_tried_again():
            self._take_stock()  # another runner may have moved them on, past what this version cannot read
        moved = False
        for names, after, ahead in _groups(self._running() | self._to_be_tried_again()):
            try:
                moved |= self._advance(names, after, ahead)
            except Superseded:
                self._take_stock()
                return True
        return moved

    def catch_up(self) -> None:
        """All batches up to the head, in the caller's thread instead of a started one."""
        while self.step():
            pass

    def _running(self) -> dict[str, int]:
        return {name: position for name, position in self._positions.items() if name not in self.errors}

    def _to_be_tried_again(self) -> dict[str, int]:
        now = time.monotonic()
        return {name: self._positions[name] for name, due in self._retry_at.items() if due <= now}

    def _take_stock(self) -> None:
        """Learn the positions from the database; a stopped one may have been moved on by another runner."""
        names = list(self._projections)
        self._writer.seed(names)
        found = self._writer.positions(names)
        self._gone_on([name for name in self.errors if found[name] != self._positions[name]])
        self._noted = self._writer.forget_stopped()
        self._moved(found)

    def _moved(self, positions: dict[str, int]) -> None:
        before = self.position()
        self._positions = {**self._positions, **positions}
        if (now := self.position()) > before:
            for callback in self._callbacks:
                callback(now)

    def _advance(self, names: Sequence[str], after: int, ahead: int | None) -> bool:
        """`ahead` is where the next group stands: exactly there the two become one."""
        limit = min(self._limits.get(name, self._batch) for name in names)
        if ahead is not None:
            limit = min(limit, ahead - after)
        try:
            batch = self._reader.batch(after, limit)
            if not batch:
                return False
            self._writer.apply([self._projections[name]() for name in names], batch, after)
        except CannotProject as error:
            self._end_before([error.name], error.position, after, str(error))
        except Unwritable as error:
            # Which fact it was is found by halving, down to a batch of one.
            middle = batch[len(batch) // 2]
            reason = f"{error} (position {middle.position}, {middle.event.TYPE})"
            self._end_before([error.name], middle.position, after, reason)
        except MapperDeserialisationError as error:
            self._end_before(names, after + 1 + limit // 2, after, str(error))
        else:
            self.events += len(batch)
            more_to_come = len(batch) == limit
            self._limits |= dict.fromkeys(names, self._far_behind_batch if more_to_come else self._batch)
            self._gone_on(names)
            self._moved(dict.fromkeys(names, batch[-1].position))
            if not self._noted.isdisjoint(names):
                self._noted = self._writer.forget_stopped()
        return True

    def _end_before(self, names: Sequence[str], position: int, after: int, reason: str) -> None:
        """Let the next batch end before the fact at `position`, or stop when that is the very next one."""
        limit = position - after - 1
        for name in names:
            if limit > 0:
                self._limits[name] = limit
            else:
                self._limits.pop(name, None)
                self._stop_at(name, position, reason)

    def _stop_at(self, name: str, position: int, reason: str) -> None:
        self.errors[name] = reason
        self._retry_at[name] = time.monotonic() + self.retry_s
        _log.error("projections.stopped", projection=name, reason=reason)
        for callback in self._stop_callbacks:
            callback(name, reason)
        self._moved({})
        self._writer.note_stopped(name, position, reason)
        self._noted.add(name)

    def _gone_on(self, names: Sequence[str]) -> None:
        for name in names:
            if self.errors.pop(name, None) is not None:
                del self._retry_at[name]
                _log.warning("projections.resumed", projection=name)


def _groups(positions: Mapping[str, int]) -> Iterator[tuple[list[str], int, int | None]]:
    """Those at one position together, from behind, each with the position of the next group."""
    places = sorted(set(positions.values()))
    for place, ahead in itertools.zip_longest(places, places[1:]):
        yield [name for name, position in positions.items() if position == place], place, ahead
