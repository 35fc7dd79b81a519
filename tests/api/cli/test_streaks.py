"""`liberation streaks`: on which days somebody learnt, from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from ledger.message import Command, Origin
from ledger.store import Store
from ledger.streaks.commands import ChangeTimeZone, NoteActivity
from tests.api.cli.conftest import Run

SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
ANN = Origin(actor="usr_ann", roles=frozenset({"student"}))
NOW = datetime.now(UTC)


async def learnt(url: str, *days_ago: int) -> None:
    """After the time zone was set."""
    changed = ChangeTimeZone(
        command_id="zone", effective_at=NOW - timedelta(days=max(days_ago) + 3), user_id="usr_ann"
    )
    active = [
        NoteActivity(
            command_id=f"day-{days}",
            effective_at=NOW - timedelta(days=days),
            user_id="usr_ann",
            time_zone="UTC",
        )
        for days in days_ago
    ]
    sent: list[tuple[Command, Origin]] = [(changed, ANN), *((one, SYSTEM) for one in active)]
    async with Store.open(url) as store:
        for command, origin in sent:
            await store.handle(command, origin)


def test_a_streak_is_shown_with_the_dates_that_made_it(run: Run, ledger: str) -> None:
    nothing = run("streaks", "show", "usr_ann").stdout
    assert "usr_ann  0 in a row, 0 at most (UTC)" in nothing
    assert "Nothing was ever learnt." in nothing
    asyncio.run(learnt(ledger, 5, 4, 3, 1))
    shown = run("streaks", "show", "usr_ann").stdout
    assert "usr_ann  1 in a row, 3 at most (UTC)" in shown
    assert "does not count yet, and ends at" in shown
    assert "without any activity it is over at" in shown
    told = json.loads(run("streaks", "show", "usr_ann", "--json").stdout)
    assert (told["streak"]["current"], told["streak"]["longest"]) == (1, 3)
    assert [fact.get("days") for fact in told["facts"]] == [1, 3, 2, 1, None]
    assert f"{NOW - timedelta(days=1):%Y-%m-%d}     1  counted" in shown
    assert "the time zone changed" in shown
