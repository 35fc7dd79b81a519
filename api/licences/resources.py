"""Licences and their invoices as answers show them: from the ledger after a write, else from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ledger.licence_tiers import Grant
from ledger.licences.events import LicenceQuoted
from ledger.licences.invoice import Invoice
from ledger.licences.state import Granted, Licence, Quote
from ledger.licences.status import Standing, Status, lapses_at, status_at
from ledger.licences.terms import Billing
from projections.licences.tables import LicenceInvoiceRow, LicenceRow, LicenceTermRow


class LicenceAllowance(msgspec.Struct, frozen=True, kw_only=True):
    metric: str
    limit: int | None
    """Null is without limit."""
    soft: bool
    overage_minor: int
    per: int


class LicenceGrant(msgspec.Struct, frozen=True, kw_only=True):
    tier: str
    currency: str
    year_minor: int
    """The price of a year without tax; 0 where it is given."""
    seats: int | None
    floating: bool
    lease_minutes: int
    transfers: int | None
    features: list[str]
    allowances: list[LicenceAllowance]
    grace_days: int
    catalogue_version: str


class LicenceTerm(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    starts_at: datetime
    ends_at: datetime
    months: int
    grant: LicenceGrant


class LicenceBilling(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    net_days: int
    tax_bp: int


class LicenceQuote(msgspec.Struct, frozen=True, kw_only=True):
    quote_id: str
    term: int
    months: int
    net_minor: int
    tax_minor: int
    billing: LicenceBilling
    starts_at: datetime | None
    """Null is when it is accepted, or when the last term ends."""
    valid_until: datetime
    grant: LicenceGrant


class LicenceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """`ends_at` is the end of the last term, `lapses_at` of its grace. `terms` are the oldest first, and what
    counts is the grant of the one that runs. `owed_minor` is what credit notes owe to the organisation.
    """

    licence_id: str
    org_id: str
    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    lapses_at: datetime | None
    terms: list[LicenceTerm]
    quote: LicenceQuote | None
    owed_minor: int


class LicenceDetails(LicenceStanding, frozen=True, kw_only=True):
    reason: str
    """Why it was suspended, reinstated or revoked last."""
    created_at: datetime
    position: int


class LicenceInUse(LicenceDetails, frozen=True, kw_only=True):
    seats_in_use: int
    """Named ones until they are released, floating ones while they are held."""


class LicenceInvoiceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """`open_minor` is what is still to be paid, with tax. What was written off may be paid all the same."""

    invoice_id: str
    number: str
    kind: str
    term: int
    net_minor: int
    tax_minor: int
    paid_minor: int
    open_minor: int
    written_off_minor: int
    deferred_minor: int
    """Left to earn."""
    currency: str
    due_at: datetime


class LicenceInvoice(LicenceInvoiceStanding, frozen=True, kw_only=True):
    licence_id: str
    org_id: str
    credited_minor: int
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    position: int


def standing_of(licence: Licence, now: datetime) -> LicenceStanding:
    status = status_at(licence, now)
    assert status is not None, "it was quoted or issued before"
    return LicenceStanding(
        licence_id=licence.licence_id,
        org_id=licence.org_id,
        status=status,
        starts_at=licence.first.term.starts_at if licence.first else None,
        ends_at=licence.last.term.ends_at if licence.last else None,
        lapses_at=lapses_at(licence),
        terms=[_term_of(one) for one in licence.terms],
        quote=_open_quote(licence.quote, now),
        owed_minor=licence.owed_minor,
    )


def licence_of_row(row: LicenceRow, terms: Sequence[LicenceTermRow], now: datetime) -> LicenceDetails:
    quoted = msgspec.convert(row.quote, LicenceQuoted) if row.quote else None
    return LicenceDetails(
        licence_id=row.licence_id,
        org_id=row.org_id,
        status=_status(row, now),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        lapses_at=row.lapses_at,
        terms=[_term_of_row(one) for one in terms],
        quote=_open_quote(quoted, now),
        owed_minor=row.owed_minor,
        reason=row.reason,
        created_at=row.created_at,
        position=row.position,
    )


def _status(row: LicenceRow, now: datetime) -> Status:
    if row.ends_at is None or row.lapses_at is None:
        return "quoted"
    standing = Standing(
        revoked=row.revoked_at is not None,
        suspended=row.suspended,
        activated=row.activated_at is not None,
        ends_at=row.ends_at,
        lapses_at=row.lapses_at,
    )
    return standing.status_at(now)


def _term_of(granted: Granted) -> LicenceTerm:
    term = granted.term
    return LicenceTerm(
        number=term.number,
        starts_at=term.starts_at,
        ends_at=term.ends_at,
        months=term.months,
        grant=grant_shown(granted.grant),
    )


def _term_of_row(row: LicenceTermRow) -> LicenceTerm:
    return LicenceTerm(
        number=row.number,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        months=row.months,
        grant=grant_shown(msgspec.convert(row.grant_given, Grant)),
    )


def grant_shown(grant: Grant) -> LicenceGrant:
    return LicenceGrant(
        tier=grant.tier,
        currency=grant.currency,
        year_minor=grant.year_minor,
        seats=grant.seats,
        floating=grant.floating,
        lease_minutes=grant.lease_minutes,
        transfers=grant.transfers,
        features=list(grant.features),
        allowances=[LicenceAllowance(**msgspec.structs.asdict(one)) for one in grant.allowances],
        grace_days=grant.grace_days,
        catalogue_version=grant.catalogue_version,
    )


def _open_quote(quote: Quote | LicenceQuoted | None, now: datetime) -> LicenceQuote | None:
    """None also for one whose time is over."""
    if quote is None or quote.valid_until <= now:
        return None
    net = quote.grant.price_minor(quote.months)
    return LicenceQuote(
        quote_id=quote.quote_id,
        term=quote.term,
        months=quote.months,
        net_minor=net,
        tax_minor=quote.billing.tax_minor(net, quote.grant.currency),
        billing=_billing(quote.billing),
        starts_at=quote.starts_at,
        valid_until=quote.valid_until,
        grant=grant_shown(quote.grant),
    )


def _billing(billing: Billing) -> LicenceBilling:
    return LicenceBilling(kind=billing.kind, net_days=billing.net_days, tax_bp=billing.tax_bp)


def invoice_standing(invoice_id: str, invoice: Invoice, currency: str) -> LicenceInvoiceStanding:
    return LicenceInvoiceStanding(
        invoice_id=invoice_id,
        number=invoice.number,
        kind=invoice.kind,
        term=invoice.term,
        net_minor=invoice.net_minor,
        tax_minor=invoice.tax_minor,
        paid_minor=invoice.paid_minor,
        open_minor=invoice.open_minor,
        written_off_minor=invoice.written_off_minor,
        deferred_minor=invoice.deferral.left_minor,
        currency=currency,
        due_at=invoice.due_at,
    )


def invoice_of_row(row: LicenceInvoiceRow) -> LicenceInvoice:
    fields = {name: getattr(row, name) for name in LicenceInvoice.__struct_fields__}
    return LicenceInvoice(**fields)
