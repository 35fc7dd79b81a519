"""Delivers what waits in the outbox, and does what is due by the clock.

One loop claims effects whenever there is room for more, so that a slow one holds up nobody. It is woken when
the projections advance; polling is the guarantee. A database or a Stripe that is away is waited for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol, Self

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.stripe.delivery import Delivered, Postponed
from ledger.effects import Effect, kind_of
from ledger.errors import Contended, LedgerError, StoreUnavailable
from ledger.message import Origin
from ledger.store import conninfo
from projections import outbox
from projections.outbox import Claimed, Key

CONCURRENCY = 16
POLL_S = 0.25
LEASE_S = 120.0
"""How long an effect stays ours; when this process dies, another one takes it after that."""
DELIVERY_TIMEOUT_S = 90.0
"""Well within the lease, so that no two workers deliver the same effect at once."""
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 3600.0
TRIES_AFTER_A_FAULT = 10
"""Then a fault of our own is parked: about a quarter of an hour."""
DRAIN_S = 30.0

log = structlog.get_logger()


class Deliverer(Protocol):
    """`Outside` is one."""

    async def deliver(self, effect: Effect, origin: Origin) -> Delivered: ...


class Job(msgspec.Struct, frozen=True):
    """Something to do again and again, on a connection of the worker's. `run` answers how much it did."""

    name: str
    every_s: float
    run: Callable[[AsyncConnection], Awaitable[int]]


class Counters(msgspec.Struct):
    """Since the start of the process; for metrics."""

    delivered: int = 0
    postponed: int = 0
    parked: int = 0
    jobs: int = 0
    job_failures: int = 0
    claim_failures: int = 0


