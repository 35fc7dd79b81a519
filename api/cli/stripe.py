"""`stripe`: what Stripe knows and the ledger does not, and what Stripe must be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
import msgspec

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.stripe_adopt import adopt
from api.cli.terminal import Duration, json_option, print_json, print_table
from api.cli.unexplained import explain, unexplained, withdraw
from api.cli.webhook_endpoint import webhook_endpoint

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from api.background.catch_up import Missed
    from api.stripe.delivery import Tools
    from api.stripe.sweep.comparing import Finding


@click.group()
def stripe() -> None:
    """Compare with Stripe, and set it up."""


stripe.add_command(webhook_endpoint)
stripe.add_command(adopt)
stripe.add_command(unexplained)
stripe.add_command(explain)
stripe.add_command(withdraw)


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
    from api.background.catch_up import catch_up as run

    async with _at_work(here) as (tools, conn):
        return await run(tools.stripe, conn, tools.store, tools.clock, window=since)


@stripe.command("sweep")
@click.option("--dry-run", is_flag=True, help="Tell what differs, and record nothing.")
@json_option
def sweep(*, dry_run: bool, as_json: bool) -> None:
    """Compare what is not settled with Stripe now.

    Exit 0 also when something differed: it is recorded, but with --dry-run.
    """
    with installation() as here:
        done = asyncio.run(_sweep(here, dry=dry_run))
    if as_json:
        print_json(done)
        return
    print_table(
        ("kind", "at Stripe", "here", "recorded"),
        ((one.kind, one.object_id, one.subject, ", ".join(one.recorded)) for one in done.findings),
        empty="Nothing differs.",
    )
    recorded = "nothing is recorded" if dry_run else "recorded now"
    click.echo(f"{done.compared} were compared, {done.found} differed: {recorded}.")


class _Swept(msgspec.Struct, frozen=True):
    compared: int
    found: int
    findings: list[Finding]


async def _sweep(here: Installation, *, dry: bool) -> _Swept:
    from api.background.sweeping import alone, since, sweep_now
    from api.stripe.sweep.comparing import Pace
    from api.stripe.sweep.run import PER_SECOND, try_out

    async with _at_work(here) as (tools, conn):
        now = tools.clock.now()
        if dry:
            compared, findings = await try_out(tools, conn, await since(conn, now), Pace(PER_SECOND))
            return _Swept(compared, len(findings), findings)
        async with alone(conn) as held:
            if not held:
                raise CommandError("A sweep is running already; wait for it to end.", UNUSABLE)
            done = await sweep_now(conn, tools, f"{now:%Y-%m-%dT%H:%M:%S.%fZ}", "operator")
            return _Swept(done.compared, done.found, done.findings)


@asynccontextmanager
async def _at_work(here: Installation) -> AsyncIterator[tuple[Tools, AsyncConnection[Any]]]:
    """The ledger and Stripe, and a connection as the application has it."""
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.serve.sandbox import stripe_settings
    from api.stripe.client import open_stripe
    from api.stripe.delivery import Tools
    from ledger.store import APPLICATION, Store

    async with (
        stripe_settings(here.settings, "") as (settings, _),
        open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base) as client,
        Store.open(here.url, schema=settings.schema) as store,
        await AsyncConnection.connect(here.conninfo(APPLICATION), autocommit=True) as conn,
    ):
        yield Tools(store, client, SystemClock()), conn
