"""Webhooks: signed, delivered side by side, tried again with backoff.

A delivery is written in the transaction of its event, so a restart sends what was not sent. Times and
signatures are the wall clock's, whatever the sandbox's clock says, as receivers compare them with theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import heapq
import hmac
import random
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp

from api.sandbox.errors import Object
from api.sandbox.faults import Faults, WebhookFault
from api.sandbox.settings import Settings
from api.sandbox.store import Store

ADD = "INSERT INTO deliveries (event_id, event_type, endpoint_id, state, due) VALUES (?, ?, ?, ?, ?)"
PENDING = "SELECT id, due FROM deliveries WHERE state = 'pending'"
OPEN_OF_EVENT = "SELECT count(*) FROM deliveries WHERE event_id = ? AND state IN ('pending', 'held')"
ONE = "SELECT event_id, endpoint_id, attempts FROM deliveries WHERE id = ? AND state = 'pending'"
EVENT_BODY = "SELECT body FROM objects WHERE id = ?"
DONE = "UPDATE deliveries SET state = ?, due = ?, attempts = ?, response_status = ?, problem = ? WHERE id = ?"
HELD = "SELECT id FROM deliveries WHERE state = 'held' ORDER BY id"
HOLD_PENDING = "UPDATE deliveries SET state = 'held' WHERE state = 'pending'"
FREE = "UPDATE deliveries SET state = 'pending', due = ? WHERE id = ?"
DROP = """
UPDATE deliveries
SET state = 'dropped'
WHERE state IN ('pending', 'held') AND (?1 = '' OR event_id = ?1)
"""
NEWEST = """
SELECT id, event_id, event_type, endpoint_id, state, due, attempts, response_status, problem
FROM deliveries
WHERE ?1 = '' OR state = ?1
ORDER BY id DESC
LIMIT ?2
"""
COLUMNS = (
    "id",
    "event_id",
    "event_type",
    "endpoint_id",
    "state",
    "due",
    "attempts",
    "response_status",
    "problem",
)
HOLD = "hold_webhooks"
# Stripe tries for three days in live mode and three times in test mode; a sandbox's user has minutes.
ATTEMPTS = 12
LONGEST_WAIT_S = 60.0


class Emitted(NamedTuple):
    """A new event; `account` is the connected account that it is of, "" for the platform."""

    rank: int
    id: str
    type: str
    body: bytes
    account: str


def signature(secret: str, body: bytes, moment: int) -> str:
    """The `Stripe-Signature` header. https://docs.stripe.com/webhooks#verify-manually"""
    digest = hmac.new(secret.encode(), b"%d.%b" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


class Deliveries:
    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.faults: Faults[WebhookFault] = Faults()
        self._endpoints: list[Object] | None = None
        self._queue: list[tuple[float, int]] = []
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self.reload()

    def reload(self) -> None:
        """After a start or a reset: what is pending in the store, and nothing else."""
        self._endpoints = None
        self._held = self._store.meta(HOLD) == "1"
        self._queue = [(due, id_) for id_, due in self._store.rows(PENDING)]
        heapq.heapify(self._queue)

    # endpoints

    def endpoints(self) -> list[Object]:
        if self._endpoints is None:
            every = self._store.all("webhook_endpoint")
            self._endpoints = [endpoint for endpoint in every if endpoint["status"] == "enabled"]
        return self._endpoints

    def endpoints_changed(self) -> None:
        self._endpoints = None

    def wanting(self, event_type: str, account: str = "") -> list[Object]:
        """Endpoints of the application hear of all connected accounts, and the others of the platform."""
        return [
            e
            for e in self.endpoints()
            if ("*" in e["enabled_events"] or event_type in e["enabled_events"])
            and (e["application"] is None) == (not account)
        ]

    def count_for(self, event_type: str, account: str = "") -> int:
        return len(self.wanting(event_type, account))

    def open_for(self, event_id: str) -> int:
        return int(self._store.rows(OPEN_OF_EVENT, (event_id,))[0][0])

    # queueing

    def enqueue(self, db: sqlite3.Connection, events: Sequence[Emitted]) -> list[tuple[float, int]]:
        """Write the deliveries of new events; answers (due, id) of those to be sent."""
        if not events or not self.endpoints():
            return []
        now = time.time()
        queued: list[tuple[float, int]] = []
        for event in events:
            for endpoint in self.wanting(event.type, event.account):
                for state, due in self._planned(event.type, now):
                    added = db.execute(ADD, (event.id, event.type, endpoint["id"], state, due))
                    if state == "pending" and added.lastrowid:
                        queued.append((due, added.lastrowid))
        return queued

    def _planned(self, event_type: str, now: float) -> list[tuple[str, float]]:
        normal = "held" if self._held else "pending"
        drawn = self.faults.draw(event_type)
        if drawn is None:
            return [(normal, now)]
        fault, lot = drawn
        match fault.kind:
            case "duplicate":
                return [(normal, now), (normal, now)]
            case "late":
                return [(normal, now + fault.seconds)]
            case "shuffle":
                return [(normal, now + lot.random() * fault.seconds)]
            case "drop":
                return [("dropped", now)]

    def start(self, queued: Sequence[tuple[float, int]]) -> None:
        for item in queued:
            heapq.heappush(self._queue, item)
        if queued:
            self._wake.set()

    # control

    def hold(self) -> None:
        """Keep back what is not sent yet and all that comes, until `release`."""
        self._store.set_meta(HOLD, "1")
        self._held = True
        self._store.rows(HOLD_PENDING)
        self._queue.clear()

    def release(self, *, shuffle: bool = False, seed: int = 0, limit: int | None = None) -> int:
        """Send what was held, in order or shuffled; with `limit` only so many, and the hold stays."""
        held = [row[0] for row in self._store.rows(HELD)]
        if shuffle:
            random.Random(seed).shuffle(held)  # noqa: S311  repeatable, no secret
        chosen = held if limit is None else held[:limit]
        # A microsecond apart, so that the queue keeps the order.
        self._send_at([(time.time() + place * 1e-6, id_) for place, id_ in enumerate(chosen)])
        if limit is None:
            self._store.set_meta(HOLD, "")
            self._held = False
        return len(chosen)

    def redeliver(self, event_id: str, event_type: str, account: str = "") -> int:
        """Send an event once more to all that want it, held or not."""
        now = time.time()
        with self._store.transaction() as db:
            added = [
                db.execute(ADD, (event_id, event_type, endpoint["id"], "pending", now)).lastrowid
                for endpoint in self.wanting(event_type, account)
            ]
        self.start([(now, id_) for id_ in added if id_])
        return len(added)

    def drop(self, event_id: str = "") -> int:
        """Never send what is held or pending, of one event or ("") of all."""
        return self._store.db.execute(DROP, (event_id,)).rowcount

    def newest(self, state: str = "", limit: int = 100) -> list[Object]:
        return [dict(zip(COLUMNS, row, strict=True)) for row in self._store.rows(NEWEST, (state, limit))]

    def _send_at(self, items: list[tuple[float, int]]) -> None:
        with self._store.transaction() as db:
            db.executemany(FREE, items)
        self.start(items)

    # sending

    async def run(self) -> None:
        """Send until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._settings.webhook_timeout_s)
        connector = aiohttp.TCPConnector(limit=self._settings.webhook_concurrency)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            try:
                while True:
                    self._wake.clear()
                    wait_s = self._start_due(session)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), wait_s)
            finally:
                for task in self._sending:
                    task.cancel()
                await asyncio.gather(*self._sending, return_exceptions=True)

    def _start_due(self, session: aiohttp.ClientSession) -> float | None:
        """Start all that is due and has room; answers the seconds until the next is due."""
        room = self._settings.webhook_concurrency
        while self._queue and len(self._sending) < room:
            due, delivery_id = self._queue[0]
            wait_s = due - time.time()
            if wait_s > 0:
                return wait_s
            heapq.heappop(self._queue)
            task = asyncio.create_task(self._deliver(session, delivery_id))
            self._sending.add(task)
            task.add_done_callback(self._finished)
        return None

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()
        if not task.cancelled() and (cause := task.exception()) is not None:
            raise cause

    async def _deliver(self, session: aiohttp.ClientSession, delivery_id: int) -> None:
        rows = self._store.rows(ONE, (delivery_id,))
        if not rows:  # dropped or held meanwhile
            return
        event_id, endpoint_id, attempts = rows[0]
        endpoint = next((e for e in self.endpoints() if e["id"] == endpoint_id), None)
        if endpoint is None:
            self._note(delivery_id, "dropped", attempts, None, "the endpoint was deleted or disabled")
            return
        body = self._store.rows(EVENT_BODY, (event_id,))[0][0]
        status, problem = await self._post(session, endpoint, body)
        attempts += 1
        if not problem:
            self._note(delivery_id, "delivered", attempts, status, "")
        elif attempts >= ATTEMPTS:
            self._note(delivery_id, "failed", attempts, status, problem)
        else:
            self._retry(delivery_id, attempts, status, problem)

    async def _post(
        self, session: aiohttp.ClientSession, endpoint: Object, body: bytes
    ) -> tuple[int | None, str]:
        """(status, problem), the problem "" when the receiver said 2xx."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(endpoint["secret"], body, int(time.time())),
        }
        try:
            async with session.post(
                endpoint["url"], data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as cause:
            return None, f"{type(cause).__name__}: {cause}"
        return status, "" if 200 <= status < 300 else f"answered {status}"  # noqa: PLR2004  the 2xx class

    def _retry(self, delivery_id: int, attempts: int, status: int | None, problem: str) -> None:
        base = self._settings.webhook_retry_base_s
        due = time.time() + min(LONGEST_WAIT_S, base * 2 ** (attempts - 1))
        self._note(delivery_id, "held" if self._held else "pending", attempts, status, problem, due)
        if not self._held:
            self.start([(due, delivery_id)])

    def _note(
        self, delivery_id: int, state: str, attempts: int, status: int | None, problem: str, due: float = 0.0
    ) -> None:
        values: tuple[Any, ...] = (state, due or time.time(), attempts, status, problem, delivery_id)
        with self._store.transaction() as db:
            db.execute(DONE, values)
