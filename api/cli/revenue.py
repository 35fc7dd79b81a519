"""`recognise`: revenue up to a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.terminal import Day, json_option, print_json, print_table, progress

if TYPE_CHECKING:
    from api.books.recognition import Recognised


@click.command()
@click.option(
    "--until",
    type=Day(),
    help="The last day (UTC) to close; it must be over.  [default: yesterday]",
)
@json_option
def recognise(until: datetime | None, *, as_json: bool) -> None:
    """Recognise what subscriptions and licences earned by a day.

    The running worker does so by itself. This closes a month without waiting for it, and may be repeated:
    what is recognised is not recognised again. Revenue is dated by the day that earned it.
    """
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    day = until.date() if until else yesterday
    if day > yesterday:
        raise CommandError(f"{day} is not over; the last day that can be closed is {yesterday}.", UNUSABLE)
    with installation() as here:
        made = _recognise(here, day)
    if as_json:
        print_json({"until": day, "invoices": made.invoices, "entries": made.entries,
                    "totals_minor": dict(made.totals_minor)})  # fmt: skip
        return
    print_table(
        ("currency", "#recognised, minor units"),
        ((currency.upper(), total) for currency, total in sorted(made.totals_minor.items())),
        empty=f"Nothing was left to recognise up to {day}.",
    )
    if made.entries:
        click.echo(f"{made.entries} entries for {made.invoices} invoices, up to {day}.")


def _recognise(here: Installation, until: date) -> Recognised:
    from projections import live

    # the tables say which days are open
    runner = live.runner(here.url, schema=here.settings.schema)
    try:
        runner.catch_up()
        with progress("closing days") as advance:
            made = asyncio.run(_close(here, until, lambda done: advance(done, done)))
        runner.catch_up()
    finally:
        runner.stop()
    return made


async def _close(here: Installation, until: date, advance: Callable[[int], None]) -> Recognised:
    from psycopg import AsyncConnection

    from api.books.recognition import recognise as run
    from ledger.message import Origin
    from ledger.store import APPLICATION, Store

    origin = Origin(actor="operator", roles=frozenset({"system"}), causation_id="recognise")
    async with (
        Store.open(here.url, schema=here.settings.schema) as store,
        await AsyncConnection.connect(here.conninfo(APPLICATION), autocommit=True) as conn,
    ):
        return await run(conn, store, until, origin=origin, advance=advance)
