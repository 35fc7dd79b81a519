"""What is told on which occasion, by the tables and the facts as they are when it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from api.email.letter import LeftOut, Letter
from api.email.of_courses import course_bought
from api.email.of_invoices import invoice_receipt, invoice_refunded, payment_failed
from api.email.of_organisations import invited
from api.email.of_payments import payment_receipt, payment_refunded
from api.email.of_subscriptions import cancellation_scheduled, subscription_ended, trial_ending
from api.services import Services
from ledger.effects import Occasion, SendMail

Compose = Callable[[Services, SendMail], Awaitable[Letter | LeftOut]]

COMPOSERS: Final[Mapping[Occasion, Compose]] = {
    "payment_receipt": payment_receipt,
    "payment_refunded": payment_refunded,
    "invoice_receipt": invoice_receipt,
    "invoice_refunded": invoice_refunded,
    "payment_failed": payment_failed,
    "trial_ending": trial_ending,
    "cancellation_scheduled": cancellation_scheduled,
    "subscription_ended": subscription_ended,
    "course_bought": course_bought,
    "invited": invited,
}
