"""Everything that one sandbox is: its store, clock, schedule, deliveries and faults."""

from __future__ import annotations

from pathlib import Path

import msgspec

from api.sandbox import clock
from api.sandbox.clock import Clock, ClockSetting
from api.sandbox.deliveries import Deliveries
from api.sandbox.faults import Fault, Faults
from api.sandbox.idempotency import Keys
from api.sandbox.ids import Ids
from api.sandbox.jobs import Jobs
from api.sandbox.registry import Registry
from api.sandbox.resources import ALL
from api.sandbox.schedule import Schedule
from api.sandbox.settings import DisputeFees, Settings
from api.sandbox.store import Store
from api.sandbox.transaction import Rate, Transaction

CLOCK = "clock"


class State:
    """`path` None lives in memory and ends with the process. Close it when done."""

    def __init__(self, path: Path | None = None, *, seed: str = "", settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.base_url = "http://127.0.0.1"
        """Where this sandbox is reached; set when it listens."""
        self.registry = Registry(ALL)
        self.store = Store(path, seed=seed)
        self.ids = Ids(self.store.seed)
        self.clock = self._stored_clock()
        self.faults: Faults[Fault] = Faults()
        self.rates: dict[str, Rate] = {}
        """By the currency of a charge; what is not here settles in itself. Of the process, as faults are."""
        self.dispute_fees = DisputeFees()
        """Of the process, too."""
        self.keys = Keys(self.store)
        self.deliveries = Deliveries(self.store, self.settings)
        self.schedule = Schedule(self.store)
        self._jobs = Jobs(self, self.registry.jobs)

    def _stored_clock(self) -> Clock:
        stored = self.store.meta(CLOCK)
        setting = msgspec.json.decode(stored, type=ClockSetting) if stored else ClockSetting()
        return Clock(setting, not_before=self.store.newest_created())

    def begin(
        self, *, request_id: str = "", idempotency_key: str = "", account: str = "", now: int | None = None
    ) -> Transaction:
        moment = self.clock.now() if now is None else now
        return Transaction(
            self, moment, request_id=request_id, idempotency_key=idempotency_key, account=account
        )

    def move_clock(self, to: int, *, frozen: bool = False) -> int:
        """Go to `to`, doing on the way what falls due; answers how many jobs ran. Raises ValueError."""
        now = self.clock.now()
        if to < now:
            raise ValueError(f"the clock stands at {now} and cannot go back to {to}")
        ran = self._catch_up(to)
        self.store.set_meta(CLOCK, msgspec.json.encode(self.clock.move(to, frozen=frozen)).decode())
        return ran

    def run_due(self) -> None:
        """Do what fell due as time went by."""
        now = self.clock.now()
        if self.schedule.is_due(now):
            self._catch_up(now)

    def _catch_up(self, until: int) -> int:
        ran = self.run_jobs(clock.DEFAULT, until)
        self.keys.forget_old(until)
        return ran

    def run_jobs(self, clock_id: str, until: int) -> int:
        """What is planned by one of the clocks; answers how many jobs ran."""
        return self._jobs.run(clock_id, until)

    def reset(self) -> None:
        """Forget everything but the seed, webhook endpoints too."""
        self.store.clear()
        self.clock = Clock(ClockSetting())
        self.faults.clear()
        self.rates.clear()
        self.dispute_fees = DisputeFees()
        self.deliveries.faults.clear()
        self.deliveries.reload()
        self.keys.reload()
        self.schedule = Schedule(self.store)

    def close(self) -> None:
        self.store.close()
