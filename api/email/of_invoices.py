"""Mail about invoices of subscriptions: paid, renewed, given back, or not to be paid."""

from __future__ import annotations

from api.email.letter import LeftOut, Letter, Money, Value
from api.email.lookups import plan_name, subscription
from api.invoices.reads import INVOICE_BY_ID
from api.invoices.receipt import receipt_of
from api.invoices.resources import InvoiceStory
from api.organisations.branding import brand_for
from api.services import Services
from ledger.effects import SendMail
from ledger.invoices.decider import INVOICE
from ledger.invoices.dunning import AUTHENTICATION_REQUIRED, CANCEL_AFTER
from ledger.invoices.stream import stream_of

_RENEWAL = "subscription_cycle"
"""As Stripe calls why it billed."""


async def invoice_receipt(services: Services, mail: SendMail) -> Letter | LeftOut:
    story = await _story(services, mail.about)
    row = story.invoice
    if row.receipt_number is None or row.paid_at is None:
        return LeftOut("nothing_charged")
    brand = await brand_for(services, row.user_id)
    receipt = await receipt_of(services, story, brand)
    renewed = row.billing_reason == _RENEWAL
    plan = plan_name(await subscription(services, row.subscription_id))
    values: dict[str, Value] = {
        "number": receipt.name,
        "paid_at": receipt.paid_at,
        "amount": Money(receipt.total_minor, receipt.currency),
    }
    if renewed:
        values |= {"plan": plan, "paid_until": row.period_end}
    else:
        values |= {"what": receipt.lines[0].description}
    return Letter(
        user_id=row.user_id,
        template="renewal" if renewed else "receipt",
        values=values,
        receipt=receipt,
    )


async def invoice_refunded(services: Services, mail: SendMail) -> Letter | LeftOut:
    story = await _story(services, mail.about)
    credit = next((one for one in story.credits if one.credit_id == mail.ref), None)
    if credit is None or credit.refund != "settled":
        return LeftOut("refund_came_back")
    return Letter(
        user_id=story.invoice.user_id,
        template="refund",
        values={
            "amount": Money(credit.amount_minor, credit.currency),
            "what": plan_name(await subscription(services, story.invoice.subscription_id)),
            "of": story.invoice.number,
        },
    )


async def payment_failed(services: Services, mail: SendMail) -> Letter | LeftOut:
    """What to do, and until when. Nothing when it was paid since."""
    row = (await _story(services, mail.about)).invoice
    invoice = await services.store.state(INVOICE, stream_of(mail.about))
    if row.status != "open" or invoice.failed_at is None:
        return LeftOut("settled_since")
    return Letter(
        user_id=row.user_id,
        template="payment_failed",
        values={
            "amount": Money(row.total_minor, row.currency),
            "plan": plan_name(await subscription(services, row.subscription_id)),
            "number": row.number,
            "confirm": AUTHENTICATION_REQUIRED in (row.failure_code, row.decline_code) or row.action_required,
            "hard": row.hard_decline,
            "retry_at": row.next_retry_at,
            "until": invoice.failed_at + CANCEL_AFTER,
        },
    )


async def _story(services: Services, stripe_invoice_id: str) -> InvoiceStory:
    found = await services.point_reads.ask(INVOICE_BY_ID, stripe_invoice_id)
    assert found is not None, "the tables have what the outbox has: they advance together"
    return found
