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
from ledger.message import Recorded


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case InvoiceRetryRequested(stripe_invoice_id=invoice_id, attempt=attempt):
            return (RetryInvoice(invoice_id, attempt),)
        case InvoiceRetryUnknown(attempt=attempt):
            return (ResolveInvoice(_invoice_id(recorded), attempt),)
        case CreditRequested(stripe_invoice_id=invoice_id, credit_id=credit_id):
            return (CreateCreditNote(invoice_id, credit_id),)
        case CreditUnknown(credit_id=credit_id):
            return (ResolveCreditNote(_invoice_id(recorded), credit_id),)
        case _:
            return ()


def _invoice_id(recorded: Recorded) -> str:
    return recorded.stream.removeprefix("invoice-")
