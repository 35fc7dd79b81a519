"""kill -9 of everything, under load, at random points; afterwards nothing is lost and nothing doubled.

The seed is printed with a failure, and `LIBERATION_TEST_SEED` uses it again: the same strikes and requests,
but not the same instants. `make bench` goes on for longer.
"""

from __future__ import annotations

import os
import random
import secrets
from pathlib import Path

import pytest

from tests.flows.chaos import City
from tests.flows.chaos_rounds import rounds

pytestmark = pytest.mark.postgres


@pytest.fixture
def seed() -> int:
    seed = int(os.environ.get("LIBERATION_TEST_SEED") or secrets.randbits(32))
    print(f"LIBERATION_TEST_SEED={seed}")  # noqa: T201  pytest shows it when the test fails
    return seed


@pytest.mark.parametrize(
    ("workers", "strikes"),
    [
        pytest.param(1, ["service", "postgres", "stripe", "faults"] * 2, id="one process"),
        pytest.param(2, ["process", "postgres", "process"], id="several processes"),
    ],
)
async def test_no_crash_loses_an_acknowledged_write_or_charges_twice(
    workers: int, strikes: list[str], seed: int, tmp_path: Path
) -> None:
    random.Random(seed).shuffle(strikes)  # noqa: S311  repeatable, no secret
    with City(tmp_path, seed, workers=workers) as city:
        done = await rounds(city, strikes, seed)
    assert done.audit.findings == []
    # there was something to lose: of each round's 24 payments some are declined
    assert done.audit.acknowledged > 24 * len(strikes)
    assert done.audit.charges > 10 * len(strikes)
    assert done.audit.refunds > 4 * len(strikes)
    assert done.audit.unclear > 0 or "faults" not in strikes
