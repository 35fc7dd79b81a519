"""`stripe`: what Stripe knows and the ledger does not, and what Stripe must be told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import Duration, json_option, print_json, print_table
from api.cli.unexplained import unexplained
from api.cli.webhook_endpoint import webhook_endpoint

if TYPE_CHECKING:
    from api.background.catch_up import Missed


@click.group()
def stripe() -> None:
    """Compare with Stripe, and set it up."""


stripe.add_command(webhook_endpoint)
stripe.add_command(unexplained)


@stripe.command("catch-up")
@click.option(
    "--since", type=Duration(), default="30d", show_default=True, help="How far back; Stripe keeps 30 days."
)
@json_option
def catch_up(since: timedelta, *, as_json: bool) -> None:
    """Record the events that never reached us. What they mean is applied by the running worker.

    Exit 0 also when some were missing: they are recorded now.
    """
    with installation() as here:
        missed = asyncio.run(_catch_up(here, since))
    if as_json:
        print_json({"recorded": missed})
        return
    print_table(
        ("event", "type", "object", "created"),
        (
            (one.stripe_event_id, one.stripe_event_type, one.object_id, f"{one.created_at:%Y-%m-%d %H:%M}")
            for one in missed
        ),
        empty="Nothing was missed.",
    )
    if missed:
        click.echo(f"{len(missed)} events were missing and are recorded now.")


async def _catch_up(here: Installation, since: timedelta) -> list[Missed]:
    from psycopg import AsyncConnection

    from api.background.catch_up import catch_up as run
    from api.clock import SystemClock
    from api.serve.sandbox import stripe_settings
    from api.stripe.client import open_stripe
    from ledger.store import APPLICATION, Store

    async with (
        stripe_settings(here.settings, "") as (settings, _),
        open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base) as client,
        Store.open(here.url, schema=settings.schema) as store,
        await AsyncConnection.connect(here.conninfo(APPLICATION), autocommit=True) as conn,
    ):
        return await run(client, conn, store, SystemClock(), window=since)
