"""Why something is not done with a licence, or with one of its invoices."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Invalid, Refused


class InvalidLicence(Invalid):
    """A number, a date or a text is not as it can be."""

    code: ClassVar[str] = "invalid_licence"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."


class LicenceExists(Refused):
    """The licence is issued already."""

    code: ClassVar[str] = "licence_exists"
    remedy: ClassVar[str] = "Renew or upgrade it, or issue another one."
    passing: ClassVar[bool] = False


class LicenceNotOpen(Refused):
    """What became of the licence already does not allow it."""

    code: ClassVar[str] = "licence_not_open"
    remedy: ClassVar[str] = "Read its status, and do what `detail` says first."
    passing: ClassVar[bool] = True


class LicenceNotStarted(Refused):
    """The first term begins later."""

    code: ClassVar[str] = "licence_not_started"
    remedy: ClassVar[str] = "Wait until the time that `detail` tells."
    passing: ClassVar[bool] = True


class QuoteNotOpen(Refused):
    """The licence has no such quote that is open: it was accepted, replaced by a later one, or never made."""

    code: ClassVar[str] = "quote_not_open"
    remedy: ClassVar[str] = "Read the licence, and ask for a new quote where one is still needed."
    passing: ClassVar[bool] = False


class QuoteExpired(Refused):
    """The quote was valid until a time that is over."""

    code: ClassVar[str] = "quote_expired"
    remedy: ClassVar[str] = "Ask for a new quote; its numbers may be others."
    passing: ClassVar[bool] = False


class AlreadyRenewed(Refused):
    """Somebody has renewed the licence for this term."""

    code: ClassVar[str] = "already_renewed"
    remedy: ClassVar[str] = "Read the licence; renew the next term only where that is what you want."
    passing: ClassVar[bool] = False


class NotAnUpgrade(Refused):
    """Something would become less, which is for the next term, or nothing would change."""

    code: ClassVar[str] = "not_an_upgrade"
    remedy: ClassVar[str] = "Choose a tier that has all of the present one, or renew with the smaller one."
    passing: ClassVar[bool] = True


class LicenceInvoiceNotOpen(Refused):
    """Nothing is open of the invoice, or nothing that could be given back."""

    code: ClassVar[str] = "licence_invoice_not_open"
    remedy: ClassVar[str] = "Read the invoice: what was paid, credited and written off of it is told."
    passing: ClassVar[bool] = True


class AmountExceedsOpen(Refused):
    """More than what is open, owed or left."""

    code: ClassVar[str] = "amount_exceeds_open"
    remedy: ClassVar[str] = "Record at most what `detail` names."
    passing: ClassVar[bool] = True


class LicencePaymentInProgress(Refused):
    """Somebody pays for it by card, and that is not decided yet."""

    code: ClassVar[str] = "licence_payment_in_progress"
    remedy: ClassVar[str] = "Finish or cancel the payment that `detail` names, or wait until it expires."
    passing: ClassVar[bool] = True


class LicencePriceChanged(Refused):
    """Another amount is to pay than the buyer was shown."""

    code: ClassVar[str] = "licence_price_changed"
    remedy: ClassVar[str] = "Show the amount that `detail` names, and send it once the buyer agrees."
    passing: ClassVar[bool] = True


class LicenceNotChargeable(Refused):
    """It is an amount that cards are not charged with."""

    code: ClassVar[str] = "licence_not_chargeable"
    remedy: ClassVar[str] = "Have an administrator invoice it, and pay by bank transfer."
    passing: ClassVar[bool] = True


class OverageInvoiced(Refused):
    """The month's overage is on an invoice already."""

    code: ClassVar[str] = "overage_invoiced"
    remedy: ClassVar[str] = "Nothing has to be done; a correction is a credit note."
    passing: ClassVar[bool] = False


class LicenceKeyCompromised(Refused):
    """The licence's key is of a time whose signing key others may have: it counts nowhere."""

    code: ClassVar[str] = "licence_key_compromised"
    remedy: ClassVar[str] = "Have it issued anew, with POST …/reissue; then reveal it."
    passing: ClassVar[bool] = True
