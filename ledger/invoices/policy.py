"""What an invoice's facts ask of Stripe."""

from __future__ import annotations

from ledger.effects import (
    CreateCreditNote,
    Effect,
    ResolveCreditNote,
    ResolveInvoice,
    RetryInvoice,
)
from ledger.invoices.events import CreditRequested, CreditUnknown, InvoiceRetryRequested, InvoiceRetryUnknown
from ledger.invoices.stream import id_of
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case InvoiceRetryRequested(stripe_invoice_id=invoice_id, attempt=attempt):
            return (RetryInvoice(invoice_id, attempt),)
        case InvoiceRetryUnknown(attempt=attempt):
            return (ResolveInvoice(id_of(recorded.stream), attempt),)
        case CreditRequested(stripe_invoice_id=invoice_id, credit_id=credit_id):
            return (CreateCreditNote(invoice_id, credit_id),)
        case CreditUnknown(credit_id=credit_id):
            return (ResolveCreditNote(id_of(recorded.stream), credit_id),)
        case _:
            return ()
