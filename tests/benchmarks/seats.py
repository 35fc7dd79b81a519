"""A million increments of usage by sixteen clients, with repeats; and a claim where there are many facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice

from ledger.message import Command, Origin
from ledger.seats.commands import ActivateSeat, ReleaseSeat, SeatTerms
from ledger.store import Store
from ledger.usage.commands import Item, RecordUsage, UsageTerms
from ledger.usage.decider import USAGE
from ledger.usage.state import Usage
from ledger.usage.stream import stream_of
from tests.benchmarks.measure import Figure, interleaved

SERVICE = Origin(actor="usr_shop", roles=frozenset({"service"}))
AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
CLIENTS, INCREMENTS, BATCH = 16, 1_000_000, 1_000
REPEATED = 10
"""Each so manieth batch is sent twice, as after a lost answer."""
FEW, MANY = 2, 100_000
GOAL = 1.5
TIMES = 40
_NUMBERS = count(MANY)


async def measure(url: str, increments: int = INCREMENTS, many: int = MANY) -> list[Figure]:
    """`url` is the owner's, of a migrated database. Smaller numbers are for a test of this file."""
    async with Store.open(url) as store:
        return [await _usage(store, increments), await _claims(store, many)]


async def _usage(store: Store, increments: int) -> Figure:
    each = increments // CLIENTS
    start = time.perf_counter()
    await asyncio.gather(*(_client(store, f"client-{one}", each) for one in range(CLIENTS)))
    elapsed = time.perf_counter() - start
    usage: Usage = await store.state(USAGE, stream_of("lic_busy", "api_calls", "2026-01"))
    if usage.used != each * CLIENTS:
        raise AssertionError(f"{usage.used} of {each * CLIENTS} increments were counted")
    return Figure(
        name=f"{CLIENTS} clients count {increments:,} increments in batches of {BATCH:,}, some sent twice",
        value=each * CLIENTS / elapsed,
        unit="increments/s",
    )


async def _client(store: Store, source: str, increments: int) -> None:
    for place, first in enumerate(range(1, increments + 1, BATCH)):
        numbers = range(first, min(first + BATCH, increments + 1))
        for attempt in range(2 if place % REPEATED == 0 else 1):
            await store.handle(_batch(source, numbers, f"{source}:{first}:{attempt}"), SERVICE)


def _batch(source: str, numbers: Sequence[int], command_id: str) -> RecordUsage:
    return RecordUsage(
        command_id=command_id,
        effective_at=AT,
        licence_id="lic_busy",
        org_id="org_busy",
        metric="api_calls",
        month="2026-01",
        source=source,
        items=tuple(Item(sequence=number, quantity=1) for number in numbers),
        terms=UsageTerms(as_of=1, status="active", granted=True),
    )


async def _claims(store: Store, many: int) -> Figure:
    """Of the time of a claim and a release with many facts to that with few."""
    for facts in (FEW, many):
        commands = (command for number in range(facts // 2) for command in _pair(facts, number))
        while chunk := list(islice(commands, 512)):
            await asyncio.gather(*(store.handle(command, SERVICE) for command in chunk))

    async def rate(facts: int) -> float:
        start = time.perf_counter()
        for _ in range(TIMES):
            for command in _pair(facts, next(_NUMBERS)):
                await store.handle(command, SERVICE)
        return TIMES / (time.perf_counter() - start)

    median = await interleaved({str(facts): partial(rate, facts) for facts in (FEW, many)}, rounds=15)
    ratio = median[str(FEW)] / median[str(many)]
    return Figure(
        name=f"a claim and a release, with {many:,} facts",
        value=1000 / median[str(many)],
        unit="ms",
        baseline=f"of a new licence: {1000 / median[str(FEW)]:.1f} ms",
        ratio=ratio,
        goal=f"≤ {GOAL}",
        met=ratio <= GOAL,
    )


def _pair(facts: int, number: int) -> tuple[Command, Command]:
    licence_id, device, user_id = f"lic_{facts}", f"device-{number}", f"usr_{number}"
    claim = ActivateSeat(
        command_id=f"claim:{licence_id}:{number}",
        effective_at=AT,
        licence_id=licence_id,
        org_id="org_busy",
        seat_id=f"sea_{number}",
        device=device,
        user_id=user_id,
        terms=SeatTerms(as_of=1, status="active", limit=None, floating=False, transfers=None),
    )
    release = ReleaseSeat(
        command_id=f"release:{licence_id}:{number}",
        effective_at=AT,
        licence_id=licence_id,
        device=device,
        user_id=user_id,
        transfers=None,
    )
    return claim, release
