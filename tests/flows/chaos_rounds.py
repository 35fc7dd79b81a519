"""Rounds of load with one thing going wrong in each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import msgspec

from api.settings import Settings
from tests.flows.chaos import City
from tests.flows.chaos_audit import Audit, audit
from tests.flows.chaos_load import CALLERS, STEPS, Load, Told

STRIKES: Mapping[str, Callable[[City], None]] = MappingProxyType(
    {
        "service": City.kill_service,
        "process": City.kill_process,
        "postgres": City.kill_postgres,
        "stripe": City.kill_stripe,
        "faults": City.disturb_stripe,
    }
)


class Done(msgspec.Struct):
    """`silences_s`: for each strike of a kind the longest time after it in which no caller got an answer."""

    audit: Audit
    silences_s: dict[str, list[float]]


async def rounds(city: City, strikes: Sequence[str], seed: int) -> Done:
    """Each round strikes once, somewhere in the middle of its load; in the end all is settled and audited."""
    told: list[Told] = []
    silences_s: dict[str, list[float]] = {strike: [] for strike in strikes}
    for number, strike in enumerate(strikes):
        load = Load(city.urls, Settings(data_dir=city.data_dir), seed + number, f"{strike}-{number}")
        silences_s[strike].append(await _round(city, strike, load))
        told += load.told
    await asyncio.to_thread(city.settle)
    return Done(await asyncio.to_thread(audit, city, told), silences_s)


async def _round(city: City, strike: str, load: Load) -> float:
    await asyncio.to_thread(city.withhold_answers)
    running = asyncio.create_task(load.run())
    midway = asyncio.create_task(load.reaches(city.random.randrange(CALLERS * STEPS)))
    await asyncio.wait({running, midway}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(city.random.uniform(0, 0.02))  # anywhere within a request
    struck_at = time.monotonic()
    await asyncio.to_thread(STRIKES[strike], city)
    await running
    await asyncio.to_thread(city.calm_stripe)
    return _longest_silence(struck_at, load.answered_at)


def _longest_silence(since: float, answered_at: list[float]) -> float:
    after = [since, *(at for at in answered_at if at > since)]
    return max((later - earlier for earlier, later in pairwise(after)), default=0.0)
