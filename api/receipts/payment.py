"""What stands on the receipt of a payment: what was paid for, and what was given back since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.http.positions import find
from api.organisations.branding import brand_for
from api.payments.resources import Story
from api.receipts import answering as receipts
from api.receipts.answering import NoReceipt
from api.receipts.content import Receipt, ReceiptCredit, ReceiptLine
from api.services import Services
from ledger.payments.decider import PAYMENT
from ledger.payments.sale import LICENCE
from ledger.payments.stream import stream_of
from ledger.split import Sale
from projections.payments.payment import PaymentRow

_GIVEN_BACK = frozenset({"requested", "pending", "unknown", "succeeded"})
_NUMBER = "SELECT receipt_number FROM payment_receipts WHERE payment_id = %s"
_TITLE = "SELECT w.title FROM courses JOIN course_words AS w USING (words_id) WHERE courses.course_id = %s"


async def receipt_of(services: Services, story: Story) -> Receipt:
    """Raises `NoReceipt` while nothing was charged."""
    row = story.payment
    number = None
    if row.captured_at is not None:
        # the table of numbers may lag the payment's
        number = await find(lambda: _first(services, _NUMBER, row.payment_id), services.positions)
    if number is None or row.captured_at is None:
        raise NoReceipt(f"This payment is {row.status}: nothing was charged, so it has no receipt.")
    sale = (await services.store.state(PAYMENT, stream_of(row.payment_id))).sale
    if sale is not None and sale.charged_minor != row.captured_minor:
        sale = None  # charged otherwise than agreed: the receipt says what was charged
    title = await _first(services, _TITLE, sale.course_id) if sale else None
    return Receipt(
        number=number,
        about="Payment",
        reference=row.payment_id,
        seller=receipts.seller_of(services.settings),
        customer=await receipts.customer_of(services.reads, row.user_id),
        paid_at=row.captured_at,
        currency=row.currency,
        lines=tuple(_of_sale(sale, title or "") if sale else _plain(row)),
        tax_minor=sale.tax_minor if sale else None,
        total_minor=row.captured_minor,
        charged_minor=row.captured_minor,
        credits=tuple(sorted(_given_back(story), key=lambda one: one.credited_at)),
        brand=await brand_for(services, row.user_id),
    )


async def _first(services: Services, query: str, value: str) -> Any:
    async with services.reading() as connection:
        row = await (await connection.execute(query.encode(), (value,))).fetchone()
    return row[0] if row else None


def _plain(row: PaymentRow) -> Iterator[ReceiptLine]:
    """Nothing is said of tax: a licence's is on the invoice that is named, which it may have paid a part of,
    and what is in another payment nobody told.
    """
    named = "Licence" if row.purpose == LICENCE else "Payment"
    yield ReceiptLine(description=row.description or named, amount_minor=row.captured_minor)


def _of_sale(sale: Sale, title: str) -> Iterator[ReceiptLine]:
    """Without tax; the words of the course may have been erased."""
    included = sale.tax_minor if sale.tax_included else 0
    yield ReceiptLine(
        description=f"Course: {title}" if title else "Course", amount_minor=sale.price_minor - included
    )
    if sale.discount_minor:
        yield ReceiptLine(description="Discount", amount_minor=-sale.discount_minor)


def _given_back(story: Story) -> Iterator[ReceiptCredit]:
    for refund in story.refunds:
        if refund.status in _GIVEN_BACK:
            yield ReceiptCredit(
                kind="refund",
                credited_at=refund.requested_at,
                amount_minor=refund.amount_minor,
                on_its_way=refund.status != "succeeded",
            )
    for dispute in story.disputes:
        if dispute.withheld_minor:
            yield ReceiptCredit(
                kind="dispute", credited_at=dispute.opened_at, amount_minor=dispute.withheld_minor
            )
