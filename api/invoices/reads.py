"""An invoice with all that belongs to it, of one moment; those who ask at the same time share the queries."""

from __future__ import annotations

from collections.abc import Sequence

from api.invoices.resources import InvoiceStory
from api.reads import BY_ID, SNAPSHOT, grouped, rows_of, select
from ledger.store.batched_queries import BatchedQuery, Connection
from projections.invoices.credit_notes import CREDIT_NOTES
from projections.invoices.invoice import INVOICES
from projections.invoices.lines import INVOICE_LINES
from projections.invoices.projection import INVOICE_DISPUTES

_INVOICES = select(BY_ID, INVOICES, by="stripe_invoice_id")
_LINES = select(BY_ID, INVOICE_LINES, by="stripe_invoice_id")
_CREDITS = select(BY_ID, CREDIT_NOTES, by="stripe_invoice_id")
_INVOICE_DISPUTES = select(BY_ID, INVOICE_DISPUTES, by="payment_id")


async def _tell_invoices(connection: Connection, invoice_ids: Sequence[str]) -> list[InvoiceStory | None]:
    """All that wait, in six round trips at most, whatever their number."""
    ids = list(dict.fromkeys(invoice_ids))
    async with connection.pipeline():
        await connection.execute(SNAPSHOT)
        invoices = await connection.execute(_INVOICES, (ids,))
        lines = await connection.execute(_LINES, (ids,))
        credits_ = await connection.execute(_CREDITS, (ids,))
        disputes = await connection.execute(_INVOICE_DISPUTES, (ids,))
        await connection.execute("COMMIT")
    lines_of = grouped(rows_of(INVOICE_LINES, await lines.fetchall()), "stripe_invoice_id")
    credits_of = grouped(rows_of(CREDIT_NOTES, await credits_.fetchall()), "stripe_invoice_id")
    disputes_of = grouped(rows_of(INVOICE_DISPUTES, await disputes.fetchall()), "payment_id")
    known = {
        row.stripe_invoice_id: InvoiceStory(
            row,
            lines_of[row.stripe_invoice_id],
            credits_of[row.stripe_invoice_id],
            disputes_of[row.stripe_invoice_id],
        )
        for row in rows_of(INVOICES, await invoices.fetchall())
    }
    return [known.get(each) for each in invoice_ids]


INVOICE_BY_ID: BatchedQuery[str, InvoiceStory | None] = BatchedQuery(_tell_invoices)
