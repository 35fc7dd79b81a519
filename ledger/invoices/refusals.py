"""Why a request about an invoice is refused; each `code` is stable, each detail says what to do.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidCredit(Invalid):
    code: ClassVar[str] = "invalid_credit"


class InvoiceNotOpen(Refused):
    code: ClassVar[str] = "invoice_not_open"


class InvoiceNotSettled(Refused):
    code: ClassVar[str] = "invoice_not_settled"


class InvoiceDisputed(Refused):
    code: ClassVar[str] = "invoice_disputed"


class InvoiceFundsNotAvailable(Refused):
    code: ClassVar[str] = "invoice_funds_not_available"


class RetryInProgress(Refused):
    code: ClassVar[str] = "retry_in_progress"


class RetryNotDue(Refused):
    code: ClassVar[str] = "retry_not_due"


class NewCardRequired(Refused):
    code: ClassVar[str] = "new_card_required"


class CreditExists(Refused):
    code: ClassVar[str] = "credit_exists"


class AlreadyCredited(Refused):
    code: ClassVar[str] = "already_credited"


class CreditExceedsRemainder(Refused):
    code: ClassVar[str] = "credit_exceeds_remainder"


class DayNotOver(Refused):
    code: ClassVar[str] = "day_not_over"
