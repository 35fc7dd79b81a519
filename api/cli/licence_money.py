"""`licences`, as far as finance records their money: paid, given back, paid out, written off."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.finance import amount, amount_argument, dated, day_option, reading, reference_option
from api.cli.installation import Installation, installation
from api.cli.licence_choices import handled, known_licence, licence_argument, reason_option
from api.cli.terminal import MinorUnits

if TYPE_CHECKING:
    from ledger.licences.commands import LicenceCommand
    from ledger.licences.state import Licence
    from ledger.store import Store
    from projections.licences.tables import LicenceInvoiceRow

invoice_argument = click.argument("invoice", metavar="INVOICE")


@click.command()
@invoice_argument
@amount_argument
@reference_option
@day_option
def pay(invoice: str, amount_minor: int, reference: str, day: datetime | None) -> None:
    """Record a bank transfer for an invoice.

    By its id or its number, in minor units: all that is open, or a part. Also of what was written off, which
    it brings back. Sent again, it records another one.
    """
    from ledger.ids import new_id
    from ledger.licences.commands import RecordLicencePayment

    _of_invoice(
        invoice,
        RecordLicencePayment,
        day,
        payment_id=new_id("lpy"),
        amount_minor=amount_minor,
        reference=reference,
        received_on=day,
    )


@click.command()
@invoice_argument
@click.option("--net", type=MinorUnits(), help="Without tax.  [default: all that is not earned]")
@reason_option
def credit(invoice: str, net: int | None, reason: str) -> None:
    """Give back of an invoice, by a credit note.

    It lowers what is open; what is beyond that is owed to the organisation. The licence goes on as it is.
    """
    from ledger.ids import new_id
    from ledger.licences.commands import CreditLicenceInvoice

    _of_invoice(invoice, CreditLicenceInvoice, credit_id=new_id("lcn"), net_minor=net, reason=reason)


@click.command("write-off")
@invoice_argument
@reason_option
def write_off(invoice: str, reason: str) -> None:
    """Write off all that is open of an invoice. The licence goes on as it is."""
    from ledger.licences.commands import WriteOffLicenceInvoice

    _of_invoice(invoice, WriteOffLicenceInvoice, reason=reason)


@click.command("pay-out")
@licence_argument
@amount_argument
@reference_option
@day_option
def pay_out(licence_id: str, amount_minor: int, reference: str, day: datetime | None) -> None:
    """Record that a credit was sent back.

    Of what credit notes owe, by bank transfer, in minor units. Sent again, it records another one.
    """

    async def make(store: Store, fields: dict[str, Any]) -> LicenceCommand:
        from ledger.ids import new_id
        from ledger.licences.commands import RecordCreditPaidOut

        await known_licence(store, licence_id)
        return RecordCreditPaidOut(
            **dated(fields, day, "paid_on"),
            licence_id=licence_id,
            transfer_id=new_id("ltr"),
            amount_minor=amount_minor,
            reference=reference,
        )

    with installation() as here:
        licence, _ = asyncio.run(handled(here, make))
    click.echo(f"{amount(licence.owed_minor, licence.currency)} are owed of {licence_id} after it.")


def _of_invoice(invoice: str, kind: type[Any], day: datetime | None = None, **more: Any) -> None:
    async def make(store: Store, fields: dict[str, Any]) -> LicenceCommand:
        about = {"licence_id": row.licence_id, "invoice_id": row.invoice_id}
        await known_licence(store, row.licence_id)
        given = dated(fields, day, "received_on") if "received_on" in more else fields
        command: LicenceCommand = kind(**{**more, **about, **given})
        return command

    with installation() as here:
        row = asyncio.run(_named(here, invoice))
        licence, _ = asyncio.run(handled(here, make))
    _say(licence, row.invoice_id)


def _say(licence: Licence, invoice_id: str) -> None:
    invoice = licence.invoices[invoice_id]
    owed = amount(licence.owed_minor, licence.currency)
    click.echo(
        f"{amount(invoice.open_minor, licence.currency)} are open of {invoice.number}"
        f"{f', and {owed} are owed to the organisation' if licence.owed_minor else ''}."
    )


async def _named(here: Installation, invoice: str) -> LicenceInvoiceRow:
    from api.licences.listing import INVOICE_NAMED
    from api.reads import rows
    from projections.licences.tables import LICENCE_INVOICES

    async with reading(here) as conn:
        found = await rows(conn, INVOICE_NAMED, LICENCE_INVOICES, {"name": invoice})
    if len(found) == 1:
        return found[0]
    why = "Two invoices have the number" if found else "There is no invoice"
    raise CommandError(
        f"{why} {invoice!r:.80}: name one by its id; `liberation licences invoices` lists them.", UNUSABLE
    )


COMMANDS = (pay, credit, write_off, pay_out)
