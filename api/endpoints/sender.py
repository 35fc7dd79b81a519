"""Sends webhooks: gives events to endpoints, claims what is due, delivers it, says what became of it.

One loop, woken when the projections advance; polling is the guarantee. What is under way when this process
dies is due again when its lease is over, with the same id, by which a receiver knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Self

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.clock import Clock
from api.endpoint_secrets import EndpointSecrets, WebhookKeysUnavailable
from api.endpoints import queue
from api.endpoints.fan_out import fan_out
from api.endpoints.schedule import GONE, Answer, after, is_hopeless
from api.endpoints.transport import Transport
from api.events.resources import item_of
from ledger.endpoints.commands import Cause, DisableEndpoint
from ledger.errors import LedgerError, NotFound
from ledger.ids import new_id
from ledger.message import Origin
from ledger.store import Store, conninfo
from projections.public_events import PublicEventRow

CONCURRENCY = 256
POLL_S = 0.5
LONGEST_PAUSE_S = 10.0
"""Between looks for a database that is away."""
USER_AGENT = "Liberation-Webhooks/1"

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


class WebhookSender:
    """`async with sender:` runs it; leaving lets what is under way come to its end. `turn` is one round."""

    def __init__(
        self,
        url: str,
        store: Store,
        secrets: EndpointSecrets,
        transport: Transport,
        clock: Clock,
        *,
        schema: str = "liberation",
        concurrency: int = CONCURRENCY,
        poll_s: float = POLL_S,
    ) -> None:
        self._store, self._secrets, self._transport, self._clock = store, secrets, transport, clock
        self._concurrency, self._poll_s = concurrency, poll_s
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            conninfo(url, schema=schema, name="webhooks"),
            min_size=1,
            max_size=2,
            timeout=2.0,
            reconnect_timeout=1.0,
            open=False,
            kwargs={"autocommit": True},
            check=AsyncConnectionPool.check_connection,
        )
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()
        self._settled: list[queue.Settled] = []
        self._to_disable: dict[str, Cause] = {}
        self.under_way: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._pool.open()
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        self._wake.set()
        if self._running is not None:
            await self._running
        if self.under_way:  # each is over within the transport's time-out
            await asyncio.wait(self.under_way)
        with suppress(psycopg.Error):  # else it is due again when the lease is over
            await self._tell()
        await self._transport.__aexit__()
        await self._pool.close()

    def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name="webhooks")

    def wake(self, _position: int = 0) -> None:
        """There may be something new. From any thread; fits `BatchRunner.on_advance`."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody is there to be woken
                self._loop.call_soon_threadsafe(self._wake.set)

    async def turn(self) -> bool:
        """Says what became of deliveries, gives out new events, begins as many deliveries as there is room
        for. True when there may be more at once.
        """
        await self._tell()
        room = self._concurrency - len(self.under_way)
        async with self._pool.connection() as connection:
            more = await fan_out(connection, self._clock.now())
            claimed = await queue.claim(connection, self._clock.now(), room) if room > 0 else []
        for one in claimed:
            task = asyncio.create_task(self._deliver(one), name=f"webhook {one.event.position}")
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
        return more or bool(claimed)

    async def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                more = await self.turn()
                failures = 0
            except Exception as error:
                failures += 1
                if isinstance(error, psycopg.Error | OSError | LedgerError):
                    log.warning("webhooks_wait", error=type(error).__name__, failures=failures)
                else:  # a fault of ours; without this loop nothing would ever be sent again
                    log.exception("webhooks_failed", failures=failures)
                await self._pause(self._stopping.wait(), min(failures, LONGEST_PAUSE_S))
                continue
            if not more:
                await self._pause(self._wake.wait(), self._poll_s)

    async def _pause(self, until: Awaitable[object], seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(until, seconds)

    async def _deliver(self, claimed: queue.Claimed) -> None:
        target, event, now = claimed.target, claimed.event, self._clock.now()
        try:
            answer = await self.post(target, event)
        except WebhookKeysUnavailable:
            answer = Answer(None, "no_key", 0)
        if answer.status == GONE:
            self._to_disable[target.endpoint_id] = "gone"
        settled = queue.Settled(
            target.endpoint_id, event.position, now, answer, after(answer, claimed.attempts, now)
        )
        self._settled.append(settled)
        self._wake.set()

    async def post(self, target: queue.Target, event: PublicEventRow) -> Answer:
        """Raises `WebhookKeysUnavailable`."""
        now = self._clock.now()
        body = _encode(item_of(event, thin=target.payload == "thin"))
        secrets = target.secrets(now)
        signature = self._secrets.signatures(target.endpoint_id, secrets, event.event_id, now, body)
        return await self._transport.post(
            target.url, headers_of(event.event_id, int(now.timestamp()), signature), body
        )

    async def _tell(self) -> None:
        """Of what is lost of it by a crash the lease runs out, and it is sent again."""
        settled, self._settled = self._settled, []
        if not settled:
            return
        try:
            async with self._pool.connection() as connection:
                await queue.settle(connection, settled)
                failed = {one.endpoint_id for one in settled if one.answer.fault}
                since = await queue.failing_since(connection, sorted(failed)) if failed else {}
        except BaseException:
            self._settled += settled
            raise
        now = self._clock.now()
        for endpoint_id in since:
            if is_hopeless(since[endpoint_id], now):
                self._to_disable.setdefault(endpoint_id, "failing")
        while self._to_disable:
            endpoint_id, cause = next(iter(self._to_disable.items()))
            await self._disable(endpoint_id, cause)
            del self._to_disable[endpoint_id]

    async def _disable(self, endpoint_id: str, cause: Cause) -> None:
        command = DisableEndpoint(
            command_id=new_id("cmd"), effective_at=self._clock.now(), endpoint_id=endpoint_id, cause=cause
        )
        log.warning("webhook_endpoint_disabled", endpoint_id=endpoint_id, cause=cause)
        with suppress(NotFound):  # deleted meanwhile
            await self._store.handle(command, Origin(actor="worker", roles=frozenset({"system"})))
        async with self._pool.connection() as connection:
            await queue.forgive(connection, endpoint_id)


def headers_of(message_id: str, timestamp: int, signature: str) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
