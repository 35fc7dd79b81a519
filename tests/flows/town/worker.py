"""The town's worker: what is done by the clock, and by whom nobody asks."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Literal

import stripe

from api.background.jobs import jobs_of
from api.sandbox.faults import FaultKind
from api.settings import Settings
from api.stripe.gateway import Postponed
from tests.flows.town.room import Commons, Room

_HEAD = "SELECT coalesce(max(position), 0) AS head FROM event_log"
FAULTS: tuple[FaultKind, ...] = ("error_before", "error_after", "disconnect_after")
CALLED = ("payment_intents", "checkout", "refunds", "transfers", "subscriptions", "invoices", "credit_notes")
OF_OTHERS = "the ledger has no payment"
"""What is named as ours are, and is not known, is tried again for as long as a restore may take."""
PAUSES = (timedelta(hours=2), timedelta(hours=2), timedelta(hours=26))
"""In which what waits for our own facts, or for a better time, has waited enough."""


class Worker(Room):
    STEPS = ("wait", "work", "restart", "away")

    def __init__(self, commons: Commons) -> None:
        super().__init__(commons)
        self._begin()

    def _begin(self) -> None:
        world = self._world
        jobs = jobs_of(world.store, world.client, world.gateway, world.clock, Settings())
        self._jobs = [
            job for job in jobs if job.name != "webhooks_caught_up"
        ]  # it would hear all that is lost

    async def _wait(self) -> None:
        self._bench.advance(timedelta(days=self._lot.choice([1, 2, 9, 25])), self._world)

    async def _work(self) -> None:
        """What fails is tried again another time."""
        for job in self._jobs:
            await self._world.project()
            with suppress(stripe.StripeError, Postponed):
                await job.run(self._world.conn)
        await self._world.settle()

    async def _restart(self) -> None:
        """Another process: what the last one had in memory is gone."""
        self._begin()

    async def _away(self) -> None:
        """Stripe does not answer, or nobody hears that it has done what it was asked."""
        kind = self._lot.choice(FAULTS)
        method: Literal["GET", "POST"] = self._lot.choice(["GET", "POST"])
        path = f"/v1/{self._lot.choice(CALLED)}"
        self._bench.fault(kind, path, method=method, times=self._lot.choice([1, 3]))

    async def rest(self) -> None:
        """Until nothing is left to hear or to do."""
        self._bench.clear()
        await self._until_quiet()
        for pause in PAUSES:
            self._bench.advance(pause, self._world)
            await self._until_quiet()
            waits = [why for why in await self._world.settle() if not why.startswith(OF_OTHERS)]
            if not waits:
                return
        raise AssertionError(waits)

    async def _until_quiet(self) -> None:
        for _ in range(12):
            before = await self._world.rows(_HEAD)
            await self._world.catch_up()
            for job in self._jobs:
                await self._world.project()
                await job.run(self._world.conn)
            await self._world.settle()
            if await self._world.rows(_HEAD) == before:
                return
        raise AssertionError("it never rests")
