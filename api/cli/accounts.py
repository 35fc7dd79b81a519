"""`accounts`: the connected accounts by which instructors are paid."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click
import msgspec

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.accounts.resources import ConnectedAccount, ListedAccount
    from api.payouts.bank_resources import BankPayout

LIMIT = 1_000
LAST_PAYOUTS = 10
STATUSES = ("none", "onboarding", "restricted", "payouts_disabled", "enabled", "closed")


@click.group()
def accounts() -> None:
    """Instructors' connected accounts: list, show."""


@accounts.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Those that are in this state; else all.")
@json_option
def list_(status: str | None, *, as_json: bool) -> None:
    """Show connected accounts, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, status))
    if as_json:
        print_json(found)
        return
    print_table(
        ("user", "status", "country", "at Stripe", "#due", "until", "because"),
        (
            (
                one.user_id,
                one.status,
                one.country,
                one.stripe_account_id or "",
                one.requirements_due,
                f"{one.deadline:%Y-%m-%d %H:%M}" if one.deadline else "",
                one.disabled_reason or "",
            )
            for one in found
        ),
        empty="There is no connected account.",
    )


@accounts.command()
@click.argument("user_id", metavar="USER")
@json_option
def show(user_id: str, *, as_json: bool) -> None:
    """Show a user's connected account as Stripe said last.

    With what it last paid to their bank. Exit 2 when they never asked for one.
    """
    with installation() as here:
        account, payouts = asyncio.run(_of(here, user_id))
    if account.account_id is None:
        raise CommandError(f"{user_id} never asked for a connected account.", UNUSABLE)
    if as_json:
        print_json({**msgspec.structs.asdict(account), "bank_payouts": payouts})
        return
    _print_account(account)
    for payout in payouts:
        _print_payout(payout)


def _print_account(account: ConnectedAccount) -> None:
    click.echo(f"{account.user_id}  {account.status}  {account.stripe_account_id or 'not at Stripe'}")
    click.echo("  can be paid" if account.can_be_paid else f"  cannot be paid: {account.why_not}")
    for one in account.requirements:
        click.echo(f"  {one.urgency}  {one.text} ({one.key})")


def _print_payout(payout: BankPayout) -> None:
    from ledger.money import format_minor

    amount = format_minor(payout.amount_minor, payout.currency)
    because = f": {payout.bounce.why}" if payout.bounce else ""
    click.echo(f"  {payout.sent_at:%Y-%m-%d}  {payout.payout_id}  {amount}  {payout.status}{because}")


async def _of(here: Installation, user_id: str) -> tuple[ConnectedAccount, list[BankPayout]]:
    from api.accounts.resources import account_of
    from ledger.accounts.decider import ACCOUNT
    from ledger.accounts.stream import stream_of
    from ledger.store import Store

    async with Store.open(here.url, schema=here.settings.schema) as store:
        account = account_of(user_id, await store.state(ACCOUNT, stream_of(user_id)))
    return account, await _payouts(here, user_id)


async def _payouts(here: Installation, user_id: str) -> list[BankPayout]:
    """As far as the tables are."""
    from psycopg import AsyncConnection

    from api.http.paging import LARGEST
    from api.payouts.bank_listing import OF_USER
    from api.payouts.bank_resources import bank_payout_of
    from api.reads import rows
    from projections.bank_payouts import BANK_PAYOUTS

    arguments = {"user_id": user_id, "status": None, "before": LARGEST, "limit": LAST_PAYOUTS}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [bank_payout_of(row) for row in await rows(conn, OF_USER, BANK_PAYOUTS, arguments)]


async def _found(here: Installation, status: str | None) -> list[ListedAccount]:
    from psycopg import AsyncConnection

    from api.accounts.listing import ALL
    from api.accounts.resources import listed_of
    from api.http.paging import LARGEST
    from api.reads import rows
    from projections.accounts import CONNECTED_ACCOUNTS

    arguments = {"status": status, "before": LARGEST, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [listed_of(row) for row in await rows(conn, ALL, CONNECTED_ACCOUNTS, arguments)]
