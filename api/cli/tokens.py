"""`tokens`: what learners and authors have earned by activity."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from api.cli.awards import COMMANDS, now_of
from api.cli.installation import Installation, installation
from api.cli.terminal import Month, json_option, print_json, print_table

if TYPE_CHECKING:
    from api.books.tokens import TokenLiability, Valued
    from api.tokens.resources import TokenBalance, TokenMovement
    from projections.queries.tokens import TokenMonth

MOVEMENTS = 20


@click.group()
def tokens() -> None:
    """Users' tokens, awards and penalties; breakage and liability."""


@tokens.command()
@click.argument("user_id", metavar="USER")
@json_option
def show(user_id: str, *, as_json: bool) -> None:
    """Show a user's balance as it is now, and what changed it last.

    What each was for, and why. Of an award whose limits granted less, what was asked is shown, too.
    """
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
        ("when", "what", "rule", "for", "#asked", "#change", "#balance", "#debt", "#pending", "because"),
        (
            (
                f"{one.happened_at:%Y-%m-%d %H:%M}",
                one.kind,
                one.rule or "",
                one.source_ref or one.reference or "",
                _asked(one),
                one.change,
                one.balance,
                one.debt,
                one.pending,
                one.reason or "",
            )
            for one in movements
        ),
        empty="Nothing was ever awarded.",
    )


def _asked(one: TokenMovement) -> str:
    """Where an award's limits took something of it."""
    granted = one.change + one.pending_change - one.debt_change
    return str(one.asked) if one.kind == "awarded" and one.asked != granted else ""


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


@tokens.command()
@click.option("--first", type=Month(), help="The first month (UTC).  [default: of twelve]")
@click.option("--last", type=Month(), help="The last month, included.  [default: this one]")
@json_option
def breakage(first: date | None, last: date | None, *, as_json: bool) -> None:
    """What became of tokens in each month, and of those of each rule.

    Opening + awarded + restored - redeemed - expired - clawed back - penalised = closing, which is account
    9100. What users owe has a line without a rule. What expires with the last day of a month is in the next
    one, as in the books.
    """
    from projections.queries.tokens import year_up_to

    end = last or datetime.now(UTC).date().replace(day=1)
    start = first or year_up_to(end)
    if start > end:
        raise click.UsageError(f"--first must not be after the last month, which is {end.isoformat()[:7]}.")
    with installation() as here:
        months = asyncio.run(_months(here, start, end))
    if as_json:
        print_json({"items": months})
        return
    print_table(
        ("month", "rule", *(f"#{name}" for name in _COLUMNS)),
        (
            (one.month, name, *(getattr(line, column.replace(" ", "_")) for column in _COLUMNS))
            for one in months
            for name, line in (("all", one), *((rule.rule or "(owed)", rule) for rule in one.rules))
        ),
        empty="There are no months.",
    )


_COLUMNS = (
    *("opening", "awarded", "restored", "redeemed", "expired", "clawed back", "penalised", "closing"),
)


async def _months(here: Installation, first: date, last: date) -> list[TokenMonth]:
    from psycopg import AsyncConnection

    from projections.queries.tokens import by_month

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return await by_month(conn, first, last)


@tokens.command()
@json_option
def liability(*, as_json: bool) -> None:
    """What users have not spent yet, and its value.

    By the catalogue's `tokens.value`, and of the whole sum, to the nearest minor unit. A report alone:
    nothing is posted at it.
    """
    with installation() as here:
        found = asyncio.run(_liability(here))
    if as_json:
        print_json(found)
        return
    click.echo(
        f"{found.balance} tokens less {found.debt} owed: {_told(found.outstanding, found)} outstanding"
    )
    click.echo(f"  {_told(found.pending, found)} are pending beside them")
    click.echo(f"  {_told(found.overdue, found)} of them have expired and are not recorded as such yet")
    print_table(
        ("expires in", "#tokens"),
        ((one.month or "never", one.tokens) for one in found.expiring),
        empty="Nobody has any.",
    )


def _told(amount: Valued, of: TokenLiability) -> str:
    from ledger.money import format_minor

    return f"{amount.tokens} ({format_minor(amount.value_minor, of.value.currency)})"


async def _liability(here: Installation) -> TokenLiability:
    from psycopg import AsyncConnection

    from api.books.tokens import liability_at
    from api.clock import SystemClock
    from api.services import catalogue_of

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return await liability_at(conn, SystemClock().now(), catalogue_of(here.settings).tokens.value)


for _command in COMMANDS:
    tokens.add_command(_command)
