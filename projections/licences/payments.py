"""The row of a payment by card for a licence, and what each fact makes of it."""

from __future__ import annotations

from ledger.licences.events import (
    LicenceCardPaymentEnding,
    LicenceCardPaymentReleased,
    LicenceCardPaymentReserved,
    LicenceCardPaymentTold,
)
from ledger.message import Recorded
from projections.licences.tables import LicencePaymentRow

News = LicenceCardPaymentEnding | LicenceCardPaymentReleased | LicenceCardPaymentTold
PaymentEvent = LicenceCardPaymentReserved | News


def begin(recorded: Recorded, event: LicenceCardPaymentReserved) -> LicencePaymentRow:
    return LicencePaymentRow(
        payment_id=event.payment_id,
        licence_id=event.licence_id,
        org_id=event.org_id,
        user_id=event.user_id,
        invoice_id=event.invoice_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        status="reserved",
        kept_minor=0,
        expires_at=event.expires_at,
        position=recorded.position,
        last_position=recorded.position,
    )


def apply(row: LicencePaymentRow, event: News) -> None:
    match event:
        case LicenceCardPaymentEnding():
            row.status = "ending"
        case LicenceCardPaymentReleased():
            row.status = "released"
        case LicenceCardPaymentTold(kept_minor=kept):
            row.status, row.kept_minor = "told", kept
