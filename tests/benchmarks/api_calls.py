"""What counting a call by an organisation's key costs, beside one that is nobody's, and the facts of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from api.clock import SystemClock
from api.metering import ApiCalls
from ledger.licence_tiers import Allowance, Grant
from ledger.licences.commands import ActivateLicence, IssueLicence
from ledger.licences.terms import Billing
from ledger.message import Origin
from ledger.store import Store
from tests.benchmarks.measure import Figure, interleaved

ADMIN = Origin(actor="usr_root", roles=frozenset({"admin"}))
CALLS, AT_ONCE = 100_000, 64
GOAL_US = 50.0
"""A hundredth of what a read takes in all."""
MOST_FACTS = 0.01
"""For each call."""
_GRANT = Grant(
    tier="custom", currency="usd", year_minor=0, grace_days=0, allowances=(Allowance(metric="api_calls"),)
)


async def measure(url: str, calls: int = CALLS) -> list[Figure]:
    """`url` is the owner's, of a migrated database. A smaller number is for a test of this file."""
    async with Store.open(url) as store, ApiCalls(store, SystemClock()) as counted:
        await _licence(store)
        await _rate(lambda: counted.count("lic_busy"), 4 * AT_ONCE)  # the first blocks are small
        before = await store.head()
        medians = await interleaved(
            {
                "counted": lambda: _rate(lambda: counted.count("lic_busy"), calls),
                "nothing": lambda: _rate(_nothing, calls),
            },
            rounds=3,
        )
        await counted.tell()
        facts = (await store.head() - before) / (3 * calls)
    cost_us = 1e6 / medians["counted"] - 1e6 / medians["nothing"]
    return [
        Figure(
            name=f"counting a call of {AT_ONCE} at once",
            value=cost_us,
            unit="µs",
            goal=f"≤ {GOAL_US:.0f} µs",
            met=cost_us <= GOAL_US,
        ),
        Figure(
            name="facts for each call that is counted",
            value=facts,
            unit="facts",
            goal=f"≤ {MOST_FACTS}",
            met=facts <= MOST_FACTS,
        ),
    ]


async def _nothing() -> None:
    """What a call costs that is nobody's to count."""


async def _rate(call: Callable[[], Awaitable[None]], calls: int) -> float:
    async def some() -> None:
        for _ in range(calls // AT_ONCE):
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return calls / (time.perf_counter() - start)


async def _licence(store: Store) -> None:
    at, licence_id = datetime.now(UTC), "lic_busy"
    issue = IssueLicence(
        command_id="issue",
        effective_at=at,
        licence_id=licence_id,
        org_id="org_busy",
        grant=_GRANT,
        months=12,
        billing=Billing(),
    )
    await store.handle(issue, ADMIN)
    activate = ActivateLicence(command_id="activate", effective_at=at, licence_id=licence_id)
    await store.handle(activate, ADMIN)
