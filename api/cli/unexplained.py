"""`stripe unexplained`: what moved at Stripe by nothing of ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.webhooks.unexplained import UnclaimedMovement

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

    The newest first. Finance explains them by POST /api/webhooks/unexplained/{id}/explain.
    """
    from ledger.money import format_minor

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
                format_minor(one.net_minor, one.currency),
                one.account,
                f"{one.created_at:%Y-%m-%d %H:%M}",
            )
            for one in found
        ),
        empty="Nothing is." if status == "unexplained" else "There is none.",
    )


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
