"""`invoices`: what users' invoices were paid with outside Stripe, as finance finds it in the bank."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.finance import amount, amount_argument, dated, day_option, reading, recorded, reference_option
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from ledger.invoices.state import Invoice
    from ledger.message import Command
    from ledger.store import Store
    from projections.invoices.invoice import InvoiceRow

LIMIT = 1_000
_RECEIVABLE = """
    SELECT {columns}
    FROM {table}
    WHERE receivable_minor > 0
    ORDER BY position
    LIMIT %(limit)s
"""
_NAMED = """
    SELECT {columns}
    FROM {table}
    WHERE stripe_invoice_id = %(name)s OR number = %(name)s
    LIMIT 2
"""


@click.group()
def invoices() -> None:
    """Users' invoices that were paid outside Stripe."""


@invoices.command()
@json_option
def receivable(*, as_json: bool) -> None:
    """Show what finance has not found yet, the oldest first."""
    with installation() as here:
        found = asyncio.run(_rows(here, _RECEIVABLE, limit=LIMIT))
    if as_json:
        print_json(found)
        return
    print_table(
        ("number", "invoice", "user", "#total", "#open", "told"),
        (
            (
                one.number,
                one.stripe_invoice_id,
                one.user_id,
                amount(one.total_minor, one.currency),
                amount(one.receivable_minor, one.settlement_currency),
                f"{one.paid_at:%Y-%m-%d %H:%M}" if one.paid_at else "",
            )
            for one in found
        ),
        empty="Nothing is open of what was paid outside Stripe.",
    )


@invoices.command()
@click.argument("invoice", metavar="INVOICE")
@amount_argument
@reference_option
@day_option
def pay(invoice: str, amount_minor: int, reference: str, day: datetime | None) -> None:
    """Record what was paid for an invoice outside Stripe.

    By its id or its number, in minor units: all that is open, or a part. Sent again, it records another one.
    """
    from ledger.ids import new_id
    from ledger.invoices.commands import RecordOffStripePayment

    async def make(_store: Store, fields: dict[str, Any]) -> Command:
        return RecordOffStripePayment(
            **dated(fields, day, "received_on"),
            stripe_invoice_id=row.stripe_invoice_id,
            payment_id=new_id("osp"),
            amount_minor=amount_minor,
            reference=reference,
        )

    with installation() as here:
        row = asyncio.run(_named(here, invoice))
        after: Invoice = asyncio.run(recorded(here, make, "invoices"))[0]
    click.echo(f"{amount(after.receivable_minor, after.settlement_currency)} are open of {row.number}.")


async def _named(here: Installation, name: str) -> InvoiceRow:
    found = await _rows(here, _NAMED, name=name)
    if len(found) != 1:
        why = "Two invoices have the number" if found else "There is no invoice"
        raise CommandError(
            f"{why} {name!r:.80}: name one by its id{'' if found else ' or number'}; "
            "`liberation invoices receivable` names them.",
            UNUSABLE,
        )
    return found[0]


async def _rows(here: Installation, query: Any, **arguments: Any) -> list[InvoiceRow]:
    from api.reads import rows_of, select
    from projections.invoices.invoice import INVOICES

    async with reading(here) as conn:
        cursor = await conn.execute(select(query, INVOICES), arguments)
        return list(rows_of(INVOICES, await cursor.fetchall()))
