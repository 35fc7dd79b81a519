"""Why a request about an invoice is refused; each `code` is stable, each detail says what to do in
the one case, and `remedy` in any.

A subclass of `Invalid` is wrong whatever the state; the others conflict with the state as it is.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidCredit(Invalid):
    """The credit has no note, or its amount cannot be given back in this currency."""

    code: ClassVar[str] = "invalid_credit"
    remedy: ClassVar[str] = "Say in `note` why, and correct the amount as `detail` says."


class InvalidOffStripePayment(Invalid):
    """What was paid outside Stripe has no reference, no amount above zero, or a day to come or before the
    invoice.
    """

    code: ClassVar[str] = "invalid_off_stripe_payment"
    remedy: ClassVar[str] = "Correct what `detail` says and send it again."


class NothingReceivable(Refused):
    """Nothing is open of what was paid outside Stripe, or nothing was."""

    code: ClassVar[str] = "nothing_receivable"
    remedy: ClassVar[str] = (
        "Look at the invoice's `revenue.receivable_minor`. One that is open must first be marked as paid at "
        "Stripe."
    )
    passing: ClassVar[bool] = True


class OffStripePaymentExceedsOpen(Refused):
    """More came in than is open of what was paid outside Stripe."""

    code: ClassVar[str] = "off_stripe_payment_exceeds_open"
    remedy: ClassVar[str] = "Record at most what `detail` says is open."
    passing: ClassVar[bool] = True


class InvoiceNotOpen(Refused):
    """Nothing is owed on the invoice: it is paid, void or not final."""

    code: ClassVar[str] = "invoice_not_open"
    remedy: ClassVar[str] = "Look at the invoice's `status`; there is nothing to pay."
    passing: ClassVar[bool] = True


class InvoiceNotSettled(Refused):
    """Stripe has not settled what was paid on the invoice, or nothing was paid."""

    code: ClassVar[str] = "invoice_not_settled"
    remedy: ClassVar[str] = "Ask again when the invoice is paid and settled."
    passing: ClassVar[bool] = True


class InvoiceDisputed(Refused):
    """The cardholder's bank disputes the charge, and a credit now would pay twice."""

    code: ClassVar[str] = "invoice_disputed"
    remedy: ClassVar[str] = "Answer the dispute, or ask again when it is closed."
    passing: ClassVar[bool] = True


class InvoiceFundsNotAvailable(Refused):
    """The invoice's funds become available later than that."""

    code: ClassVar[str] = "invoice_funds_not_available"
    remedy: ClassVar[str] = "Record them at the time that `detail` names."
    passing: ClassVar[bool] = True


class RetryInProgress(Refused):
    """An attempt to charge the invoice is under way, and nobody knows yet what became of it."""

    code: ClassVar[str] = "retry_in_progress"
    remedy: ClassVar[str] = "Look at the invoice again in a moment; do not pay in another way meanwhile."
    passing: ClassVar[bool] = True


class RetryNotDue(Refused):
    """The schedule has no attempt for the invoice now."""

    code: ClassVar[str] = "retry_not_due"
    remedy: ClassVar[str] = "Wait for the time that `detail` names, or for a new card."
    passing: ClassVar[bool] = True


class NewCardRequired(Refused):
    """The bank declined the card for good: it is lost, stolen or withdrawn."""

    code: ClassVar[str] = "new_card_required"
    remedy: ClassVar[str] = "Change the subscription's payment method; the invoice is then tried at once."
    passing: ClassVar[bool] = True


class CreditExists(Refused):
    """A credit with this id was asked for before."""

    code: ClassVar[str] = "credit_exists"
    remedy: ClassVar[str] = "Ask for another credit under a new id."
    passing: ClassVar[bool] = False


class AlreadyCredited(Refused):
    """Nothing is left of the invoice: it is given back, on its way, or was taken off a change of plan."""

    code: ClassVar[str] = "already_credited"
    remedy: ClassVar[str] = "Nothing is to be done; the invoice's credit notes show where it went."
    passing: ClassVar[bool] = False


class CreditExceedsRemainder(Refused):
    """More was asked for than is left of the invoice."""

    code: ClassVar[str] = "credit_exceeds_remainder"
    remedy: ClassVar[str] = (
        "Ask for what `detail` says is left, or leave `amount_minor` out to give back all of it."
    )
    passing: ClassVar[bool] = True


class UnusedTimeGone(Refused):
    """A change of plan was to take off more than is still paid of the invoice."""

    code: ClassVar[str] = "unused_time_gone"
    remedy: ClassVar[str] = "Ask for a new preview of the change: money went back meanwhile."
    passing: ClassVar[bool] = True


class DayNotOver(Refused):
    """A day's revenue is recognised when the day (UTC) is over."""

    code: ClassVar[str] = "day_not_over"
    remedy: ClassVar[str] = "Close it at the time that `detail` names."
    passing: ClassVar[bool] = True