class Worker:
    """`async with worker:` runs it; leaving lets what is under way come to its end, then stops.

    `at_leisure` is for two of them, one for what is delivered at leisure and one for all else: so neither
    holds up the other.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        url: str,
        deliverer: Deliverer,
        *,
        schema: str = "liberation",
        jobs: Sequence[Job] = (),
        at_leisure: bool | None = None,
        concurrency: int = CONCURRENCY,
        poll_s: float = POLL_S,
        first_delay_s: float = FIRST_DELAY_S,
        drain_s: float = DRAIN_S,
    ) -> None:
        self.counters = Counters()
        self._deliverer = deliverer
        self._jobs = jobs
        self._at_leisure = at_leisure
        self._concurrency, self._poll_s = concurrency, poll_s
        self._first_delay_s, self._drain_s = first_delay_s, drain_s
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            conninfo(url, schema=schema, name="worker"),
            min_size=1,
            max_size=2 + len(jobs),
            timeout=2.0,
            reconnect_timeout=1.0,  # then anew with the next borrower, instead of ever longer pauses
            open=False,
            kwargs={"autocommit": True},
            check=AsyncConnectionPool.check_connection,
        )
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._done: list[Key] = []
        """Delivered, and not yet said so in the outbox: one statement says it for many."""
        self._loops: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._pool.open()
        self._loops = [asyncio.create_task(self._deliver_all(), name="worker.outbox")]
        self._loops += [
            asyncio.create_task(self._repeat(job), name=f"worker.{job.name}") for job in self._jobs
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        self._wake.set()
        tasks = {*self._loops, *self._under_way}
        late = (await asyncio.wait(tasks, timeout=self._drain_s))[1]
        for task in late:
            # its lease runs out and the same idempotency key finds out what it did
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._settle(self._say_delivered)
        await self._pool.close()

    def wake(self, _position: int = 0) -> None:
        """There may be something new. From any thread; fits `BatchRunner.on_advance`."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody is there to be woken
                self._loop.call_soon_threadsafe(self._wake.set)

    async def _deliver_all(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                more = await self._claim()
                failures = 0
            except Exception as error:
                failures += 1
                self.counters.claim_failures += 1
                if isinstance(error, psycopg.Error | OSError):
                    log.warning("worker_waits_for_database", error=type(error).__name__, failures=failures)
                else:  # a fault of ours; without this loop nothing would ever be delivered again
                    log.exception("worker_failed", failures=failures)
                await self._pause(backoff_s(failures, self._first_delay_s, 10.0))
                continue
            if not more:
                await self._idle()

    async def _claim(self) -> bool:
        """Start as many deliveries as there is room for. True when there may be more."""
        room = self._concurrency - len(self._under_way)
        if room <= 0:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return True
        async with self._pool.connection() as conn:
            await self._say_delivered(conn)
            claimed = await outbox.claim(conn, room, LEASE_S, at_leisure=self._at_leisure)
        for one in claimed:
            task = asyncio.create_task(self._deliver(one), name=f"effect {one.key.position}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(claimed) == room

    async def _deliver(self, claimed: Claimed) -> None:
        kind, position = kind_of(claimed.effect), claimed.key.position
        origin = Origin(actor="worker", roles=frozenset({"system"}), causation_id=str(position))
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT_S):
                await self._deliverer.deliver(claimed.effect, origin)
        except Postponed as why:
            await self._later(claimed, why.reason, why.tries)
        except (Contended, StoreUnavailable, TimeoutError, psycopg.OperationalError) as error:
            await self._later(claimed, f"{type(error).__name__}: {error}", tries=None)
        except LedgerError as refusal:
            await self._later(claimed, f"{refusal.code}: {refusal.detail}", TRIES_AFTER_A_FAULT)
        except Exception as error:
            # a fault in one delivery must not end the others
            log.exception("effect_failed", kind=kind, position=position)
            await self._later(claimed, type(error).__name__, TRIES_AFTER_A_FAULT)
        else:
            self.counters.delivered += 1
            self._done.append(claimed.key)
            self._wake.set()

    async def _say_delivered(self, conn: AsyncConnection) -> None:
        """What is lost of it by a crash is due again when the lease ends, and finds nothing left to do."""
        done, self._done = self._done, []
        if done:
            try:
                await outbox.delivered(conn, done)
            except BaseException:
                self._done += done
                raise

    async def _later(self, claimed: Claimed, why: str, tries: int | None) -> None:
        """Give it back for a later try, or set it aside after `tries`; None never gives up."""
        about = {"kind": kind_of(claimed.effect), "position": claimed.key.position, "why": why}
        if tries is not None and claimed.attempts >= tries:
            self.counters.parked += 1
            log.error("effect_parked", attempts=claimed.attempts, **about)
            await self._settle(lambda conn: outbox.park(conn, claimed.key, why))
            return
        self.counters.postponed += 1
        delay_s = backoff_s(claimed.attempts, self._first_delay_s, LONGEST_DELAY_S)
        log.warning("effect_postponed", attempts=claimed.attempts, delay_s=round(delay_s, 1), **about)
        due_at = due_after(claimed, delay_s)
        await self._settle(lambda conn: outbox.retry(conn, claimed.key, why, due_at))

    async def _settle(self, write: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Without the database it is due again when the lease ends, and delivering twice is harmless."""
        try:
            async with self._pool.connection() as conn:
                await write(conn)
        except psycopg.Error as error:
            log.warning("outbox_not_updated", error=type(error).__name__)

    async def _repeat(self, job: Job) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                async with self._pool.connection() as conn:
                    done = await job.run(conn)
            except Exception as error:  # noqa: BLE001  a failing job is reported and tried again, whatever it was
                failures += 1
                self.counters.job_failures += 1
                log.warning(
                    "job_failed", job=job.name, error=f"{type(error).__name__}: {error}", failures=failures
                )
                await self._pause(backoff_s(failures, self._first_delay_s, job.every_s))
            else:
                failures = 0
                self.counters.jobs += 1
                if done:
                    log.info("job_done", job=job.name, count=done)
                await self._pause(job.every_s)

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._poll_s)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def backoff_s(attempts: int, first_s: float, longest_s: float) -> float:
    """Exponential with full jitter, so that what failed together does not come back together.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random.uniform(0.0, min(longest_s, first_s * 2.0 ** min(attempts, 30)))  # noqa: S311  no secret


def due_after(claimed: Claimed, delay_s: float) -> datetime:
    """By the database's clock, which the lease was set by; ours may differ."""
    return claimed.lease_until + timedelta(seconds=delay_s - LEASE_S)
