"""`leaderboard`: who earned the most tokens."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import Day, json_option, print_json, print_table

if TYPE_CHECKING:
    from api.leaderboards.resources import Board, Ranked
    from ledger.windows import WindowKind

WINDOWS = ("day", "week", "month", "all")
LIMIT = 1_000


@click.command()
@click.option("--window", "kind", type=click.Choice(WINDOWS), default="week", show_default=True)
@click.option("--on", "day", type=Day(), help="A day (UTC) of the window; today's without it.")
@click.option(
    "--limit", type=click.IntRange(min=1, max=LIMIT), default=20, show_default=True, help="How many at most."
)
@json_option
def leaderboard(kind: WindowKind, day: datetime | None, limit: int, *, as_json: bool) -> None:
    """Show who earned the most tokens in a window (UTC). Who wants to be on no board is not there."""
    if day is not None and kind == "all":
        raise click.UsageError("--on cannot go with --window all, which has no days: leave one out.")
    with installation() as here:
        board, found = asyncio.run(_found(here, kind, day, limit))
    if as_json:
        print_json({"board": board, "items": found})
        return
    click.echo(f"{board.name}  {board.phase}")
    print_table(
        ("#rank", "user", "name", "#score", "#now", "reached"),
        (
            (
                one.rank,
                one.user_id,
                one.name or "",
                one.score,
                one.score_now,
                f"{one.reached_at:%Y-%m-%d %H:%M}",
            )
            for one in found
        ),
        empty="Nobody has earned any tokens in it.",
    )


async def _found(
    here: Installation, kind: WindowKind, day: datetime | None, limit: int
) -> tuple[Board, list[Ranked]]:
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.leaderboards.resources import board_of
    from api.leaderboards.top import top
    from ledger.windows import window_at

    now = SystemClock().now()
    window = window_at(kind, (day or now).date())
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return board_of(window, now), await top(conn, window, limit)
