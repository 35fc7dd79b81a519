"""Why a payment or a refund is refused; each `code` is stable, each detail says what to do.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidAmount(Invalid):
    code: ClassVar[str] = "invalid_amount"


class InvalidCurrency(Invalid):
    code: ClassVar[str] = "invalid_currency"


class InvalidText(Invalid):
    code: ClassVar[str] = "invalid_text"


class UnknownPurpose(Invalid):
    code: ClassVar[str] = "unknown_purpose"


class NoteRequired(Invalid):
    code: ClassVar[str] = "note_required"


class PaymentExists(Refused):
    code: ClassVar[str] = "payment_exists"


class PaymentNotCaptured(Refused):
    code: ClassVar[str] = "payment_not_captured"


class DisputeOpen(Refused):
    code: ClassVar[str] = "dispute_open"


class RefundExists(Refused):
    code: ClassVar[str] = "refund_exists"


class RefundWindowClosed(Refused):
    code: ClassVar[str] = "refund_window_closed"


class AlreadyRefunded(Refused):
    code: ClassVar[str] = "already_refunded"


class RefundExceedsRemainder(Refused):
    code: ClassVar[str] = "refund_exceeds_remainder"


class FundsNotSettled(Refused):
    code: ClassVar[str] = "funds_not_settled"


class FundsNotAvailable(Refused):
    code: ClassVar[str] = "funds_not_available"
