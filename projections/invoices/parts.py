"""Charges that did not pay their invoice by themselves, so that the time of their funds is found."""

from __future__ import annotations

from datetime import datetime

from ledger.invoices.events import InvoiceFundsAvailable, InvoicePartSettled
from ledger.message import Recorded
from projections.engine.buffers import Rows
from projections.engine.tables import Row, Table


class InvoicePartRow(Row):
    charge_id: str
    stripe_invoice_id: str
    charged_minor: int
    """In the invoice's currency; what is below is in that of settlement."""
    fee_minor: int
    net_minor: int
    settlement_currency: str
    balance_transaction_id: str
    available_at: datetime
    funds_available: bool
    position: int
    last_position: int


INVOICE_PARTS = Table("invoice_parts", InvoicePartRow, ("charge_id",))

PartEvent = InvoicePartSettled | InvoiceFundsAvailable


def apply(rows: Rows[InvoicePartRow], recorded: Recorded, event: PartEvent, stripe_invoice_id: str) -> None:
    match event:
        case InvoicePartSettled():
            rows.put(event.charge_id, _begin(recorded, event, stripe_invoice_id))
        case InvoiceFundsAvailable():
            row = rows.change(event.charge_id)
            row.funds_available = True
            row.last_position = recorded.position


def _begin(recorded: Recorded, event: InvoicePartSettled, stripe_invoice_id: str) -> InvoicePartRow:
    entry = event.balance_transaction
    return InvoicePartRow(
        charge_id=event.charge_id,
        stripe_invoice_id=stripe_invoice_id,
        charged_minor=event.charged_minor,
        fee_minor=entry.fee_minor,
        net_minor=entry.net_minor,
        settlement_currency=entry.currency,
        balance_transaction_id=entry.balance_transaction_id,
        available_at=entry.available_at,
        funds_available=False,
        position=recorded.position,
        last_position=recorded.position,
    )
