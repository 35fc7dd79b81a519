"""Mail about payments: that they are paid, and what is given back of them."""

from __future__ import annotations

from api.email.letter import LeftOut, Letter, Money
from api.payments.reads import PAYMENT_BY_ID
from api.payments.resources import Story
from api.receipts.answering import NoReceipt
from api.receipts.payment import receipt_of
from api.services import Services
from ledger.effects import SendMail


async def payment_receipt(services: Services, mail: SendMail) -> Letter | LeftOut:
    story = await _story(services, mail.about)
    try:
        receipt = await receipt_of(services, story)
    except NoReceipt:
        return LeftOut("nothing_charged")
    return Letter(
        user_id=story.payment.user_id,
        template="receipt",
        values={
            "number": receipt.name,
            "what": receipt.lines[0].description,
            "paid_at": receipt.paid_at,
            "amount": Money(receipt.charged_minor, receipt.currency),
        },
        receipt=receipt,
    )


async def payment_refunded(services: Services, mail: SendMail) -> Letter | LeftOut:
    story = await _story(services, mail.about)
    refund = next((one for one in story.refunds if one.refund_id == mail.ref), None)
    if refund is None or refund.status != refund.DONE:
        return LeftOut("refund_came_back")
    receipt = await receipt_of(services, story)
    return Letter(
        user_id=story.payment.user_id,
        template="refund",
        values={
            "amount": Money(refund.amount_minor, refund.currency),
            "what": receipt.lines[0].description,
            "of": receipt.name,
        },
    )


async def _story(services: Services, payment_id: str) -> Story:
    found = await services.point_reads.ask(PAYMENT_BY_ID, payment_id)
    assert found is not None, "the tables have what the outbox has: they advance together"
    return found.story
