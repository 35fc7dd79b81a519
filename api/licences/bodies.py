"""What is asked of licences, as requests write it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.body import AmountMinor, CurrencyCode, PaymentMethodId, Text
from api.http.checks import Check, blank_fault
from api.words import NO_NUL, ORGANISATION
from ledger.licence_keys.signing import FILE_LIFE_S
from ledger.licence_tiers import LEASE_MAX_MINUTES, LEASE_MINUTES, Metric
from ledger.licences.checks import COUNT_MAX, GRACE_MAX_DAYS, LARGEST_MINOR, MONTHS_MAX, TAX_MAX_BP

OrganisationId = Annotated[str, Meta(pattern=ORGANISATION, examples=["org_0199f3a2c4d87b1e9f20a1b2c3d4e5f6"])]
Tier = Annotated[
    str,
    Meta(
        max_length=50,
        description="Of the catalogue, or `custom` with its numbers in `custom`.",
        examples=["starter"],
    ),
]
Months = Annotated[int, Meta(ge=1, le=MONTHS_MAX, description="12 is a year.")]
Time = Annotated[datetime, Meta(tz=True, examples=["2026-12-31T23:00:00Z"])]
Reference = Annotated[
    str,
    Meta(max_length=255, pattern=NO_NUL, description="As the bank's statement has it. Kept for ever."),
    Check(blank_fault),
]
Reason = Annotated[Text, Meta(description="Kept for ever, so it must not name anybody."), Check(blank_fault)]
FILE_DAYS = FILE_LIFE_S // 86_400
Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]


class OfLicence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class NewBilling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`none` is given, `invoice` is due after `net_days`; what is left out is on an invoice. `tax_bp` is the
    tax on top. Without `net_days` or `tax_bp` it is that of the licence's last invoice, or 30 and none. Only
    an admin gives longer than that.
    """

    kind: Literal["none", "invoice"] = "invoice"
    net_days: Literal[14, 30, 60] | None = None
    tax_bp: Annotated[int, Meta(ge=0, le=TAX_MAX_BP, description="In basis points: 2000 is 20 %.")] | None = (
        None
    )


class NewAllowance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limit` null is without limit. With `overage_minor`, each `per` units begun beyond it are billed."""

    metric: Metric
    limit: Count | None = None
    overage_minor: Annotated[int, Meta(ge=0, le=LARGEST_MINOR)] = 0
    per: Annotated[int, Meta(ge=1, le=COUNT_MAX)] = 1


class CustomGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers of a licence that the catalogue does not have. `seats` must be said, as null is without
    limit. `features` are those of plans of the catalogue.
    """

    year_minor: Annotated[int, Meta(ge=0, le=LARGEST_MINOR, description="The price of a year, without tax.")]
    seats: Annotated[int, Meta(ge=1, le=COUNT_MAX)] | None
    floating: Annotated[bool, Meta(description="Seats are leases that free themselves; else named.")] = False
    lease_minutes: Annotated[int, Meta(ge=1, le=LEASE_MAX_MINUTES)] = LEASE_MINUTES
    transfers: (
        Annotated[Count, Meta(description="Named seats freed in a month; null is without limit.")] | None
    ) = None
    features: Annotated[list[str], Meta(max_length=100)] = []
    allowances: Annotated[list[NewAllowance], Meta(max_length=10)] = []
    grace_days: Annotated[int, Meta(ge=0, le=GRACE_MAX_DAYS)] = 14


class NewLicence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `starts_at` on, or from now."""

    org_id: OrganisationId
    tier: Tier
    currency: CurrencyCode = "usd"
    custom: CustomGrant | None = None
    months: Months = 12
    billing: NewBilling | None = None
    starts_at: Time | None = None


class LicenceWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For `years` from when it is paid. With `expected_minor`, which is with tax, a price that has changed
    since it was shown is refused.
    """

    org_id: OrganisationId
    tier: Tier
    currency: CurrencyCode = "usd"
    years: Annotated[int, Meta(ge=1, le=MONTHS_MAX // 12)] = 1
    expected_minor: AmountMinor | None = None


class LicenceToBuy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For `years` from when it is paid. With `expected_minor`, which is with tax, a price that has changed
    since it was shown is refused.
    """

    org_id: OrganisationId
    tier: Tier
    currency: CurrencyCode = "usd"
    years: Annotated[int, Meta(ge=1, le=MONTHS_MAX // 12)] = 1
    payment_method: PaymentMethodId
    expected_minor: AmountMinor | None = None

    @property
    def wanted(self) -> LicenceWanted:
        return LicenceWanted(
            org_id=self.org_id,
            tier=self.tier,
            currency=self.currency,
            years=self.years,
            expected_minor=self.expected_minor,
        )


class LicenceInvoiceToPay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is open of it. With `expected_minor`, what is open must be that."""

    payment_method: PaymentMethodId
    expected_minor: AmountMinor | None = None


class NewLicenceQuote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a new licence of `org_id`, or with `licence_id` for the renewal of that one. Without `tier` a
    renewal is of the present one; `custom` without its numbers goes on with those of the last term.
    """

    org_id: OrganisationId | None = None
    licence_id: Annotated[str, Meta(max_length=100)] | None = None
    tier: Tier | None = None
    currency: CurrencyCode | None = None
    custom: CustomGrant | None = None
    months: Months = 12
    billing: NewBilling | None = None
    starts_at: Time | None = None
    valid_until: Time


class LicenceQuoteAccepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quote_id: Annotated[str, Meta(max_length=100)]


class LicenceReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Reason


class LicenceReissue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that were given before work until `old_ends_at`, 90 days ahead at most; left out they end now."""

    reason: Reason
    old_ends_at: Time | None = None


class NewLicenceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`days` is how long the file is good for; it never outlives the licence."""

    days: Annotated[int, Meta(ge=1, le=FILE_DAYS)] = 30


class LicenceRevocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`credit` gives back what is not earned of each invoice."""

    reason: Reason
    credit: bool


class LicenceRenewal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`term` is the number that the new term is to have, so that of two who renew at once one does. Without
    `tier` it is the present one, by the catalogue of now; `custom` goes on with the numbers of the last term.
    """

    term: Annotated[int, Meta(ge=2, le=10_000)]
    tier: Tier | None = None
    custom: CustomGrant | None = None
    months: Months = 12
    billing: NewBilling | None = None
    backdate: bool = False


class LicenceUpgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`expected_minor` is the most that it may cost in all, with tax: `net_minor` and `tax_minor` of what GET
    shows. It becomes less by the second, though rounding may make it a minor unit more for some.
    """

    tier: Tier
    custom: CustomGrant | None = None
    billing: NewBilling | None = None
    expected_minor: AmountMinor | None = None


class NewLicencePayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount_minor: AmountMinor
    reference: Reference
    received_on: date


class NewLicenceCredit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`net_minor` is without tax, which follows; left out it is all that is not earned yet."""

    net_minor: AmountMinor | None = None
    reason: Reason


class LicenceCreditTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount_minor: AmountMinor
    reference: Reference
    paid_on: date
