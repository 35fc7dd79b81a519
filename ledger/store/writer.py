"""One writer for each ledger and process: decides and appends all that is waiting in one transaction.

Concurrent commands pay one flush together (group commit), and commands on one stream are decided one
after another on the state that the previous one leaves, so they never conflict within a process. A
conflict with another process is settled by deciding again on what it wrote.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection, errors

from ledger.errors import Contended, IdempotencyMismatch, StoreUnavailable
from ledger.message import Command, Metadata, Origin, Outcome, Recorded
from ledger.store.forms import AnyDecider
from ledger.store.mapper import FactMapper
from ledger.store.recorder import APPEND, NewRow, append_arguments
from ledger.store.streams import Folded, StreamCache, StreamLoader

log = structlog.get_logger(__name__)

MAX_BATCH = 128
MAX_WAITING = 10_000
OPTIMISTIC_TRIES = 3
"""After as many lost races a batch takes the head's lock first, so that it must win."""
MAX_TRIES = 8
_IN_USE = "another command with this id came at the same time and was not recorded; send this one again"
_LOCK_HEAD = "SELECT lock_head()"
_SELECT_HEAD = "SELECT position FROM head"

Connect = Callable[[], Awaitable[AsyncConnection[Any]]]


class Pending:
    """A command that waits to be decided and recorded."""

    __slots__ = ("command", "decider", "digest", "future", "origin", "stream", "unsure")

    def __init__(self, command: Command, origin: Origin, decider: AnyDecider) -> None:
        self.command = command
        self.origin = origin
        self.decider = decider
        self.stream: str = decider.stream(command)
        self.digest = command.digest()
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.unsure = False
        """True once the connection failed under it: a repeat found later may be this very sending."""

    def answer(self, outcome: Outcome) -> None:
        if not self.future.done():
            self.future.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Round:
    """One try at a batch: what each command comes to, given the streams as they are known."""

    def __init__(self, known: dict[str, Folded]) -> None:
        self.folded = known
        self.rows: list[NewRow] = []
        self.decided: list[tuple[Pending, tuple[Recorded, ...], Folded]] = []
        """Recorded without their final position and time, which only the database knows."""
        self.refused: list[tuple[Pending, BaseException]] = []
        self.unchanged: list[tuple[Pending, Folded]] = []
        self.appended: tuple[int, Any] | None = None
        """The first position and the time of `rows`; theirs for good once the transaction is committed."""

    def without_events(self) -> list[Pending]:
        return [pending for pending, _ in self.refused] + [pending for pending, _ in self.unchanged]


