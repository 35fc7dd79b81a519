"""`streaks`: on how many days in a row somebody learnt, and which they were."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.tokens.resources import Streak
    from ledger.message import Recorded

DATES = 20


@click.group()
def streaks() -> None:
    """Users' streaks: show."""


@streaks.command()
@click.argument("user_id", metavar="USER")
@json_option
def show(user_id: str, *, as_json: bool) -> None:
    """Show a user's streak as it is now. Below it are the dates that made it, the newest first."""
    with installation() as here:
        streak, facts = asyncio.run(_of(here, user_id))
    if as_json:
        print_json({"streak": streak, "facts": [fact.event for fact in facts]})
        return
    click.echo(f"{user_id}  {streak.current} in a row, {streak.longest} at most ({streak.time_zone})")
    counts = "counts" if streak.today_counts else "does not count yet"
    click.echo(f"  {streak.today} {counts}, and ends at {streak.today_ends_at:%Y-%m-%d %H:%M} UTC")
    if streak.kept_until is not None:
        click.echo(f"  without any activity it is over at {streak.kept_until:%Y-%m-%d %H:%M} UTC")
    print_table(("date", "#days", "what", "at (UTC)"), map(_line, facts), empty="Nothing was ever learnt.")


def _line(fact: Recorded) -> tuple[object, ...]:
    from ledger.streaks.events import DateCredited, DateHeld

    at = f"{fact.metadata.effective_at:%Y-%m-%d %H:%M}"
    match fact.event:
        case DateCredited(local_date=day, days=days):
            return day, days, "counted", at
        case DateHeld(local_date=day):
            return day, "", "not counted: a third date within 24 hours, across a change of zone", at
        case _:
            return "", "", "the time zone changed", at


async def _of(here: Installation, user_id: str) -> tuple[Streak, list[Recorded]]:
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.streaks.zones import zones_of
    from api.tokens.streaks import streak_of
    from ledger.store import Store
    from ledger.streaks.decider import STREAKS
    from ledger.streaks.stream import stream_of

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        (zone,) = await zones_of(conn, [user_id])
    async with Store.open(here.url, schema=here.settings.schema) as store:
        facts = await store.read_stream(stream_of(user_id))
        state = await store.state(STREAKS, stream_of(user_id))
    return streak_of(user_id, state, SystemClock().now(), zone), facts[::-1][:DATES]
