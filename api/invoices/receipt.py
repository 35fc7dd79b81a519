"""The receipt of an invoice that is paid, with what was credited since."""

from __future__ import annotations

from api.invoices.resources import InvoiceStory
from api.organisations.branding import Brand
from api.receipts import answering as receipts
from api.receipts.answering import NoReceipt
from api.receipts.content import Receipt, ReceiptCredit, ReceiptLine
from api.services import Services
from projections.invoices.credit_notes import CreditNoteRow


async def receipt_of(services: Services, story: InvoiceStory, brand: Brand | None) -> Receipt:
    """Raises `NoReceipt` before it is paid, and when nothing was charged for it."""
    row = story.invoice
    if row.receipt_number is None or row.paid_at is None:
        free = row.status == "paid"
        raise NoReceipt(
            "Nothing was charged on this invoice, so it has no receipt."
            if free
            else f"This invoice is {row.status}; it has a receipt when it is paid."
        )
    return Receipt(
        number=row.receipt_number,
        reference=row.number,
        seller=receipts.seller_of(services.settings),
        customer=await receipts.customer_of(services.reads, row.user_id),
        paid_at=row.paid_at,
        currency=row.currency,
        lines=tuple(
            ReceiptLine(
                description=line.description or "Subscription",
                period_start=line.period_start,
                period_end=line.period_end,
                amount_minor=line.amount_minor,
            )
            for line in sorted(story.lines, key=lambda line: line.line_number)
        ),
        tax_minor=row.tax_minor,
        total_minor=row.total_minor,
        charged_minor=row.charged_minor,
        off_stripe_minor=row.off_stripe_minor,
        credits=tuple(_credit(credit) for credit in story.credits if credit.status == credit.DONE),
        brand=brand,
    )


def _credit(row: CreditNoteRow) -> ReceiptCredit:
    assert row.credited_at is not None, "as was looked at"
    return ReceiptCredit(
        number=f"C-{row.credit_note_number or 0:06d}",
        credited_at=row.credited_at,
        amount_minor=row.amount_minor,
    )
