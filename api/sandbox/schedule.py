"""What happens when the clock reaches its time: bank debits settle, refunds turn out, funds come free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.sandbox import clock
from api.sandbox.store import NEVER

if TYPE_CHECKING:
    from api.sandbox.state import State

NEXT_DUE = "SELECT min(due) FROM jobs WHERE clock = ?"
DUE_AT = "SELECT id, name, object_id FROM jobs WHERE clock = ? AND due = ? ORDER BY id"
# Rows are in the order they were made, so the oldest come first and no index is needed.
FORGET_KEYS = """
DELETE FROM idempotency
WHERE created < ? AND rowid IN (SELECT rowid FROM idempotency ORDER BY rowid LIMIT 1000)
"""
KEYS_KEPT_S = 24 * 3600
FUNDS_AVAILABLE = "funds_available"
"""The job that tells of funds of a currency; its object is the currency."""


class Schedule:
    def __init__(self, state: State) -> None:
        self._state = state
        self._forgotten_at = 0
        self._funds: dict[str, int] = {}
        self.reload()

    def reload(self) -> None:
        due = self._state.store.rows(NEXT_DUE, (clock.DEFAULT,))[0][0]
        self.next_due: int = NEVER if due is None else due

    def expect(self, clock_id: str, due: int, job: str, object_id: str) -> None:
        if clock_id != clock.DEFAULT:
            return  # `run_of_clock` looks for itself
        self.next_due = min(self.next_due, due)
        if job == FUNDS_AVAILABLE:
            self._funds[object_id] = due

    def tells_of_funds(self, currency: str, due: int) -> bool:
        """Whether `balance.available` is planned for then, as far as this process remembers."""
        return self._funds.get(currency) == due

    def run(self, until: int) -> int:
        """Run what is due, each at its own time so that `created` tells when; answers how many ran."""
        ran = 0
        while self.next_due <= until:
            due = self.next_due
            jobs = self._state.store.rows(DUE_AT, (clock.DEFAULT, due))
            tx = self._state.begin(now=due)
            for job_id, name, object_id in jobs:
                self._state.registry.jobs[name](tx, object_id)
                tx.finish_job(job_id)
            tx.commit()
            ran += len(jobs)
            self.reload()
        self._forget_keys(until)
        return ran

    def run_of_clock(self, clock_id: str, until: int) -> None:
        """The same for a test clock that is being advanced; each moment is a transaction of its own."""
        while (due := self._state.store.rows(NEXT_DUE, (clock_id,))[0][0]) is not None and due <= until:
            tx = self._state.begin()
            tx.live_in(clock_id, due)
            for job_id, name, object_id in self._state.store.rows(DUE_AT, (clock_id, due)):
                self._state.registry.jobs[name](tx, object_id)
                tx.finish_job(job_id)
            tx.commit()

    def _forget_keys(self, now: int) -> None:
        if now - self._forgotten_at >= KEYS_KEPT_S // 24:
            self._forgotten_at = now
            while self._state.store.db.execute(FORGET_KEYS, (now - KEYS_KEPT_S,)).rowcount:
                pass
