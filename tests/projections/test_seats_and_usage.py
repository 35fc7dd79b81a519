"""The tables of seats and usage are what the rules make of the facts, live and rebuilt."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.errors import Refused
from ledger.seats.stream import stream_of as seats_of
from ledger.usage.metrics import month_of
from ledger.usage.stream import stream_of as usage_of
from projections.live import check
from tests.ledger.licence_examples import LICENCE, NEW_YEAR, day
from tests.ledger.seat_examples import FLOATING, FREE, SOFT, Meter, Room, count, seen
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, select


def kept(url: str, history: History, chunks: int = 3) -> None:
    """Folded in several batches, so that rows are loaded, too."""
    size = max(1, len(history.recorded) // chunks)
    for start in range(0, len(history.recorded), size):
        append(url, history.recorded[start : start + size])
        catch_up(url)


@pytest.mark.parametrize("seed", range(2))
def test_seats_are_those_of_the_rules(database_url: str, seed: int) -> None:
    chance, history, room = random.Random(seed), History(), Room(replace(FLOATING, limit=4))  # noqa: S311
    for _ in range(200):
        device = f"d{chance.randrange(7)}"
        held = list(room.seats.devices)
        steps = [
            lambda: room.claim(device, lapsed=tuple(chance.sample(held, min(1, len(held))))),  # noqa: B023
            lambda: room.release(device),  # noqa: B023
            lambda: room.deactivate(chance.choice(held or ["sea_0"])),  # noqa: B023
        ]
        try:
            facts = chance.choices(steps, (6, 2, 1))[0]()
        except Refused:
            continue
        if facts:
            history.add(seats_of(LICENCE), *facts, effective_at=NEW_YEAR)
    kept(database_url, history)
    rows = select(database_url, "SELECT seat_id, ended, ended_at, floating, user_id FROM seats")
    assert {one["seat_id"] for one in rows if not one["ended"]} == set(room.seats.devices)
    assert {one["ended"] for one in rows} == {"", "lapsed", "released", "deactivated"}
    assert all((one["ended_at"] is None) == (not one["ended"]) for one in rows)
    assert not check(database_url).differences


def test_usage_is_summed_by_month_and_by_day(database_url: str) -> None:
    history, sums = History(), Counter[str]()
    calls = {month: Meter(terms=replace(SOFT, limit=200)) for month in ("2026-01", "2026-02")}
    users, storage = Meter("active_users", FREE), Meter("storage", FREE)

    def say(meter: Meter, at: Any, *items: Any, **more: Any) -> None:
        before = len(meter.facts)
        month = more.pop("month", month_of(at))
        meter.say(*items, effective_at=at, month=month, **more)
        if facts := meter.facts[before:]:
            history.add(usage_of(LICENCE, meter.metric, month), *facts, effective_at=at)

    for index in range(40):
        at = NEW_YEAR + index * timedelta(days=1)
        say(calls[month_of(at)], at, count(index + 1, index + 1))
        sums[month_of(at)] += index + 1
        if month_of(at) == "2026-01":
            say(users, at, seen(f"usr_{index % 9}"))
        say(storage, at, count(index + 1, 1_000 - index))
    say(calls["2026-01"], day("2026-02-02"), count(99, 7), month="2026-01")
    sums["2026-01"] += 7
    kept(database_url, history)
    months = {
        (one["metric"], one["month"]): one for one in select(database_url, "SELECT * FROM usage_months")
    }
    for month, total in sums.items():
        row = months["api_calls", month]
        assert (row["used"], row["beyond"], row["most"]) == (total, max(0, total - 200), 200)
        assert row["alerted_percent"] == 100
    assert months["active_users", "2026-01"]["used"] == 9
    january = months["storage", "2026-01"]
    assert (january["used"], january["peak"]) == (970, 1_000)
    assert (months["storage", "2026-02"]["peak"]) == 970, "a month begins with what there was"
    days = select(
        database_url,
        "SELECT sum(used)::bigint AS used, count(*) AS days FROM usage_days WHERE usage_id = %s",
        f"{LICENCE}:api_calls:2026-01",
    )
    assert days == [{"used": sums["2026-01"], "days": 31}], "what is said late is of the month's last day"
    assert not check(database_url).differences