class Writer:
    """`submit` and await; `start` and `stop` belong to the store."""

    def __init__(
        self,
        connect: Connect,
        mapper: FactMapper,
        loader: StreamLoader,
        cache: StreamCache,
        *,
        on_append: Callable[[int, int], None],
        patience_s: float = 10.0,
    ) -> None:
        self._connect = connect
        self._mapper = mapper
        self._cache = cache
        self._loader = loader
        self._on_append = on_append
        self._patience_s = patience_s
        self._waiting: deque[Pending] = deque()
        self._arrived = asyncio.Event()
        self._conn: AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.head = 0
        """The last position that this writer appended or saw."""

    async def start(self) -> None:
        conn = await self._connection()
        row = await (await conn.execute(_SELECT_HEAD)).fetchone()
        self.head = row[0] if row else 0
        self._task = asyncio.create_task(self._run(), name="ledger writer")

    async def stop(self) -> None:
        """Commits what is waiting, then closes."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        await self._disconnect()

    async def submit(self, pending: Pending) -> Outcome:
        if self._stopping:
            raise StoreUnavailable("the service is shutting down; send the command again in a moment")
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable(f"{MAX_WAITING} commands are waiting already; send it again in a moment")
        self._waiting.append(pending)
        self._arrived.set()
        return await pending.future

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._stopping:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            try:
                await self._commit(batch)
            except Exception as error:  # the writer must outlive whatever one batch runs into
                log.exception("batch failed", commands=len(batch))
                for pending in batch:
                    pending.fail(error)

    async def _commit(self, batch: list[Pending]) -> None:
        """Brings every command of the batch to its end."""
        batch = _without_twins(batch)
        for lost in range(MAX_TRIES):
            try:
                batch = await self._try(batch, lost)
            except psycopg.OperationalError as error:
                for pending in batch:
                    pending.unsure = True
                if not await self._reconnect():
                    for pending in batch:
                        pending.fail(_unavailable(error))
                    return
            except psycopg.Error as error:
                await self._isolate(batch, error)
                return
            if not batch:
                return
            await asyncio.sleep(random.uniform(0, 0.002 * 2**lost))  # noqa: S311  # jitter, no secret
        for pending in batch:
            pending.fail(Contended("too many writers on this stream at once; send the command again"))

    async def _try(self, batch: list[Pending], lost: int) -> list[Pending]:
        """Returns the commands that must be tried again, because another process was first."""
        conn = await self._connection()
        try:
            if lost < OPTIMISTIC_TRIES:
                attempt = await self._decide_and_append(conn, batch, fresh=lost > 0)
            else:
                async with conn.transaction():
                    await conn.execute(_LOCK_HEAD)
                    attempt = await self._decide_and_append(conn, batch, fresh=True)
        except errors.UniqueViolation:
            return await self._answer_repeats(conn, batch)
        # Only now is it committed, so only now may a caller, or the cache, believe it.
        if attempt is not None:
            self._conclude(attempt)
        return [pending for pending in batch if not pending.future.done()]

    async def _decide_and_append(
        self, conn: AsyncConnection[Any], batch: list[Pending], *, fresh: bool
    ) -> _Round | None:
        """None when some of the batch were repeats, which are answered now: nothing is appended."""
        attempt = await self._decide(conn, batch, fresh=fresh)
        if attempt.without_events() and not fresh:
            # A refusal may rest on a state that another process has changed: look before saying no.
            attempt = await self._decide(conn, batch, fresh=True)
        if idle := attempt.without_events():
            # Or it rests on the command's own first recording. That is looked for after the state was read,
            # as a process that died may be committing it just now.
            left = await self._answer_repeats(conn, batch, among=idle)
            if len(left) < len(batch):
                return None
        if attempt.rows:
            cursor = await conn.execute(APPEND, append_arguments(attempt.rows), prepare=True)
            attempt.appended = await cursor.fetchone()
            assert attempt.appended is not None
        return attempt

    def _conclude(self, attempt: _Round) -> None:
        if attempt.appended is not None:
            self._finish(attempt, *attempt.appended)
        for pending, error in attempt.refused:
            pending.fail(error)
        for pending, folded in attempt.unchanged:
            pending.answer(Outcome(self.head, (), folded.state))

    async def _decide(self, conn: AsyncConnection[Any], batch: list[Pending], *, fresh: bool) -> _Round:
        known: dict[str, Folded] = {}
        wanted: dict[str, AnyDecider] = {}
        for pending in batch:
            folded = self._cache.get(pending.stream)
            if folded is not None:
                known[pending.stream] = folded
            if fresh or (folded is None and not isinstance(pending.command, pending.decider.begins)):
                wanted[pending.stream] = pending.decider
        if wanted:
            loaded = await self._loader.refresh(conn, wanted, known)
            self._cache.update(loaded)
            known |= loaded
        attempt = _Round(known)
        for pending in batch:
            if pending.stream not in known:
                known[pending.stream] = self._loader.begin(pending.decider)
            self._decide_one(attempt, pending)
        return attempt

    def _decide_one(self, attempt: _Round, pending: Pending) -> None:
        command, decider = pending.command, pending.decider
        before = attempt.folded[pending.stream]
        try:
            events = decider.decide(command, before.state)
        except Exception as error:  # noqa: BLE001  # a refusal or a fault in the rules fails this command alone
            attempt.refused.append((pending, error))
            return
        if not events:
            attempt.unchanged.append((pending, before))
            return
        metadata = _metadata(pending)
        encoded_metadata = self._mapper.encode(metadata)
        version, state, recorded = before.version, before.state, []
        for index, event in enumerate(events):
            version += 1
            state = decider.evolve(state, event)
            attempt.rows.append(
                (
                    pending.stream,
                    version,
                    event.TYPE,
                    self._mapper.encode(event),
                    encoded_metadata,
                    command.command_id,
                    index,
                )
            )
            recorded.append(
                Recorded(
                    0, pending.stream, version, event, metadata, command.effective_at, command.command_id
                )
            )
        after = before.then(version, state)
        attempt.folded[pending.stream] = after
        attempt.decided.append((pending, tuple(recorded), after))

    def _finish(self, attempt: _Round, first_position: int, appended_at: Any) -> None:
        position = first_position
        for pending, recorded, after in attempt.decided:
            placed = tuple(
                Recorded(position + i, r.stream, r.version, r.event, r.metadata, appended_at, r.command_id)
                for i, r in enumerate(recorded)
            )
            position += len(placed)
            pending.answer(Outcome(position - 1, placed, after.state))
        self._cache.update(attempt.folded)
        self.head = position - 1
        self._on_append(self.head, position - first_position)

    async def _answer_repeats(
        self, conn: AsyncConnection[Any], batch: list[Pending], among: list[Pending] | None = None
    ) -> list[Pending]:
        """Answers those that are recorded already with what they did then, and returns the others."""
        suspects = batch if among is None else among
        known = await self._loader.commands(conn, [pending.command.command_id for pending in suspects])
        if not known:
            return batch
        for pending in suspects:
            recorded = known.get(pending.command.command_id)
            if recorded is not None:
                await self._answer_repeat(conn, pending, recorded)
        return [pending for pending in batch if not pending.future.done()]

    async def _answer_repeat(
        self, conn: AsyncConnection[Any], pending: Pending, recorded: tuple[Recorded, ...]
    ) -> None:
        if recorded[0].metadata.command_digest != pending.digest:
            pending.fail(
                IdempotencyMismatch(
                    "this id was used before for another command; use a new one for a new intent"
                )
            )
            return
        stream = recorded[0].stream
        cached = self._cache.get(stream)
        folded = await self._loader.refresh(
            conn, {stream: pending.decider}, {stream: cached} if cached else {}
        )
        self._cache.update(folded)
        pending.answer(
            Outcome(recorded[-1].position, recorded, folded[stream].state, repeated=not pending.unsure)
        )

    async def _isolate(self, batch: list[Pending], error: psycopg.Error) -> None:
        """One command that the database cannot take must not fail its neighbours."""
        if len(batch) == 1:
            log.error("the store refused a command", command=batch[0].command.NAME, error=str(error))
            batch[0].fail(error)
            return
        for pending in batch:
            await self._commit([pending])

    async def _connection(self) -> AsyncConnection[Any]:
        if self._conn is None or self._conn.closed:
            self._conn = await self._connect()
        return self._conn

    async def _disconnect(self) -> None:
        if self._conn is not None:
            with suppress(psycopg.Error):
                await self._conn.close()
            self._conn = None

    async def _reconnect(self) -> bool:
        """False when the database does not come back in time."""
        await self._disconnect()
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._patience_s, 0.02
        while True:
            try:
                await self._connection()
            except psycopg.OperationalError as error:
                if loop.time() + pause > deadline:
                    log.warning("database unreachable", error=str(error))
                    return False
                await asyncio.sleep(pause)
                pause = min(pause * 1.6, 0.5)
            else:
                return True


def _without_twins(batch: list[Pending]) -> list[Pending]:
    """Commands sent twice at once: the second waits for the first and gets the same answer."""
    first: dict[str, Pending] = {}
    for pending in batch:
        twin = first.setdefault(pending.command.command_id, pending)
        if twin is not pending:
            twin.future.add_done_callback(partial(_repeat, pending, twin.digest))
    return list(first.values())


def _repeat(later: Pending, digest: str, done: asyncio.Future[Outcome]) -> None:
    """`digest` is the first one's: another payload is refused once the first one is recorded, not before."""
    if done.cancelled():
        later.fail(StoreUnavailable("the same command was sent twice and its first sending was given up"))
    elif (error := done.exception()) is not None:
        later.fail(error if digest == later.digest else Contended(_IN_USE))
    elif digest != later.digest:
        later.fail(
            IdempotencyMismatch("this id was used at the same time for another command; use a new one")
        )
    else:
        later.answer(msgspec.structs.replace(done.result(), repeated=True))


def _metadata(pending: Pending) -> Metadata:
    origin = pending.origin
    return Metadata(
        actor=origin.actor,
        command=pending.command.NAME,
        command_digest=pending.digest,
        effective_at=pending.command.effective_at,
        roles=tuple(sorted(origin.roles)),
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
        on_behalf_of=origin.on_behalf_of,
    )


def _unavailable(error: psycopg.Error) -> StoreUnavailable:
    failure = StoreUnavailable(
        "the database cannot be reached; send the command again, with the same id, in a moment"
    )
    failure.__cause__ = error
    return failure
