"""What is planned for later: a job of a resource, by its name, with the object that it is about."""

from __future__ import annotations

from api.sandbox import clock
from api.sandbox.store import Store

FIRST_DUE = "SELECT min(due) FROM jobs WHERE clock = ?"
DUE_AT = "SELECT id, name, object_id FROM jobs WHERE clock = ? AND due = ? ORDER BY id"
FUNDS_AVAILABLE = "funds_available"
"""The job that tells of funds of a currency; its object is the currency."""


class Schedule:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._funds: dict[str, int] = {}
        self.reload()

    def reload(self) -> None:
        self._first = self._first_due(clock.DEFAULT)

    def _first_due(self, clock_id: str) -> int | None:
        due: int | None = self._store.rows(FIRST_DUE, (clock_id,))[0][0]
        return due

    def is_due(self, now: int) -> bool:
        """Whether anything is by the sandbox's own clock; asked at every call, so it reads nothing."""
        return self._first is not None and self._first <= now

    def next_due(self, clock_id: str, until: int) -> int | None:
        """The first moment up to `until` that something is planned for, by any clock."""
        due = self._first_due(clock_id)
        return None if due is None or due > until else due

    def due_at(self, clock_id: str, moment: int) -> list[tuple[int, str, str]]:
        """(id, name, object's id) of the jobs, in the order that they were asked for."""
        return [(job_id, name, about) for job_id, name, about in self._store.rows(DUE_AT, (clock_id, moment))]

    def expect(self, clock_id: str, due: int, job: str, object_id: str) -> None:
        """To be told of each job that is written."""
        if clock_id != clock.DEFAULT:
            return
        if self._first is None or due < self._first:
            self._first = due
        if job == FUNDS_AVAILABLE:
            self._funds[object_id] = due

    def tells_of_funds(self, currency: str, due: int) -> bool:
        """Whether `balance.available` is planned for then, as far as this process remembers."""
        return self._funds.get(currency) == due
