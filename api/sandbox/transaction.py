"""One request's reads and writes: nothing is seen outside before `commit`, and all of it after.

Objects are values: `update` makes a new one. Handlers run without awaiting, so a transaction is
alone, and a request that raises leaves no trace.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from api.sandbox import clock
from api.sandbox.deliveries import Deliveries
from api.sandbox.errors import Object, missing
from api.sandbox.ids import Ids
from api.sandbox.schedule import FUNDS_AVAILABLE, Schedule
from api.sandbox.settings import Settings
from api.sandbox.store import Store

API_VERSION = "2026-08-26.dahlia"

encode = msgspec.json.Encoder().encode

INSERT_OBJECT = "INSERT INTO objects (rank, kind, id, body) VALUES (?, ?, ?, ?)"
UPDATE_OBJECT = "UPDATE objects SET kind = ?, body = ? WHERE id = ?"
INSERT_LINK = "INSERT OR IGNORE INTO links (field, value, rank) VALUES (?, ?, ?)"
DELETE_LINK = "DELETE FROM links WHERE field = ? AND value = ? AND rank = ?"
INSERT_JOB = "INSERT INTO jobs (clock, due, name, object_id) VALUES (?, ?, ?, ?)"
DELETE_JOB = "DELETE FROM jobs WHERE id = ?"
ADD_FUNDS = """
INSERT INTO funds (currency, available_on, net)
VALUES (?, ?, ?)
ON CONFLICT (currency, available_on) DO UPDATE SET net = net + excluded.net
"""
SAVE_OUTCOME = """
INSERT OR REPLACE INTO idempotency (key, fingerprint, status, body, request_id, created)
VALUES (?, ?, ?, ?, ?, ?)
"""


class Resources(Protocol):
    """All resources, as far as a transaction asks them."""

    def links_of(self, value: Object) -> list[tuple[str, Any]]: ...

    def announce(self, tx: Transaction, event_type: str, value: Object) -> None: ...


class World(Protocol):
    """The sandbox, as far as a transaction and the resources that work in it know it."""

    settings: Settings
    base_url: str
    store: Store
    ids: Ids
    deliveries: Deliveries
    schedule: Schedule

    @property
    def registry(self) -> Resources: ...

    def begin(self, *, now: int | None = None) -> Transaction: ...

    def run_jobs(self, clock_id: str, until: int) -> int: ...


class Transaction:
    """`now` is the time in Unix seconds that the work happens at: the sandbox's, or that of the test clock
    which `live_in` names. Events and idempotency keys keep the sandbox's own time, as lists and catching up
    go by it.
    """

    def __init__(self, world: World, now: int, *, request_id: str = "", idempotency_key: str = "") -> None:
        self.world = world
        self.store = world.store
        self._rank_before = world.store.rank
        self.now = self.own_now = now
        self.clock = clock.DEFAULT
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self.notes: dict[str, str] = {}
        """What one part of the work leaves for another, and lists do not show before it is committed."""
        self._ranks: dict[str, int] = {}
        self._written: dict[str, Object] = {}
        self._before: dict[str, Object] = {}
        self._snapshots: dict[str, tuple[Object, bytes]] = {}
        self._events: list[tuple[int, str, str, bytes]] = []
        self._links: list[tuple[str, str, int]] = []
        self._unlinks: list[tuple[str, str, int]] = []
        self._jobs: list[tuple[str, int, str, str]] = []
        self._done: list[tuple[int]] = []
        self._funds: list[tuple[str, int, int]] = []

    def live_in(self, clock_id: str, now: int) -> None:
        """From here on it is `now` of that test clock."""
        self.clock, self.now = clock_id, now

    # reading

    def find(self, object_id: str) -> Object | None:
        return self._written.get(object_id) or self.store.find(object_id)

    def get(self, kind: str, object_id: str, *, param: str = "id", status: int = 404) -> Object:
        """Raises `resource_missing` when there is no such object of that kind, or it was deleted."""
        found = self.find(object_id)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise missing(kind, object_id, param=param, status=status)
        return found

    def all(self, kind: str, field: str, value: str) -> list[Object]:
        """Linked objects, oldest first, as they were before this transaction."""
        return self.store.all(kind, (f"{kind}.{field}", value))

    # writing

    def new_id(self, prefix: str) -> str:
        self.store.rank = rank = self.store.rank + 1
        object_id = self.world.ids.make(prefix, rank)
        self._ranks[object_id] = rank
        return object_id

    def secret(self, object_id: str) -> str:
        return self.world.ids.secret(object_id, self._ranks[object_id])

    def add(self, value: Object) -> Object:
        """Keep a new object; one whose `id` was chosen elsewhere gets a rank now."""
        object_id = value["id"]
        if object_id not in self._ranks:
            self.store.rank = self._ranks[object_id] = self.store.rank + 1
        self._written[object_id] = value
        return value

    def update(self, value: Object, **changes: Any) -> Object:
        """The object with the changes made; `value` may be an older state of it."""
        object_id = value["id"]
        current = self._written.get(object_id)
        if current is None:
            current = self._before[object_id] = self.store.find(object_id) or value
        changed = {**current, **changes}
        self._written[object_id] = changed
        return changed

    def replace(self, value: Object) -> Object:
        """As `update`, with fields that went away; for objects that are deleted."""
        object_id = value["id"]
        if object_id not in self._ranks:
            self._before.setdefault(object_id, self.store.find(object_id) or value)
        self._written[object_id] = value
        return value

    def link(self, field: str, value: str, object_id: str) -> None:
        """A link that the object itself does not show."""
        self._links.append((field, value, self._rank(object_id)))

    def unlink(self, field: str, value: str, object_id: str) -> None:
        self._unlinks.append((field, value, self._rank(object_id)))

    def _rank(self, object_id: str) -> int:
        rank = self._ranks.get(object_id)
        if rank is None:
            value = self.store.find(object_id)
            rank = self.store.rank_of(object_id, _kind(value)) if value else None
        if rank is None:
            raise missing("object", object_id)
        return rank

    def move_funds(self, currency: str, available_on: int, net: int) -> None:
        """`net` in minor units, to the balance from `available_on` (Unix seconds) on."""
        self._funds.append((currency, available_on, net))
        if available_on > self.own_now and not self.world.schedule.tells_of_funds(currency, available_on):
            self._jobs.append((clock.DEFAULT, available_on, FUNDS_AVAILABLE, currency))

    def later(self, due: int, job: str, object_id: str) -> None:
        """Run a resource's job when the clock reaches `due`, in the order asked for."""
        self._jobs.append((self.clock, due, job, object_id))

    def finish_job(self, job_id: int) -> None:
        self._done.append((job_id,))

    def emit(self, event_type: str, value: Object, previous: Object | None = None) -> str:
        """Record an event with the object as it is now; answers with the event's id."""
        event_id = self.new_id("evt_")
        data: Object = {"object": msgspec.Raw(self.encoded(value))}
        if previous is not None:
            data["previous_attributes"] = previous
        body = encode(
            {
                "id": event_id,
                "object": "event",
                "api_version": API_VERSION,
                "created": self.own_now,
                "data": data,
                "livemode": False,
                "pending_webhooks": self.world.deliveries.count_for(event_type),
                "request": {"id": self.request_id or None, "idempotency_key": self.idempotency_key or None},
                "type": event_type,
            }
        )
        self._events.append((self._ranks[event_id], event_id, event_type, body))
        self.world.registry.announce(self, event_type, value)
        return event_id

    def encoded(self, value: Object) -> bytes:
        """The object's JSON, kept as long as it is the same object (they are never changed in place)."""
        object_id = value.get("id", "")  # a balance has none
        known = self._snapshots.get(object_id)
        if known is not None and known[0] is value:
            return known[1]
        body = encode(value)
        self._snapshots[object_id] = (value, body)
        return body

    # ending

    def abandon(self) -> None:
        """Instead of `commit`: the ids that it gave out are given out again."""
        self.store.rank = self._rank_before

    def commit(self, outcome: tuple[bytes, int, bytes] | None = None) -> None:
        """Write everything at once; `outcome` is (fingerprint, status, body) for the idempotency key."""
        if not (self._written or self._events or self._jobs or self._done or self._unlinks or outcome):
            return
        with self.store.transaction() as db:
            self._write_objects(db.execute)
            if self._events:
                db.executemany(
                    INSERT_OBJECT, [(rank, "event", id_, body) for rank, id_, _, body in self._events]
                )
                db.executemany(
                    INSERT_LINK, [("event.type", type_, rank) for rank, _, type_, _ in self._events]
                )
            for statement, rows in (
                (DELETE_LINK, self._unlinks),
                (INSERT_LINK, self._links),
                (INSERT_JOB, self._jobs),
                (DELETE_JOB, self._done),
                (ADD_FUNDS, self._funds),
            ):
                if rows:
                    db.executemany(statement, rows)
            if outcome is not None:
                row = (self.idempotency_key, *outcome, self.request_id, self.own_now)
                db.execute(SAVE_OUTCOME, row)
            due = self.world.deliveries.enqueue(db, self._events)
        for object_id, value in self._written.items():
            self.store.remember(object_id, value)
        for clock_id, moment, job, object_id in self._jobs:
            self.world.schedule.expect(clock_id, moment, job, object_id)
        self.world.deliveries.start(due)

    def _write_objects(self, execute: Any) -> None:
        registry = self.world.registry
        for object_id, value in self._written.items():
            body = self.encoded(value)
            rank = self._ranks.get(object_id)
            links = registry.links_of(value)
            if rank is not None:
                execute(INSERT_OBJECT, (rank, _kind(value), object_id, body))
            else:
                execute(UPDATE_OBJECT, (_kind(value), body, object_id))
                links = self._changed_links(object_id, links)
                if not links:
                    continue
                rank = self._rank(object_id)
            self._links.extend((field, target, rank) for field, target in links)

    def _changed_links(self, object_id: str, links: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """New links of an object that was there before; those it lost are taken away."""
        before = self.world.registry.links_of(self._before[object_id])
        if before == links:
            return []
        lost = [pair for pair in before if pair not in links]
        if lost:
            rank = self.store.rank_of(object_id, _kind(self._before[object_id]))
            self._unlinks.extend((field, target, rank or 0) for field, target in lost)
        return [pair for pair in links if pair not in before]


def _kind(value: Object) -> str:
    return f"deleted_{value['object']}" if value.get("deleted") else str(value["object"])
