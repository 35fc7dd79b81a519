"""Facts about one licence: its terms, and the money of its invoices."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from msgspec import Struct

from ledger.hosted import HostedPage
from ledger.licence_tiers import Grant
from ledger.licences.terms import Billing, Term
from ledger.message import Event, Instant


class LicenceQuoted(Event, frozen=True, kw_only=True):
    """A later quote takes the place of one that is open."""

    TYPE: ClassVar[str] = "licences.quoted.v1"
    licence_id: str
    org_id: str
    quote_id: str
    term: int
    """Which one it would be."""
    grant: Grant
    months: int
    billing: Billing
    valid_until: Instant
    starts_at: Instant | None = None
    bridges: bool = False
    """It is for a renewal and was made before the licence lapsed, which it does not while this is open."""


class LicenceIssued(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.issued.v1"
    licence_id: str
    org_id: str
    term: Term
    grant: Grant
    billing: Billing
    quote_id: str = ""
    at: Instant | None = None
    """None in facts from before there were keys, which are as of the start of their term."""


class LicenceActivated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.activated.v1"
    licence_id: str
    org_id: str


class LicenceSuspended(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.suspended.v1"
    licence_id: str
    org_id: str
    reason: str


class LicenceReinstated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.reinstated.v1"
    licence_id: str
    org_id: str
    reason: str


class LicenceRenewed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.renewed.v1"
    licence_id: str
    org_id: str
    term: Term
    grant: Grant
    billing: Billing
    quote_id: str = ""
    backdated: bool = False
    """It had lapsed, and the term begins when the last one ended all the same."""
    at: Instant | None = None


class LicenceUpgraded(Event, frozen=True, kw_only=True):
    """From now on, in this term and in those of its tier that follow it already and gain by it. There is one
    for each price where terms keep different ones.
    """

    TYPE: ClassVar[str] = "licences.upgraded.v1"
    licence_id: str
    org_id: str
    terms: tuple[int, ...]
    at: Instant
    from_tier: str
    grant: Grant
    """With the price that later differences are counted from: the old one where the upgrade was given."""
    billing: Billing


class LicenceKeyRevealed(Event, frozen=True, kw_only=True):
    """Somebody was shown the key, or given a licence file. Nothing of what they were shown is here."""

    TYPE: ClassVar[str] = "licences.key_revealed.v1"
    licence_id: str
    org_id: str
    serial: int
    form: str = "key"
    """`key` or `file`."""


class LicenceKeyReissued(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.key_reissued.v1"
    licence_id: str
    org_id: str
    serial: int
    """Of the new key."""
    at: Instant
    old_ends_at: Instant
    """From then on no key of an earlier serial works."""
    reason: str


class LicenceRevoked(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.revoked.v1"
    licence_id: str
    org_id: str
    reason: str
    credited: bool = False


class LicenceExpired(Event, frozen=True, kw_only=True):
    """It has lapsed: the term and its grace are over."""

    TYPE: ClassVar[str] = "licences.expired.v1"
    licence_id: str
    org_id: str
    term: int
    ended_at: Instant
    lapsed_at: Instant


class LicenceNoticeDue(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.notice_due.v1"
    licence_id: str
    org_id: str
    term: int
    days: int
    """Before the expiry; 0 is that it has come."""
    ends_at: Instant


class Overage(Struct, frozen=True, kw_only=True):
    metric: str
    used: int
    limit: int
    amount_minor: int


class LicenceInvoiced(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.invoiced.v1"
    licence_id: str
    org_id: str
    invoice_id: str
    number: str
    """For people: unique, and counted within the licence."""
    kind: str
    """`term`, `upgrade` or `overage`."""
    term: int
    net_minor: int
    tax_minor: int
    currency: str
    period_start: Instant
    period_end: Instant
    """What is sold is earned evenly from the one to the other."""
    issued_at: Instant
    due_at: Instant
    overage: tuple[Overage, ...] = ()


class LicenceInvoicePaid(Event, frozen=True, kw_only=True):
    """Money in the bank, or of a payment by card. What was open of the invoice is `amount_minor` less the
    three parts of what had been written off, which it brings back.
    """

    TYPE: ClassVar[str] = "licences.invoice_paid.v1"
    licence_id: str
    org_id: str
    invoice_id: str
    payment_id: str
    amount_minor: int
    currency: str
    reference: str
    received_on: date
    open_tax_minor: int = 0
    """How much of what was open is tax."""
    by_card: bool = False
    """Of what a payment by card brought to the organisation's credit, and then `payment_id` is that one's."""
    loss_minor: int = 0
    tax_minor: int = 0
    deferred_minor: int = 0
    at: Instant
    """What comes back to be earned is spread evenly from here on."""


class LicenceCardPaymentReserved(Event, frozen=True, kw_only=True):
    """Of an invoice, or of a licence that is to be bought: nobody else pays for it by card meanwhile. All
    that the payment needs is here.
    """

    TYPE: ClassVar[str] = "licences.card_payment_reserved.v1"
    licence_id: str
    org_id: str
    payment_id: str
    user_id: str
    """Whose card it is."""
    amount_minor: int
    currency: str
    description: str
    """What the cardholder's receipt says."""
    payment_method_id: str
    stripe_customer_id: str = ""
    expires_at: Instant
    invoice_id: str = ""
    """Empty for a licence that is to be bought: it is issued on these terms when it is paid."""
    grant: Grant | None = None
    months: int = 0
    billing: Billing | None = None
    page: HostedPage | None = None
    """Of Stripe's, on which it is paid; None where the card is known."""


