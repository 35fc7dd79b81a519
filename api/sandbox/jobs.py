"""What happens when a clock reaches its time: bank debits settle, refunds turn out, funds come free."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from api.sandbox import clock
from api.sandbox.transaction import Transaction, World

Job = Callable[[Transaction, str], None]


class Jobs:
    """`known` are the jobs of all resources, by name."""

    def __init__(self, world: World, known: Mapping[str, Job]) -> None:
        self._world = world
        self._known = known

    def run(self, clock_id: str, until: int) -> int:
        """Run what is due by the sandbox's clock, or by a test clock that is being advanced, each moment as a
        transaction of its own and in its own time, so that `created` tells when; answers how many ran.
        """
        schedule = self._world.schedule
        ran = 0
        while (due := schedule.next_due(clock_id, until)) is not None:
            ran += self._run_moment(clock_id, due)
        schedule.reload()
        return ran

    def _run_moment(self, clock_id: str, moment: int) -> int:
        tx = self._begin(clock_id, moment)
        due = self._world.schedule.due_at(clock_id, moment)
        for job_id, name, object_id in due:
            with tx.acting_for(self._world.ids.owner(object_id)):
                self._known[name](tx, object_id)
            tx.finish_job(job_id)
        tx.commit()
        return len(due)

    def _begin(self, clock_id: str, moment: int) -> Transaction:
        if clock_id == clock.DEFAULT:
            return self._world.begin(now=moment)
        tx = self._world.begin()
        tx.live_in(clock_id, moment)
        return tx
