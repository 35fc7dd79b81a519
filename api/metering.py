"""Calls of the API by an organisation's keys, counted in memory: a process leases a block of what is left of
the licence's month, and says from time to time what it used of it.

A block is as large as what its process uses in a moment, and never more than a small part of what is left, so
that a hard limit is exact over all processes. What a process that dies has not said is not counted; its block
stays set aside for the rest of the month, so that the limit holds all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, Self

import msgspec
import structlog

from api.clock import Clock
from ledger.errors import Contended, LedgerError, Refused
from ledger.ids import new_id
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.message import Origin
from ledger.store import Store
from ledger.usage.commands import LeaseUsage, SettleLease
from ledger.usage.events import UsageLeased
from ledger.usage.metrics import month_of
from ledger.usage.terms import terms_of

METRIC: Final = "api_calls"
FIRST, MOST = 10, 1_000
"""Sizes of blocks."""
TELL_S: Final = 10.0
"""How long a block is kept: so long after a licence was suspended, calls may still pass."""
REFUSED_S: Final = 1.0
"""How long a refusal is repeated without asking anew."""
_ATTEMPTS = 3
_PLATFORM = Origin(actor="worker", roles=frozenset({"system"}))

log = structlog.get_logger()


class _Block(msgspec.Struct):
    licence_id: str
    org_id: str
    month: str
    lease: int
    quantity: int
    since: float
    used: int = 0

    @property
    def command_id(self) -> str:
        """Of what ends it."""
        return f"usage_lease:{self.licence_id}:{METRIC}:{self.month}:{self.lease}"

    def has_one_more(self, month: str) -> bool:
        return self.month == month and self.used < self.quantity


class _Refusal(msgspec.Struct, frozen=True):
    error: Refused
    month: str
    until: float


class ApiCalls:
    """`async with calls:` tells what is used every few seconds, and when it is left."""

    def __init__(self, store: Store, clock: Clock, passed: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock, self._passed = store, clock, passed
        self._blocks: dict[str, _Block] = {}
        """By licence."""
        self._untold: dict[str, _Block] = {}
        """What is not known to be said, by the command that says it."""
        self._asked: dict[tuple[str, str], str] = {}
        """By licence and month the command of a lease whose outcome is not known."""
        self._wanted: defaultdict[str, int] = defaultdict(lambda: FIRST)
        self._refused: dict[str, _Refusal] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._telling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._telling = asyncio.create_task(self._tell_regularly(), name="api_calls")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling
        await self.tell()

    async def count(self, licence_id: str) -> None:
        """One call. Raises `UsageExceeded` at a hard limit, and what else a licence refuses."""
        month = month_of(self._clock.now())
        block = self._blocks.get(licence_id)
        while block is None or not block.has_one_more(month):
            block = await self._anew(licence_id, month)
        block.used += 1

    async def tell(self, older_than_s: float = 0.0) -> None:
        """Says what was used of the blocks that are so old, and gives back the rest."""
        before = self._passed() - older_than_s
        for licence_id in [one.licence_id for one in self._blocks.values() if one.since <= before]:
            async with self._locks[licence_id]:
                block = self._blocks.pop(licence_id, None)
                if block is not None:
                    self._wanted[licence_id] = min(MOST, max(FIRST, block.used))
                    await self._settle(block)
        for block in list(self._untold.values()):
            await self._settle(block)

    async def _tell_regularly(self) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            await self.tell(TELL_S)

    async def _anew(self, licence_id: str, month: str) -> _Block | None:
        """A block with room, made by one of all who wait for it; it may be used up before they are there."""
        async with self._locks[licence_id]:
            block = self._blocks.get(licence_id)
            if block is not None and block.has_one_more(month):
                return block
            self._check_refused(licence_id, month)
            if block is not None:
                del self._blocks[licence_id]
                if block.month == month:
                    self._wanted[licence_id] = min(MOST, 2 * self._wanted[licence_id])
                await self._settle(block)
            try:
                self._blocks[licence_id] = made = await self._lease(licence_id, month)
            except Refused as error:
                self._refused[licence_id] = _Refusal(error, month, self._passed() + REFUSED_S)
                raise
            return made

    def _check_refused(self, licence_id: str, month: str) -> None:
        known = self._refused.get(licence_id)
        if known is None:
            return
        if known.month == month and self._passed() < known.until:
            raise type(known.error)(known.error.detail)
        del self._refused[licence_id]

    async def _lease(self, licence_id: str, month: str) -> _Block:
        for _ in range(_ATTEMPTS - 1):
            with suppress(Contended):  # the licence changed meanwhile
                return await self._lease_once(licence_id, month)
        return await self._lease_once(licence_id, month)

    async def _lease_once(self, licence_id: str, month: str) -> _Block:
        """Asked again by the same command while nobody knows whether it was given."""
        licence, now = await self._licence(licence_id), self._clock.now()
        command_id = self._asked.setdefault((licence_id, month), new_id("cmd"))
        command = LeaseUsage(
            command_id=command_id,
            effective_at=now,
            licence_id=licence_id,
            org_id=licence.org_id,
            metric=METRIC,
            month=month,
            wanted=self._wanted[licence_id],
            terms=terms_of(licence, METRIC, month, now),
        )
        outcome = await self._store.handle(command, _PLATFORM)
        del self._asked[licence_id, month]
        leased = outcome.recorded[0].event
        assert isinstance(leased, UsageLeased), "nothing else is recorded"
        return _Block(licence_id, licence.org_id, month, leased.lease, leased.quantity, self._passed())

    async def _licence(self, licence_id: str) -> Licence:
        licence: Licence = await self._store.state(LICENCE, stream_of(licence_id))
        return licence

    async def _settle(self, block: _Block) -> None:
        """Now, or with the next telling, also where this is given up: its command counts once."""
        self._untold[block.command_id] = block
        try:
            licence = await self._licence(block.licence_id)
            await self._store.handle(_settlement(block, licence, self._clock.now()), _PLATFORM)
        except Refused as refusal:  # its month is closed
            about = {"licence_id": block.licence_id, "used": block.used, "why": refusal.code}
            log.warning("api_calls_not_counted", **about)
        except LedgerError:
            return
        self._untold.pop(block.command_id, None)


def _settlement(block: _Block, licence: Licence, now: datetime) -> SettleLease:
    return SettleLease(
        command_id=block.command_id,
        effective_at=now,
        licence_id=block.licence_id,
        org_id=block.org_id,
        metric=METRIC,
        month=block.month,
        lease=block.lease,
        used=block.used,
        terms=terms_of(licence, METRIC, block.month, now),
    )
