"""Why a payment or a refund is refused; each `code` is stable, each detail says what to do in
the one case, and `remedy` in any.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidAmount(Invalid):
    """The amount is zero, above what Stripe takes, or no multiple of the currency's smallest charge."""

    code: ClassVar[str] = "invalid_amount"
    remedy: ClassVar[str] = "Send an amount in minor units within the bounds that `detail` names."


class InvalidCurrency(Invalid):
    """The code names no currency that is known here."""

    code: ClassVar[str] = "invalid_currency"
    remedy: ClassVar[str] = "Send an ISO 4217 code such as `usd`."


class InvalidText(Invalid):
    """A text is empty, too long, or holds the character NUL."""

    code: ClassVar[str] = "invalid_text"
    remedy: ClassVar[str] = "Shorten or correct the field that `detail` names."


class UnknownPurpose(Invalid):
    """Nothing can be paid for under this purpose."""

    code: ClassVar[str] = "unknown_purpose"
    remedy: ClassVar[str] = "Send one of the purposes that `detail` lists."


class InvalidSale(Invalid):
    """The terms of a sale do not add up, are missing, or come with what is no sale."""

    code: ClassVar[str] = "invalid_sale"
    remedy: ClassVar[str] = "Compute the terms anew, as `detail` says."


class NoteRequired(Invalid):
    """A refund by an administrator must say why it is made, and does not."""

    code: ClassVar[str] = "note_required"
    remedy: ClassVar[str] = "Say why in `note`; the audit trail keeps it."


class PaymentExists(Refused):
    """A payment with this id was begun before."""

    code: ClassVar[str] = "payment_exists"
    remedy: ClassVar[str] = "Start another payment under a new id."
    passing: ClassVar[bool] = False


class PaymentNotCancelable(Refused):
    """The payment does not wait for its cardholder: its money was captured or is on its way, or it failed."""

    code: ClassVar[str] = "payment_not_cancelable"
    remedy: ClassVar[str] = (
        "Look at its `status`: ask for a refund of what was captured, and wait for the rest."
    )
    passing: ClassVar[bool] = False


class PaymentNotCaptured(Refused):
    """The payment's money was never captured, so there is nothing to give back."""

    code: ClassVar[str] = "payment_not_captured"
    remedy: ClassVar[str] = "Look at the payment's `status`; wait if it is not decided yet."
    passing: ClassVar[bool] = True


class CreditNoteInstead(Refused):
    """The payment paid an invoice of a licence, which is given back by a credit note and not by a refund."""

    code: ClassVar[str] = "credit_note_instead"
    remedy: ClassVar[str] = (
        "Have an administrator credit the invoice; what that owes is paid out by bank transfer."
    )
    passing: ClassVar[bool] = False


class DisputeOpen(Refused):
    """The cardholder's bank disputes the payment, and a refund now would pay twice."""

    code: ClassVar[str] = "dispute_open"
    remedy: ClassVar[str] = (
        "Ask again when the dispute is closed, or ask support; who runs the service answers it."
    )
    passing: ClassVar[bool] = True


class RefundExists(Refused):
    """A refund with this id was asked for before."""

    code: ClassVar[str] = "refund_exists"
    remedy: ClassVar[str] = "Ask for another refund under a new id."
    passing: ClassVar[bool] = False


class RefundWindowClosed(Refused):
    """The time in which users refund their own payments is over."""

    code: ClassVar[str] = "refund_window_closed"
    remedy: ClassVar[str] = "Ask an administrator, who may refund at any time."
    passing: ClassVar[bool] = False


class AlreadyRefunded(Refused):
    """Nothing is left of the payment: all of it is refunded or on its way back."""

    code: ClassVar[str] = "already_refunded"
    remedy: ClassVar[str] = "Nothing is to be done; the payment's `refunds` show where it went."
    passing: ClassVar[bool] = False


class RefundExceedsRemainder(Refused):
    """More was asked for than is left of the payment."""

    code: ClassVar[str] = "refund_exceeds_remainder"
    remedy: ClassVar[str] = (
        "Ask for what `detail` says is left, or leave `amount_minor` out to refund all of it."
    )
    passing: ClassVar[bool] = True


class WholeReturnOnly(Invalid):
    """Who bought a course asked for a part of its price: what goes back to its buyer goes back as a whole,
    and the access with it.
    """

    code: ClassVar[str] = "whole_return_only"
    remedy: ClassVar[str] = (
        "Leave `amount_minor` out to return the course; parts are an administrator's to give."
    )


class NothingToRevoke(Refused):
    """`revoke_access` was sent for a payment that gave no access."""

    code: ClassVar[str] = "nothing_to_revoke"
    remedy: ClassVar[str] = "Leave `revoke_access` out."
    passing: ClassVar[bool] = True


class FundsNotSettled(Refused):
    """Stripe has not settled the payment yet, so its funds cannot become available."""

    code: ClassVar[str] = "funds_not_settled"
    remedy: ClassVar[str] = "Record a snapshot of the payment with its balance transaction first."
    passing: ClassVar[bool] = True


class FundsNotAvailable(Refused):
    """The payment's funds become available later than that."""

    code: ClassVar[str] = "funds_not_available"
    remedy: ClassVar[str] = "Record them at the time that `detail` names."
    passing: ClassVar[bool] = True
