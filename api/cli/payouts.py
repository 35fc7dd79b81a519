"""`payouts`: what instructors are paid, and what is taken back of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.errors import UNREACHABLE, UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.payouts.resources import InstructorPayout
    from api.payouts.run import Line, Report
    from ledger.message import Recorded

LIMIT = 1_000
STATUSES = ("reserved", "unknown", "transferred", "blocked")


@click.group()
def payouts() -> None:
    """Payouts to instructors: run, list, recall."""


@payouts.command("run")
@click.option("--dry-run", is_flag=True, help="Say what would be paid; ask for nothing.")
@json_option
def run(*, dry_run: bool, as_json: bool) -> None:
    """Pay what is available to everybody who can be paid. The worker does so, too, and each payout is made
    once a day, whoever asks for it. The running worker makes the transfers.
    """
    with installation() as here:
        report = asyncio.run(_run(here, dry=dry_run))
    if as_json:
        print_json(report)
        return
    for short in report.short:
        _say_short(short.shortfall_minor, short.currency)
    print_table(
        ("user", "#amount", "", "payout", "because"),
        (
            (
                one.user_id,
                _amount(one.amount_minor, one.currency),
                _came_to(one, dry=dry_run),
                one.payout_id,
                one.detail,
            )
            for one in report.lines
        ),
        empty="Nobody has anything to have.",
    )


def _say_short(missing_minor: int, currency: str) -> None:
    missing = _amount(missing_minor, currency)
    click.echo(f"Of what is owed to instructors {missing} are not at Stripe: see platform payouts.", err=True)


def _came_to(line: Line, *, dry: bool) -> str:
    if line.result == "waits":
        return f"waits: {line.reason}"
    return "would be paid" if dry else "is paid"


@payouts.command("list")
@click.option("--user", "user_id", help="Those of this user; else everybody's.")
@click.option("--status", type=click.Choice(STATUSES), help="Those that are in this state; else all.")
@json_option
def list_(user_id: str | None, status: str | None, *, as_json: bool) -> None:
    """Show payouts, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, user_id, status))
    if as_json:
        print_json(found)
        return
    print_table(
        ("payout", "user", "#amount", "status", "#attempt", "reserved", "transfer", "#recalled", "because"),
        (
            (
                one.payout_id,
                one.user_id,
                _amount(one.amount_minor, one.currency),
                one.status,
                one.attempt,
                f"{one.reserved_at:%Y-%m-%d %H:%M}" if one.reserved_at else "",
                one.transfer_id or "",
                _amount(one.recalled_minor, one.currency),
                one.detail or "",
            )
            for one in found
        ),
        empty="There is no payout.",
    )


@payouts.command()
@click.argument("user_id", metavar="USER")
@click.argument("currency", metavar="CURRENCY")
def recall(user_id: str, currency: str) -> None:
    """Reverse transfers, as far as an instructor owes something back. The running worker has it done; what
    Stripe does not reverse is netted from later earnings. Exit 2 when nothing is owed back.
    """
    from ledger.earnings.events import RecallRequested
    from ledger.money import is_currency

    if not is_currency(currency.lower()):
        raise CommandError(f"{currency!r} is no currency: write an ISO 4217 code such as usd.", UNUSABLE)
    with installation() as here:
        recorded = asyncio.run(_recalled(here, user_id, currency.lower()))
    for fact in recorded:
        if isinstance(event := fact.event, RecallRequested):
            click.echo(
                f"{_amount(event.amount_minor, event.currency)} of {event.transfer_id} are taken back."
            )


def _amount(amount_minor: int, currency: str) -> str:
    from ledger.money import format_minor

    return format_minor(amount_minor, currency)


async def _run(here: Installation, *, dry: bool) -> Report:
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.payouts.run import Run
    from api.serve.sandbox import stripe_settings
    from api.stripe.client import open_stripe
    from api.stripe.delivery import Postponed
    from api.stripe.gateway import StripeGateway
    from ledger.store import APPLICATION, Store

    async with (
        stripe_settings(here.settings, "") as (settings, _),
        open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base) as client,
        Store.open(here.url, schema=settings.schema) as store,
        await AsyncConnection.connect(here.conninfo(APPLICATION), autocommit=True) as conn,
    ):
        clock = SystemClock()
        try:
            return await Run(store, StripeGateway(store, client, clock), clock, dry=dry)(conn)
        except Postponed as why:
            raise CommandError(f"Nothing was paid: {why.reason}.", UNREACHABLE) from why


async def _found(here: Installation, user_id: str | None, status: str | None) -> list[InstructorPayout]:
    from psycopg import AsyncConnection

    from api.http.paging import LARGEST
    from api.payouts.reads import LISTED
    from api.payouts.resources import payout_of
    from api.reads import rows
    from projections.earnings.payouts import INSTRUCTOR_PAYOUTS

    unasked = dict.fromkeys(("currency", "since", "until"))
    arguments = {**unasked, "user_id": user_id, "status": status, "before": LARGEST, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [payout_of(row) for row in await rows(conn, LISTED, INSTRUCTOR_PAYOUTS, arguments)]


async def _recalled(here: Installation, user_id: str, currency: str) -> tuple[Recorded, ...]:
    from api.clock import SystemClock
    from ledger.earnings.commands import RequestRecall
    from ledger.ids import new_id
    from ledger.message import Origin
    from ledger.store import Store

    command = RequestRecall(
        command_id=new_id("cmd"), effective_at=SystemClock().now(), user_id=user_id, currency=currency
    )
    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id="payouts")
    async with Store.open(here.url, schema=here.settings.schema) as store:
        return (await store.handle(command, origin)).recorded
