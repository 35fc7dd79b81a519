"""`stripe adopt`: what Stripe has and a restored ledger lacks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from api.cli.errors import FOUND
from api.cli.installation import Installation, installation
from api.cli.terminal import Duration, json_option, print_json, print_table, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.stripe.adopting.run import Line, Report


@click.command()
@click.option(
    "--since", type=Duration(), default="30d", show_default=True, help="How far back; to before the backup."
)
@click.option("--apply", "apply", is_flag=True, help="Do it; without, it is only shown.")
@json_option
def adopt(since: timedelta, *, apply: bool, as_json: bool) -> None:
    """Take up what Stripe has and this ledger lacks.

    For a ledger that was restored to an earlier time: customers, payments with refunds and disputes,
    subscriptions, invoices with credits, saved cards, connected accounts, transfers and payouts.

    Shows each with the facts that would be recorded, and what cannot be taken up and why; with --apply,
    records them in the name of `operator`. What names another ledger is never taken. It may be stopped and
    run again: what was taken up is not found a second time. The running worker then tries again what was
    parked about any of it.

    Exit 0 when nothing is lacking; 1 when something is, or with --apply when something could not be taken up.
    """
    with installation() as here, progress("looking") as advance:
        report, requeued = asyncio.run(_adopt(here, since, lambda seen: advance(seen, seen), apply=apply))
    if as_json:
        print_json(_as_json(report, requeued))
    else:
        _print(report, requeued)
    if any(one.result != "taken_up" for one in report.lines):
        click.get_current_context().exit(FOUND)


def _print(report: Report, requeued: list[str]) -> None:
    taken = [one for one in report.lines if one.result != "cannot"]
    left = [one for one in report.lines if one.result == "cannot"]
    print_table(
        ("kind", "at Stripe", "here", "user", "#amount", "made", "facts"),
        (
            (
                one.kind,
                one.stripe_id,
                one.our_id,
                one.user_id,
                _amount(one),
                f"{one.made_at:%Y-%m-%d %H:%M}",
                ", ".join(one.facts),
            )
            for one in taken
        ),
        empty=f"Nothing is lacking, of {report.seen} that are this ledger's.",
    )
    if left:
        click.echo("\nCannot be taken up:")
        rows = ((one.kind, one.stripe_id, one.our_id, one.why, one.remedy) for one in left)
        print_table(("kind", "at Stripe", "here", "why", "what to do"), rows, empty="")
    if report.of_others:
        click.echo(f"Of other ledgers, and never taken: {report.of_others}.")
    if taken and report.applied:
        click.echo(f"Taken up: {len(taken)}.")
    elif taken:
        click.echo(f"Nothing was done. With --apply, {len(taken)} would be taken up.")
    if requeued:
        click.echo(f"Tried again by the worker: {', '.join(requeued)}.")


def _amount(line: Line) -> str:
    from ledger.money import format_minor

    return "" if line.amount_minor is None else format_minor(line.amount_minor, line.currency)


def _as_json(report: Report, requeued: list[str]) -> dict[str, object]:
    return {
        "since": report.since,
        "applied": report.applied,
        "seen": report.seen,
        "of_other_ledgers": report.of_others,
        "objects": report.lines,
        "requeued": requeued,
    }


async def _adopt(
    here: Installation, since: timedelta, looked: Callable[[int], None], *, apply: bool
) -> tuple[Report, list[str]]:
    """The report, and the effects that are tried again."""
    from psycopg import AsyncConnection

    from api.accounts.owners import TableOwners
    from api.clock import SystemClock
    from api.serve.sandbox import stripe_settings
    from api.stripe.adopting.run import adopt as run
    from api.stripe.client import open_stripe
    from api.stripe.delivery import Tools
    from ledger.store import APPLICATION, Store
    from projections.outbox import requeue_about

    clock, dsn = SystemClock(), here.conninfo(APPLICATION)
    async with (
        stripe_settings(here.settings, "") as (settings, _),
        open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base) as client,
        Store.open(here.url, schema=settings.schema) as store,
        await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn,
    ):
        tools = Tools(store, client, clock, owners=TableOwners(dsn))
        report = await run(tools, clock.now() - since, apply=apply, looked=looked)
        requeued = await requeue_about(conn, report.ids) if apply else []
    return report, [str(key) for key in requeued]
