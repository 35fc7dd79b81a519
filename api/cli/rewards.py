"""`rewards`: what tokens are spent on, and what of it waits to be sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.rewards.resources import Redemption
    from ledger.redemptions.state import Redemption as Redeemed

LIMIT = 1_000
STATUSES = ("held", "waiting", "fulfilled", "released", "cancelled")


@click.group()
def rewards() -> None:
    """What tokens are spent on: list, redemptions, fulfil, cancel."""


@rewards.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show the rewards, and what is left of each. What was cancelled does not count as redeemed."""
    with installation() as here:
        shelf = asyncio.run(_shelf(here))
    if as_json:
        print_json(shelf)
        return
    print_table(
        ("reward", "kind", "#cost", "#redeemed", "#left", "title"),
        (
            (
                one["reward_id"],
                one["kind"],
                one["cost"],
                one["redeemed"],
                "" if one["left"] is None else one["left"],
                one["title"],
            )
            for one in shelf
        ),
        empty="The catalogue has no rewards: an operator's file says them, under `rewards`.",
    )


async def _shelf(here: Installation) -> list[dict[str, Any]]:
    from api.services import catalogue_of
    from ledger.redemptions.decider import REWARD
    from ledger.redemptions.stream import stream_of
    from ledger.store import Store

    async with Store.open(here.url, schema=here.settings.schema) as store:
        shelf = catalogue_of(here.settings).rewards
        live = {key: (await store.state(REWARD, stream_of(key))).live for key in shelf}
    return [
        {
            "reward_id": key,
            "title": one.title,
            "kind": one.kind,
            "cost": one.cost,
            "redeemed": live[key],
            "left": None if one.stock is None else max(one.stock - live[key], 0),
        }
        for key, one in shelf.items()
    ]


@rewards.command()
@click.option("--user", "user_id", help="Those of this user; else everybody's.")
@click.option(
    "--status", type=click.Choice(STATUSES), help="Those that are in this state, such as waiting; else all."
)
@json_option
def redemptions(user_id: str | None, status: str | None, *, as_json: bool) -> None:
    """Show redemptions, the newest first. What is waiting is to be sent, and then fulfilled."""
    with installation() as here:
        found = asyncio.run(_found(here, user_id, status))
    if as_json:
        print_json(found)
        return
    print_table(
        ("redemption", "user", "reward", "#cost", "status", "redeemed", "until", "because"),
        (
            (
                one.redemption_id,
                one.user_id,
                one.reward_id,
                one.cost,
                one.status,
                f"{one.redeemed_at:%Y-%m-%d %H:%M}",
                f"{one.ends_at:%Y-%m-%d %H:%M}" if one.ends_at else "",
                one.reason or "",
            )
            for one in found
        ),
        empty="There is no redemption.",
    )


@rewards.command()
@click.argument("redemption_id", metavar="REDEMPTION")
def fulfil(redemption_id: str) -> None:
    """Say that what was redeemed is on its way. Exit 2 when it does not wait."""
    with installation() as here:
        asyncio.run(_decided(here, redemption_id, None))
    click.echo(f"{redemption_id} is fulfilled.")


@rewards.command()
@click.argument("redemption_id", metavar="REDEMPTION")
@click.option("--reason", required=True, help="Its user reads it; kept for ever, so it must name nobody.")
def cancel(redemption_id: str, reason: str) -> None:
    """Cancel a redemption, and give its tokens back. The running worker does that, once, with the expiry that
    they had; the item is in stock again, and what was unlocked ends. Exit 2 when it was cancelled before.
    """
    with installation() as here:
        redeemed = asyncio.run(_decided(here, redemption_id, reason))
    click.echo(f"{redemption_id} is cancelled: {redeemed.user_id} is given its tokens back.")


async def _found(here: Installation, user_id: str | None, status: str | None) -> list[Redemption]:
    from psycopg import AsyncConnection

    from api.reads import rows
    from api.rewards.redemptions import ALL
    from api.rewards.resources import redemption_of
    from projections.redemptions import REDEMPTIONS

    arguments = {"user_id": user_id, "status": status, "limit": LIMIT}
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [redemption_of(row) for row in await rows(conn, ALL, REDEMPTIONS, arguments)]


async def _decided(here: Installation, redemption_id: str, reason: str | None) -> Redeemed:
    """Cancelled with a reason, fulfilled without one."""
    from psycopg import AsyncConnection

    from api.clock import SystemClock
    from api.rewards.redemptions import no_redemption, redemption_at
    from ledger.ids import new_id
    from ledger.message import Origin
    from ledger.redemptions.commands import CancelRedemption, FulfilRedemption
    from ledger.store import Store

    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        row = await redemption_at(conn, redemption_id)
    if row is None:
        raise no_redemption(redemption_id)
    about = {"reward_id": row.reward_id, "redemption_id": redemption_id}
    command_id, now = new_id("cmd"), SystemClock().now()
    command: FulfilRedemption | CancelRedemption = FulfilRedemption(
        command_id=command_id, effective_at=now, **about
    )
    if reason is not None:
        command = CancelRedemption(command_id=command_id, effective_at=now, **about, reason=reason)
    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id="rewards")
    async with Store.open(here.url, schema=here.settings.schema) as store:
        redeemed: Redeemed = (await store.handle(command, origin)).state.redemptions[redemption_id]
        return redeemed
