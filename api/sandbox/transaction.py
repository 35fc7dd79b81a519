"""One request's reads and writes: nothing is seen outside before `commit`, and all of it after.

Objects are values: `update` makes a new one. Handlers run without awaiting, so a transaction is
alone, and a request that raises leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgspec

from api.sandbox import clock, idempotency
from api.sandbox.deliveries import Deliveries, Emitted
from api.sandbox.errors import Object, missing
from api.sandbox.ids import Ids
from api.sandbox.schedule import FUNDS_AVAILABLE, Schedule
from api.sandbox.settings import DisputeFees, Settings
from api.sandbox.store import Store, scoped

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
ADD_CONNECTED_FUNDS = """
INSERT INTO connected_funds (account, currency, available_on, net)
VALUES (?, ?, ?, ?)
ON CONFLICT (account, currency, available_on) DO UPDATE SET net = net + excluded.net
"""
SAVE_OUTCOME = """
INSERT OR REPLACE INTO idempotency (key, fingerprint, status, body, request_id, created)
VALUES (?, ?, ?, ?, ?, ?)
"""


class Resources(Protocol):
    """All resources, as far as a transaction asks them."""

    def links_of(self, value: Object) -> list[tuple[str, Any]]: ...

    def announce(self, tx: Transaction, event_type: str, value: Object) -> None: ...


class Rate(NamedTuple):
    """What charges in a currency settle in, and how many of its minor units one of theirs is worth."""

    settles_in: str
    rate: float


class World(Protocol):
    """The sandbox, as far as a transaction and the resources that work in it know it."""

    settings: Settings
    base_url: str
    store: Store
    ids: Ids
    deliveries: Deliveries
    schedule: Schedule
    rates: dict[str, Rate]
    dispute_fees: DisputeFees

    @property
    def registry(self) -> Resources: ...

    def begin(self, *, now: int | None = None) -> Transaction: ...

    def run_jobs(self, clock_id: str, until: int) -> int: ...


class Transaction:
    """`now` is the time in Unix seconds that the work happens at: the sandbox's, or that of the test clock
    which `live_in` names. Events and idempotency keys keep the sandbox's own time, as lists and catching up
    go by it. `account` is the connected account whose objects it reads and writes, "" for the platform.
    """

    def __init__(
        self, world: World, now: int, *, request_id: str = "", idempotency_key: str = "", account: str = ""
    ) -> None:
        self.world = world
        self.account = account
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
        self._events: list[Emitted] = []
        self._links: list[tuple[str, str, int]] = []
        self._unlinks: list[tuple[str, str, int]] = []
        self._jobs: list[tuple[str, int, str, str]] = []
        self._done: list[tuple[int]] = []
        self._funds: list[tuple[str, int, int]] = []
        self._connected_funds: list[tuple[str, str, int, int]] = []
        self._rows: list[tuple[str, tuple[Any, ...]]] = []

    def live_in(self, clock_id: str, now: int) -> None:
        """From here on it is `now` of that test clock."""
        self.clock, self.now = clock_id, now

    @contextmanager
    def acting_for(self, account: str) -> Iterator[None]:
        """What is done within is done in a connected account, or ("") in the platform's own."""
        before, self.account = self.account, account
        try:
            yield
        finally:
            self.account = before

    def scoped(self, name: str) -> str:
        """How the store calls a kind or link of the account that this acts for."""
        return scoped(self.account, name)

    # reading

    def find(self, object_id: str) -> Object | None:
        return self._written.get(object_id) or self.store.find(object_id)

    def get(self, kind: str, object_id: str, *, param: str = "id", status: int = 404) -> Object:
        """Raises `resource_missing` when there is no such object of that kind here, or it was deleted."""
        found = self.find(object_id)
        if found is None or found["object"] != kind or found.get("deleted") or not self._is_ours(object_id):
            raise missing(kind, object_id, param=param, status=status)
        return found

    def _is_ours(self, object_id: str) -> bool:
        return self.world.ids.owner(object_id) == self.account

    def all(self, kind: str, field: str, value: str) -> list[Object]:
        """Linked objects, oldest first, as they were before this transaction."""
        return self.store.all(self.scoped(kind), (self.scoped(f"{kind}.{field}"), value))

    # writing

    def new_id(self, prefix: str) -> str:
        self.store.rank = rank = self.store.rank + 1
        object_id = self.world.ids.make(prefix, rank, self.account)
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
        self._links.append((self.scoped(field), value, self._rank(object_id)))

    def unlink(self, field: str, value: str, object_id: str) -> None:
        self._unlinks.append((self.scoped(field), value, self._rank(object_id)))

    def _rank(self, object_id: str) -> int:
        rank = self._ranks.get(object_id)
        if rank is None:
            value = self.store.find(object_id)
            rank = (
                self.store.rank_of(object_id, _kind(value, self.world.ids.owner(object_id)))
                if value
                else None
            )
        if rank is None:
            raise missing("object", object_id)
        return rank

    def write(self, statement: str, values: tuple[Any, ...]) -> None:
        """What a resource keeps in a table of its own."""
        self._rows.append((statement, values))

    def move_funds(self, currency: str, available_on: int, net: int) -> None:
        """`net` in minor units, to the balance from `available_on` (Unix seconds) on."""
        if self.account:
            self._connected_funds.append((self.account, currency, available_on, net))
        else:
            self._funds.append((currency, available_on, net))
        about = self.account or currency
        if available_on > self.own_now and not self.world.schedule.tells_of_funds(about, available_on):
            self._jobs.append((clock.DEFAULT, available_on, FUNDS_AVAILABLE, about))

    def later(self, due: int, job: str, object_id: str) -> None:
        """Run a resource's job when the clock reaches `due`, in the order asked for, and in the account that
        the object is of.
        """
        self._jobs.append((self.clock, due, job, object_id))

    def finish_job(self, job_id: int) -> None:
        self._done.append((job_id,))

    def emit(self, event_type: str, value: Object, previous: Object | None = None) -> str:
        """Record an event with the object as it is now; answers with the event's id. Of an account that has
        left the platform it hears nothing, and the id is "".
        """
        if self.account and (self.find(self.account) or {}).get("deleted"):
            return ""
        event_id = self.new_id("evt_")
        data: Object = {"object": msgspec.Raw(self.encoded(value))}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Object = {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.own_now,
            "data": data,
            "livemode": False,
            "pending_webhooks": self.world.deliveries.count_for(event_type, self.account),
            "request": {"id": self.request_id or None, "idempotency_key": self.idempotency_key or None},
            "type": event_type,
        }
        if self.account:
            event["account"] = self.account
        emitted = Emitted(self._ranks[event_id], event_id, event_type, encode(event), self.account)
        self._events.append(emitted)
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
        if not (
            self._written
            or self._events
            or self._jobs
            or self._done
            or self._unlinks
            or self._rows
            or outcome
        ):
            return
        with self.store.transaction() as db:
            self._write_objects(db.execute)
            if self._events:
                db.executemany(
                    INSERT_OBJECT, [(e.rank, scoped(e.account, "event"), e.id, e.body) for e in self._events]
                )
                db.executemany(
                    INSERT_LINK, [(scoped(e.account, "event.type"), e.type, e.rank) for e in self._events]
                )
            for statement, rows in (
                (INSERT_LINK, self._links),
                (DELETE_LINK, self._unlinks),  # after them: what was linked here may be unlinked here too
                (INSERT_JOB, self._jobs),
                (DELETE_JOB, self._done),
                (ADD_FUNDS, self._funds),
                (ADD_CONNECTED_FUNDS, self._connected_funds),
            ):
                if rows:
                    db.executemany(statement, rows)
            for statement, values in self._rows:
                db.execute(statement, values)
            if outcome is not None:
                key = idempotency.scoped(self.account, self.idempotency_key)
                row = (key, *outcome, self.request_id, self.own_now)
                db.execute(SAVE_OUTCOME, row)
            due = self.world.deliveries.enqueue(db, self._events)
        for object_id, value in self._written.items():
            self.store.remember(object_id, value)
        for clock_id, moment, job, object_id in self._jobs:
            self.world.schedule.expect(clock_id, moment, job, object_id)
        self.world.deliveries.start(due)

    def _write_objects(self, execute: Any) -> None:
        owner_of = self.world.ids.owner
        for object_id, value in self._written.items():
            body = self.encoded(value)
            rank = self._ranks.get(object_id)
            owner = owner_of(object_id)
            links = self._links_of(value, owner)
            if rank is not None:
                execute(INSERT_OBJECT, (rank, _kind(value, owner), object_id, body))
            else:
                execute(UPDATE_OBJECT, (_kind(value, owner), body, object_id))
                links = self._changed_links(object_id, links, owner)
                if not links:
                    continue
                rank = self._rank(object_id)
            self._links.extend((field, target, rank) for field, target in links)

    def _changed_links(
        self, object_id: str, links: list[tuple[str, Any]], owner: str
    ) -> list[tuple[str, Any]]:
        """New links of an object that was there before; those it lost are taken away."""
        before = self._links_of(self._before[object_id], owner)
        if before == links:
            return []
        lost = [pair for pair in before if pair not in links]
        if lost:
            rank = self.store.rank_of(object_id, _kind(self._before[object_id], owner))
            self._unlinks.extend((field, target, rank or 0) for field, target in lost)
        return [pair for pair in links if pair not in before]

    def _links_of(self, value: Object, owner: str) -> list[tuple[str, Any]]:
        links = self.world.registry.links_of(value)
        return [(scoped(owner, field), target) for field, target in links] if owner else links


def _kind(value: Object, owner: str) -> str:
    """As the store keeps it: by the account that the object is of, and whether it was deleted."""
    kind = f"deleted_{value['object']}" if value.get("deleted") else str(value["object"])
    return scoped(owner, kind) if owner else kind
