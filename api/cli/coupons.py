"""`coupons`: what can be taken off prices, and the end of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.coupons.resources import Coupon
    from ledger.coupons.commands import EndCoupon

LIMIT = 1_000


@click.group()
def coupons() -> None:
    """Coupons: list, end."""


@coupons.command("list")
@click.option("--maker", help="Those of this user; else everybody's.")
@json_option
def list_(maker: str | None, *, as_json: bool) -> None:
    """Show coupons, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, maker))
    if as_json:
        print_json(found)
        return
    print_table(
        ("code", "maker", "off", "for", "borne by", "#reserved", "#paid", "#at most", "until"),
        (
            (
                one.code,
                one.maker,
                _off(one),
                f"{one.scope} {one.scope_id}".strip(),
                one.borne_by,
                one.reserved,
                one.confirmed,
                "" if one.max_uses is None else one.max_uses,
                _until(one),
            )
            for one in found
        ),
        empty="There is no coupon.",
    )


def _off(coupon: Coupon) -> str:
    from ledger.money import format_minor

    if coupon.amount_minor:
        return format_minor(coupon.amount_minor, coupon.currency)
    return f"{coupon.percent_bp / 100:g} %"


def _until(coupon: Coupon) -> str:
    if coupon.ended:
        return "ended"
    return f"{coupon.ends_at:%Y-%m-%d %H:%M}" if coupon.ends_at else ""


@coupons.command()
@click.argument("code", metavar="CODE")
def end(code: str) -> None:
    """Have a coupon taken no more; purchases that have a use of it go on. Exit 2 when there is none."""
    from api.clock import SystemClock
    from ledger.coupons.commands import EndCoupon
    from ledger.coupons.terms import normal
    from ledger.ids import new_id

    command = EndCoupon(
        command_id=new_id("cmd"),
        effective_at=SystemClock().now(),
        code=normal(code),
        user_id="operator",
        by_admin=True,
    )
    with installation() as here:
        asyncio.run(_handled(here, command))
    click.echo(f"{command.code} is ended.")


async def _handled(here: Installation, command: EndCoupon) -> None:
    from ledger.message import Origin
    from ledger.store import Store

    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id="coupons")
    async with Store.open(here.url, schema=here.settings.schema) as store:
        await store.handle(command, origin)


async def _found(here: Installation, maker: str | None) -> list[Coupon]:
    from psycopg import AsyncConnection

    from api.coupons.listing import ALL, MAKERS
    from api.coupons.resources import coupon_of
    from api.http.paging import LARGEST
    from api.reads import rows
    from projections.coupons.coupon import COUPONS

    arguments = {"user_id": maker, "before": LARGEST, "limit": LIMIT}
    query = ALL if maker is None else MAKERS
    async with await AsyncConnection.connect(here.conninfo(), autocommit=True) as conn:
        return [coupon_of(row) for row in await rows(conn, query, COUPONS, arguments)]
