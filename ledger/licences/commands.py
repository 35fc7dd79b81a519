"""What can be asked of one licence."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from msgspec import Struct

from ledger.hosted import HostedPage
from ledger.licence_tiers import Grant
from ledger.licences.terms import Billing
from ledger.message import Command, Instant


class QuoteLicence(Command, frozen=True, kw_only=True):
    """An offer for the first term, or for the one after the last, with all of its numbers."""

    NAME: ClassVar[str] = "licences.quote"
    licence_id: str
    org_id: str
    """Empty for a licence that is there."""
    quote_id: str
    grant: Grant
    months: int
    billing: Billing
    valid_until: Instant
    starts_at: Instant | None = None
    """Of the first term; None is when it is accepted."""


class AcceptQuote(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.accept_quote"
    licence_id: str
    quote_id: str


class IssueLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.issue"
    licence_id: str
    org_id: str
    grant: Grant
    months: int
    billing: Billing
    starts_at: Instant | None = None
    """None is now."""


class ActivateLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.activate"
    licence_id: str


class SuspendLicence(Command, frozen=True, kw_only=True):
    """Time goes on, and so does what is owed."""

    NAME: ClassVar[str] = "licences.suspend"
    licence_id: str
    reason: str


class ReinstateLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.reinstate"
    licence_id: str
    reason: str


class RenewLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.renew"
    licence_id: str
    term: int
    """Which one it is to be, so that of two who ask at once one renews."""
    grant: Grant
    months: int
    billing: Billing
    backdate: bool = False
    """From the expiry also when the licence has lapsed."""


class UpgradeLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.upgrade"
    ADDED: ClassVar[frozenset[str]] = frozenset({"expected_minor"})
    licence_id: str
    grant: Grant
    billing: Billing
    expected_minor: int | None = None
    """The most that it may cost, with tax; None for whatever it does."""


class RevealLicenceKey(Command, frozen=True, kw_only=True):
    """Somebody is about to be shown what `serial` is in."""

    NAME: ClassVar[str] = "licences.reveal_key"
    licence_id: str
    serial: int
    form: Literal["key", "file"] = "key"


class ReissueLicenceKey(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.reissue_key"
    licence_id: str
    reason: str
    old_ends_at: Instant | None = None
    """Until when keys that were given before work; None is no longer than now."""


class RevokeLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.revoke"
    licence_id: str
    reason: str
    credit: bool
    """Whether the part of each invoice that is not earned is given back."""


class ExpireLicence(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.expire"
    licence_id: str
    term: int


class RecordNotice(Command, frozen=True, kw_only=True):
    """Whichever notice of the last term is due."""

    NAME: ClassVar[str] = "licences.record_notice"
    licence_id: str


class Usage(Struct, frozen=True, kw_only=True):
    metric: str
    used: int


class InvoiceOverage(Command, frozen=True, kw_only=True):
    """What a month's use was beyond soft limits."""

    NAME: ClassVar[str] = "licences.invoice_overage"
    licence_id: str
    month: date
    """Its first day."""
    usage: tuple[Usage, ...]


class RecordLicencePayment(Command, frozen=True, kw_only=True):
    """Money in the bank for one invoice, or for a part of it."""

    NAME: ClassVar[str] = "licences.record_payment"
    licence_id: str
    invoice_id: str
    payment_id: str
    amount_minor: int
    reference: str
    received_on: date


class PurchaseLicence(Command, frozen=True, kw_only=True):
    """A first term, paid by card: issued when it is paid."""

    NAME: ClassVar[str] = "licences.purchase"
    GENERATED: ClassVar[frozenset[str]] = frozenset(
        {"licence_id", "payment_id", "grant", "stripe_customer_id", "page"}
    )
    licence_id: str
    org_id: str
    payment_id: str
    user_id: str
    grant: Grant
    months: int
    billing: Billing
    expected_minor: int | None = None
    """What the buyer was shown that it costs, with tax; None for whatever it does."""
    payment_method_id: str
    """Empty with a `page` of Stripe's, on which it is chosen."""
    stripe_customer_id: str = ""
    page: HostedPage | None = None


class PayLicenceInvoice(Command, frozen=True, kw_only=True):
    """All that is open of it, by card."""

    NAME: ClassVar[str] = "licences.pay_invoice"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"payment_id", "stripe_customer_id", "page"})
    licence_id: str
    invoice_id: str
    payment_id: str
    user_id: str
    expected_minor: int | None = None
    payment_method_id: str
    """Empty with a `page` of Stripe's, on which it is chosen."""
    stripe_customer_id: str = ""
    page: HostedPage | None = None


class ExpireLicencePayment(Command, frozen=True, kw_only=True):
    """Its time is over. The payment is canceled first: Stripe's answer ends it, or pays after all."""

    NAME: ClassVar[str] = "licences.expire_payment"
    licence_id: str
    payment_id: str


class FollowLicencePayment(Command, frozen=True, kw_only=True):
    """How a payment by card stands, as of that version of its stream: only what is newer counts."""

    NAME: ClassVar[str] = "licences.follow_payment"
    licence_id: str
    payment_id: str
    as_of: int
    standing: str
    reason: str = ""
    kept_minor: int = 0


class CreditLicenceInvoice(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "licences.credit"
    licence_id: str
    invoice_id: str
    credit_id: str
    net_minor: int | None = None
    """Without tax, which follows. None is all that is not earned yet; what is asked beyond that is taken from
    what is earned."""
    reason: str


class RecordCreditPaidOut(Command, frozen=True, kw_only=True):
    """What credit notes owe was sent back by bank transfer."""

    NAME: ClassVar[str] = "licences.record_credit_paid_out"
    licence_id: str
    transfer_id: str
    amount_minor: int
    reference: str
    paid_on: date


class WriteOffLicenceInvoice(Command, frozen=True, kw_only=True):
    """Nobody will pay what is open of it."""

    NAME: ClassVar[str] = "licences.write_off"
    licence_id: str
    invoice_id: str
    reason: str


class CloseLicenceDay(Command, frozen=True, kw_only=True):
    """Recognise what was earned up to the end of `day` (UTC)."""

    NAME: ClassVar[str] = "licences.close_day"
    licence_id: str
    day: date


LicenceCommand = (
    QuoteLicence
    | AcceptQuote
    | IssueLicence
    | ActivateLicence
    | SuspendLicence
    | ReinstateLicence
    | RenewLicence
    | UpgradeLicence
    | RevealLicenceKey
    | ReissueLicenceKey
    | RevokeLicence
    | ExpireLicence
    | RecordNotice
    | InvoiceOverage
    | RecordLicencePayment
    | PurchaseLicence
    | PayLicenceInvoice
    | ExpireLicencePayment
    | FollowLicencePayment
    | CreditLicenceInvoice
    | RecordCreditPaidOut
    | WriteOffLicenceInvoice
    | CloseLicenceDay
)
"""Their texts stay for ever, so that they must not name anybody."""
