"""Everything that one sandbox is: its store, clock, schedule, deliveries and faults."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from api.sandbox.clock import Clock, ClockSetting
from api.sandbox.deliveries import Deliveries
from api.sandbox.faults import Fault, Faults
from api.sandbox.idempotency import Keys
from api.sandbox.ids import Ids
from api.sandbox.registry import Registry
from api.sandbox.resources import ALL
from api.sandbox.schedule import Schedule
from api.sandbox.store import Store
from api.sandbox.transaction import Transaction

CLOCK = "clock"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Sandbox time unless it says wall. They are the sandbox's choices: Stripe promises no exact times."""

    settle_charge_s: int = 0
    """After an `automatic_async` capture, until the balance transaction is there (Stripe: up to an hour)."""
    bank_debit_s: int = 4 * 86_400
    """Until a bank debit succeeds or fails (Stripe: up to 4 business days)."""
    refund_outcome_s: int = 86_400
    """Until a pending refund succeeds, or one with a failing test card fails."""
    funds_days: int = 2
    """Until a charge's funds are available, at midnight UTC."""
    payout_days: int = 1
    """Until a payout is paid, at midnight UTC."""
    invoice_draft_s: int = 0
    """A renewal's invoice is a draft for so long before it is finalized and paid (Stripe: about an hour)."""
    invoice_retries_s: tuple[int, ...] = ()
    """Waits before each automatic retry of a failed invoice; none: switched off, as in the dashboard."""
    after_retries: Literal["past_due", "unpaid", "canceled"] = "past_due"
    """What becomes of the subscription when the last automatic retry failed."""
    webhook_retry_base_s: float = 1.0
    """Wall: the first wait; each further one is twice as long."""
    webhook_timeout_s: float = 10.0
    """Wall."""
    webhook_concurrency: int = 16


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
        self.keys = Keys(self.store)
        self.deliveries = Deliveries(self)
        self.schedule = Schedule(self)

    def _stored_clock(self) -> Clock:
        stored = self.store.meta(CLOCK)
        setting = msgspec.json.decode(stored, type=ClockSetting) if stored else ClockSetting()
        return Clock(setting, not_before=self.store.newest_created())

    def begin(
        self, *, request_id: str = "", idempotency_key: str = "", now: int | None = None
    ) -> Transaction:
        moment = self.clock.now() if now is None else now
        return Transaction(self, moment, request_id=request_id, idempotency_key=idempotency_key)

    def move_clock(self, to: int, *, frozen: bool = False) -> int:
        """Go to `to`, doing on the way what falls due; answers how many jobs ran. Raises ValueError."""
        now = self.clock.now()
        if to < now:
            raise ValueError(f"the clock stands at {now} and cannot go back to {to}")
        ran = self.schedule.run(to)
        self.store.set_meta(CLOCK, msgspec.json.encode(self.clock.move(to, frozen=frozen)).decode())
        return ran

    def run_due(self) -> None:
        """Do what fell due as time went by."""
        now = self.clock.now()
        if self.schedule.next_due <= now:
            self.schedule.run(now)

    def reset(self) -> None:
        """Forget everything but the seed, webhook endpoints too."""
        self.store.clear()
        self.clock = Clock(ClockSetting())
        self.faults.clear()
        self.deliveries.faults.clear()
        self.deliveries.reload()
        self.schedule = Schedule(self)

    def close(self) -> None:
        self.store.close()
