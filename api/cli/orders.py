"""`orders`: the orders of organisations as finance sees them, and what it records of their money."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.finance import (
    amount,
    amount_argument,
    dated,
    day_option,
    named,
    reading,
    recorded,
    reference_option,
)
from api.cli.installation import Installation, installation
from api.cli.licence_choices import reason_option
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from api.orders.resources import EveryOrder, OrderDetails
    from ledger.message import Command
    from ledger.orders.state import Order
    from ledger.store import Store
    from projections.orders import OrderRow

LIMIT = 1_000
order_argument = click.argument("order", metavar="ORDER")


@click.group()
def orders() -> None:
    """Orders of courses, and what is paid of them."""


@orders.command("list")
@click.option("--org", "org_id", help="Those of this organisation; else of all.")
@click.option("--open", "is_open", is_flag=True, help="Of which something is to be paid.")
@json_option
def list_(org_id: str | None, *, is_open: bool, as_json: bool) -> None:
    """Show orders, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, org_id, is_open=is_open))
    if as_json:
        print_json(found)
        return
    print_table(
        ("number", "order", "organisation", "name", "#total", "#open", "#owed", "due", "status"),
        (
            (
                one.number,
                one.order_id,
                one.org_id,
                one.org_name or "",
                amount(one.net_minor + one.tax_minor, one.currency),
                amount(one.open_minor, one.currency),
                amount(one.owed_minor, one.currency),
                f"{one.due_at:%Y-%m-%d}",
                one.status,
            )
            for one in found
        ),
        empty="There is no such order.",
    )


@orders.command()
@order_argument
@json_option
def show(order: str, *, as_json: bool) -> None:
    """Show an order with its items.

    By its id, or by its invoice's id or number. Exit 2 when there is no such.
    """
    with installation() as here:
        one, name = asyncio.run(_shown(here, order))
    if as_json:
        print_json(one)
        return
    click.echo(f"{one.order_id}  {one.status}, of {one.org_id}{f' ({name})' if name else ''}")
    sums = {
        "invoiced": one.net_minor + one.tax_minor,
        "paid": one.paid_minor,
        "credited": one.credited_minor,
        "written off": one.written_off_minor,
        "open": one.open_minor,
        "owed to them": one.owed_minor,
    }
    told = ", ".join(f"{amount(minor, one.currency)} {what}" for what, minor in sums.items())
    click.echo(f"  invoice {one.number}, due {one.due_at:%Y-%m-%d}: {told}")
    print_table(
        ("item", "course", "user", "#price", "#tax", "status"),
        (
            (
                item.item_id,
                item.course_id,
                item.user_id,
                amount(item.price_minor, one.currency),
                amount(item.tax_minor, one.currency),
                item.status,
            )
            for item in one.items
        ),
        empty="It has no item.",
    )


@orders.command()
@order_argument
@amount_argument
@reference_option
@day_option
def pay(order: str, amount_minor: int, reference: str, day: datetime | None) -> None:
    """Record a bank transfer for an order.

    By the order's id, or its invoice's id or number, in minor units: all that is open, or a part. Sent again,
    it records another one.
    """
    from ledger.ids import new_id
    from ledger.orders.commands import RecordOrderPayment

    after = _of_order(
        order,
        RecordOrderPayment,
        (day, "received_on"),
        payment_id=new_id("opy"),
        amount_minor=amount_minor,
        reference=reference,
    )
    _say(after)


@orders.command("write-off")
@order_argument
@reason_option
def write_off(order: str, reason: str) -> None:
    """Write off all that is open of an order.

    As many of each course as were paid in full are kept.
    """
    from ledger.orders.commands import WriteOffOrder

    _say(_of_order(order, WriteOffOrder, reason=reason))


@orders.command("pay-out")
@order_argument
@amount_argument
@reference_option
@day_option
def pay_out(order: str, amount_minor: int, reference: str, day: datetime | None) -> None:
    """Record that an order's credit was sent back.

    Of what credits owe, by bank transfer, in minor units. Sent again, it records another one.
    """
    from ledger.ids import new_id
    from ledger.orders.commands import RecordOrderCreditPaidOut

    after = _of_order(
        order,
        RecordOrderCreditPaidOut,
        (day, "paid_on"),
        transfer_id=new_id("otr"),
        amount_minor=amount_minor,
        reference=reference,
    )
    click.echo(f"{amount(after.owed_minor, after.currency)} are owed of {after.order_id} after it.")


def _of_order(
    name: str, kind: type[Any], on: tuple[datetime | None, str] | None = None, **more: Any
) -> Order:
    """The order after it. `on` is the day and the field that has it, of what is dated."""

    async def make(_store: Store, fields: dict[str, Any]) -> Command:
        command: Command = kind(**more, **(dated(fields, *on) if on else fields), order_id=row.order_id)
        return command

    with installation() as here:
        row = asyncio.run(_named(here, name))
        order: Order = asyncio.run(recorded(here, make, "orders"))[0]
        return order


def _say(order: Order) -> None:
    owed = amount(order.owed_minor, order.currency)
    click.echo(
        f"{amount(order.open_minor, order.currency)} are open of {order.number}"
        f"{f', and {owed} are owed to the organisation' if order.owed_minor else ''}."
    )


async def _found(here: Installation, org_id: str | None, *, is_open: bool) -> list[EveryOrder]:
    from api.http.paging import LARGEST
    from api.orders.listing import every_order

    async with reading(here) as conn:
        return await every_order(conn, org_id, is_open=is_open, before=LARGEST, limit=LIMIT)


async def _shown(here: Installation, name: str) -> tuple[OrderDetails, str]:
    """And how its organisation is called; empty where that is erased."""
    from api.orders.listing import details_of

    row = await _named(here, name)
    names = await named(here, [row.org_id])
    async with reading(here) as conn:
        return await details_of(conn, row.order_id), names.get(row.org_id, "")


async def _named(here: Installation, name: str) -> OrderRow:
    """Raises `CommandError`."""
    from api.orders.listing import ORDER_NAMED
    from api.reads import rows
    from projections.orders import ORDERS

    async with reading(here) as conn:
        found = await rows(conn, ORDER_NAMED, ORDERS, {"name": name})
    if len(found) == 1:
        return found[0]
    why = "Two orders have the number" if found else "There is no order"
    raise CommandError(
        f"{why} {name!r:.80}: name one by its id; `liberation orders list` names them.", UNUSABLE
    )