class LicenceCardPaymentEnding(Event, frozen=True, kw_only=True):
    """Held too long, or not needed any more: it is to be canceled, and may be captured before it is."""

    TYPE: ClassVar[str] = "licences.card_payment_ending.v1"
    licence_id: str
    payment_id: str


class LicenceCardPaymentReleased(Event, frozen=True, kw_only=True):
    """Nothing was paid. Somebody else may pay."""

    TYPE: ClassVar[str] = "licences.card_payment_released.v1"
    licence_id: str
    payment_id: str
    reason: str
    as_of: int


class LicenceCardPaymentTold(Event, frozen=True, kw_only=True):
    """How much of its charge a payment has now, and what became of the difference, beside what the facts of
    invoices say that came with it.
    """

    TYPE: ClassVar[str] = "licences.card_payment_told.v1"
    licence_id: str
    org_id: str
    payment_id: str
    as_of: int
    """The version of the payment's stream."""
    kept_minor: int
    currency: str
    at: Instant
    credited_minor: int = 0
    """More that is owed to the organisation, as no invoice was left to pay; below zero where it was set
    off."""
    lost_minor: int = 0
    """Given back by its bank, after it was paid out as a credit; below zero where it came back."""


class LicenceInvoiceReopened(Event, frozen=True, kw_only=True):
    """What had paid it was taken back by the cardholder's bank: it is to be paid after all."""

    TYPE: ClassVar[str] = "licences.invoice_reopened.v1"
    licence_id: str
    org_id: str
    invoice_id: str
    payment_id: str
    amount_minor: int
    tax_minor: int
    """How much of it is tax."""
    currency: str
    at: Instant | None = None
    """None in facts from before transfers were dated by it."""


class InvoiceAmount(Struct, frozen=True, kw_only=True):
    invoice_id: str
    amount_minor: int


class LicenceRecognised(Event, frozen=True, kw_only=True):
    """Earned since the last time, of all of the licence's invoices."""

    TYPE: ClassVar[str] = "licences.recognised.v1"
    licence_id: str
    until: Instant
    currency: str
    amounts: tuple[InvoiceAmount, ...]
    total_minor: int
    ended: bool = False
    """The service ended early, and this is the rest of what was paid for it."""


class LicenceCredited(Event, frozen=True, kw_only=True):
    """A credit note. What it gives back beyond what was open is owed to the organisation."""

    TYPE: ClassVar[str] = "licences.credited.v1"
    licence_id: str
    org_id: str
    invoice_id: str
    credit_id: str
    number: str
    currency: str
    deferred_minor: int
    recognised_minor: int
    tax_minor: int
    receivable_minor: int
    """How much of the three together was open."""
    open_tax_minor: int
    """How much of that is tax."""
    at: Instant
    """What is left to be earned is spread evenly from here on."""
    reason: str


class LicenceCreditPaidOut(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "licences.credit_paid_out.v1"
    licence_id: str
    org_id: str
    transfer_id: str
    amount_minor: int
    currency: str
    reference: str
    paid_on: date


class LicenceWrittenOff(Event, frozen=True, kw_only=True):
    """All that was open of an invoice: what is not earned was never sold, what is earned is lost."""

    TYPE: ClassVar[str] = "licences.written_off.v1"
    licence_id: str
    org_id: str
    invoice_id: str
    currency: str
    deferred_minor: int
    loss_minor: int
    tax_minor: int
    at: Instant
    reason: str


LicenceEvent = (
    LicenceQuoted
    | LicenceIssued
    | LicenceActivated
    | LicenceSuspended
    | LicenceReinstated
    | LicenceRenewed
    | LicenceUpgraded
    | LicenceKeyRevealed
    | LicenceKeyReissued
    | LicenceRevoked
    | LicenceExpired
    | LicenceNoticeDue
    | LicenceInvoiced
    | LicenceInvoicePaid
    | LicenceCardPaymentReserved
    | LicenceCardPaymentEnding
    | LicenceCardPaymentReleased
    | LicenceCardPaymentTold
    | LicenceInvoiceReopened
    | LicenceRecognised
    | LicenceCredited
    | LicenceCreditPaidOut
    | LicenceWrittenOff
)
