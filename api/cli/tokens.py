"""`tokens`: what learners and authors have earned by activity."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.awards import COMMANDS, now_of
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.tokens.resources import TokenBalance, TokenMovement

MOVEMENTS = 20


@click.group()
def tokens() -> None:
    """Users' tokens: what they have, awards and penalties."""


@tokens.command()
@click.argument("user_id", metavar="USER")
@json_option
def show(user_id: str, *, as_json: bool) -> None:
    """Show a user's balance as it is now, and what changed it last."""
    with installation() as here:
        balance, movements = asyncio.run(_of(here, user_id))
    if as_json:
        print_json({"balance": balance, "movements": movements})
        return
    click.echo(f"{user_id}  {balance.balance} tokens, {balance.pending} pending, {balance.debt} owed")
    click.echo(f"  {balance.cap_left} of {balance.cap} left this month ({balance.tier})")
    for expiring in balance.expiring:
        click.echo(f"  {expiring.amount} expire at {expiring.expires_at:%Y-%m-%d %H:%M} UTC")
    for lot in balance.maturing:
        click.echo(f"  {lot.amount} are pending until {lot.pending_until:%Y-%m-%d %H:%M} UTC")
    print_table(
        ("when", "what", "rule", "for", "#change", "#balance", "#debt", "#pending"),
        (
            (
                f"{one.happened_at:%Y-%m-%d %H:%M}",
                one.kind,
                one.rule or "",
                one.source_ref or "",
                one.change,
                one.balance,
                one.debt,
                one.pending,
            )
            for one in movements
        ),
        empty="Nothing was ever awarded.",
    )


async def _of(here: Installation, user_id: str) -> tuple[TokenBalance, list[TokenMovement]]:
    from psycopg import AsyncConnection

    from api.http.paging import LARGEST
    from api.reads import rows
    from api.tokens.balances import balance_of
    from api.tokens.resources import movement_of
    from api.tokens.routes import HISTORY
    from ledger.store import Store
    from ledger.tokens.decider import TOKENS
    from ledger.tokens.stream import stream_of
    from projections.tokens.tables import TOKEN_MOVEMENTS

    async with Store.open(here.url, schema=here.settings.schema) as store:
        now = await now_of(here, store, user_id)
        tokens = await store.state(TOKENS, stream_of(user_id))
    arguments = {"user_id": user_id, "before": LARGEST, "limit": MOVEMENTS}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        found = await rows(conn, HISTORY, TOKEN_MOVEMENTS, arguments)
    balance = balance_of(user_id, tokens, now.at, now.tier, now.catalogue)
    return balance, [movement_of(row) for row in found]


for _command in COMMANDS:
    tokens.add_command(_command)
