"""`stripe unexplained`, `explain`, `withdraw`: what moved at Stripe by nothing of ours, and what it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from api.cli.finance import amount, recorded
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.webhooks.unexplained import UnclaimedMovement
    from ledger.message import Command
    from ledger.store import Store
    from ledger.unclaimed.decider import Movement

LIMIT = 1_000
STATUSES = ("unexplained", "explained", "known", "claimed")


@click.command()
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    default="unexplained",
    show_default=True,
    help="Those that are in this state.",
)
@json_option
def unexplained(status: str, *, as_json: bool) -> None:
    """List what moved at Stripe and nobody explained.

    The newest first. Finance explains each with `liberation stripe explain`.
    """
    with installation() as here:
        found = asyncio.run(_found(here, status))
    if as_json:
        print_json(found)
        return
    print_table(
        ("movement", "of", "type", "#net", "account", "since"),
        (
            (
                one.balance_transaction_id,
                one.source_id,
                one.kind,
                amount(one.net_minor, one.currency),
                one.account,
                f"{one.created_at:%Y-%m-%d %H:%M}",
            )
            for one in found
        ),
        empty="Nothing is." if status == "unexplained" else "There is none.",
    )


@click.command()
@click.argument("movement", metavar="MOVEMENT")
@click.option("--account", required=True, help="Where it belongs, such as 6000.")
@click.option("--note", required=True, help="What it was. Kept for ever: name nobody.")
def explain(movement: str, account: str, note: str) -> None:
    """Say what moved at Stripe: it is posted to that account.

    By its id, txn_…, on the day of the movement. Explained anew, the former explanation is withdrawn.
    """
    from ledger.unclaimed.commands import ExplainMovement

    after = _decided(movement, ExplainMovement, account=account, note=note)
    click.echo(f"{after.balance_transaction_id} is posted to {after.account}.")


@click.command()
@click.argument("movement", metavar="MOVEMENT")
def withdraw(movement: str) -> None:
    """Take an explanation back: it is unexplained again."""
    from ledger.unclaimed.commands import WithdrawExplanation

    after = _decided(movement, WithdrawExplanation)
    click.echo(f"{after.balance_transaction_id} is unexplained, in {after.account}.")


def _decided(movement: str, kind: type[Any], **more: str) -> Movement:
    """The movement after it, which is dated as what found it."""

    async def make(store: Store, fields: dict[str, Any]) -> Command:
        from api.webhooks.unexplained import found_at

        found = await found_at(store, movement)
        command: Command = kind(**{**fields, "effective_at": found}, balance_transaction_id=movement, **more)
        return command

    with installation() as here:
        after: Movement = asyncio.run(recorded(here, make, "unexplained"))[0]
        return after


async def _found(here: Installation, status: str) -> list[UnclaimedMovement]:
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.http.paging import LARGEST
    from api.reads import rows
    from api.webhooks.unexplained import LISTED, shown
    from projections.unclaimed import UNCLAIMED

    arguments = {"status": status, "before": LARGEST, "limit": LIMIT}
    now = SystemClock().now()
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [shown(row, now) for row in await rows(conn, LISTED, UNCLAIMED, arguments)]
