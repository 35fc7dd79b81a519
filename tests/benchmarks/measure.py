"""Ratios within one run: the machine's mood falls on both sides of a fraction."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping

import msgspec

ROUNDS = 5

Rate = Callable[[], Awaitable[float]]
"""Measures once; answers in things a second."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report."""

    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


async def interleaved(rates: Mapping[str, Rate], rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each, the rounds taken in turn."""
    measured: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(rounds):
        for name, rate in rates.items():
            measured[name].append(await rate())
    return {name: statistics.median(values) for name, values in measured.items()}


def percentile(sorted_values: list[float], share: float) -> float:
    """`share` from 0 to 1, of values that are sorted already."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]
