"""The rounds of `tests/flows/test_crashes.py`, many more of them: what is lost, and how long callers wait."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measure import Figure
from tests.flows.chaos import City
from tests.flows.chaos_rounds import Done, rounds

SEED = 1
STRIKES = {1: ["service", "postgres", "stripe", "faults"] * 10, 2: ["process", "postgres"] * 10}
"""By the service's number of processes."""


async def measure(_url: str) -> list[Figure]:
    """Each service has a database of its own, which it kills."""
    return [figure for workers in STRIKES for figure in figures(workers, await _rounds(workers))]


async def _rounds(workers: int) -> Done:
    strikes = list(STRIKES[workers])
    random.Random(SEED).shuffle(strikes)  # noqa: S311  repeatable, no secret
    with (
        tempfile.TemporaryDirectory(prefix="liberation-crashes-", ignore_cleanup_errors=True) as folder,
        City(Path(folder), SEED, workers=workers) as city,
    ):
        return await rounds(city, strikes, SEED)


def figures(workers: int, done: Done) -> list[Figure]:
    audit, where = done.audit, f"{len(STRIKES[workers])} crashes, {workers} process{'es' * (workers > 1)}"
    return [
        Figure(name=f"{where}: acknowledged writes", value=audit.acknowledged, unit="writes"),
        Figure(
            name=f"{where}: lost, doubled or out of balance"
            + "".join(f"; {finding}" for finding in audit.findings[:5]),
            value=len(audit.findings),
            unit="findings",
            goal="0",
            met=not audit.findings,
        ),
        *(_silence(f"{where}: {strike}", silences) for strike, silences in done.silences_s.items()),
    ]


def _silence(name: str, silences_s: Sequence[float]) -> Figure:
    median, worst = statistics.median(silences_s), max(silences_s)
    return Figure(
        name=f"{name}, longest silence (median; worst {worst:.1f} s)", value=1000 * median, unit="ms"
    )
