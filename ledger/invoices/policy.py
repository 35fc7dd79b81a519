"""What an invoice's facts ask of Stripe."""

from __future__ import annotations

from ledger.effects import (
    CreateCreditNote,
    Effect,
    ResolveCreditNote,
    ResolveInvoice,
    RetryInvoice,
    SetOffUnusedTime,
    VoidInvoice,
)
from ledger.invoices.events import (
    CollectionEnded,
    CreditRequested,
    CreditUnknown,
    InvoiceFinalized,
    InvoiceRetryRequested,
    InvoiceRetryUnknown,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    InvoiceVoided,
)
from ledger.invoices.stream import id_of
from ledger.message import Recorded


def react(  # noqa: PLR0911 - one answer for each fact that asks for something
    recorded: Recorded,
) -> tuple[Effect, ...]:
    match recorded.event:
        case InvoiceRetryRequested(stripe_invoice_id=invoice_id, attempt=attempt):
            return (RetryInvoice(invoice_id, attempt),)
        case InvoiceRetryUnknown(attempt=attempt):
            return (ResolveInvoice(id_of(recorded.stream), attempt),)
        case CreditRequested(stripe_invoice_id=invoice_id, credit_id=credit_id):
            return (CreateCreditNote(invoice_id, credit_id),)
        case CreditUnknown(credit_id=credit_id):
            return (ResolveCreditNote(id_of(recorded.stream), credit_id),)
        case InvoiceFinalized(lines=lines) if any(line.amount_minor < 0 for line in lines):
            return (SetOffUnusedTime(id_of(recorded.stream)),)
        case InvoiceSettled(lines=lines) | InvoiceSettledWithoutCharge(lines=lines) if any(
            line.amount_minor < 0 for line in lines
        ):
            return (SetOffUnusedTime(id_of(recorded.stream)),)
        case InvoiceVoided():
            return (SetOffUnusedTime(id_of(recorded.stream)),)
        case CollectionEnded():
            return (VoidInvoice(id_of(recorded.stream)),)
        case _:
            return ()
