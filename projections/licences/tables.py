"""The rows of licences, of their terms, of their invoices and of what is paid for them by card."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from projections.engine.tables import Row, Table


class LicenceRow(Row):
    licence_id: str
    org_id: str
    term: int
    """The last one; 0 while it is only quoted."""
    tier: str
    """Of the last term, or of the quote before there is one."""
    currency: str
    starts_at: datetime | None
    """Of the first term."""
    ends_at: datetime | None
    """Of the last term."""
    lapses_at: datetime | None
    activated_at: datetime | None
    suspended: bool
    reason: str
    """Why it was suspended, reinstated or revoked last."""
    revoked_at: datetime | None
    quote_id: str
    """Of the quote that is open, were it not for its date; empty for none."""
    quote_valid_until: datetime | None
    quote: dict[str, Any]
    """Its numbers."""
    bridged_until: datetime | None
    """When the open quote is for a renewal that bridges the grace."""
    grace_days: int
    noticed_days: int | None
    """The last notice of the last term."""
    notice_at: datetime | None
    """When the next one is due; None when there will be none."""
    expired_term: int
    """The last one that was said to have lapsed."""
    expires_at: datetime | None
    """When it is to be said that it has lapsed; None when that is said, or will not be."""
    owed_minor: int
    """By credit notes, and not paid out."""
    recognised_until: date | None
    """The first day that is not closed, as far as something was earned before it."""
    open_day: date | None
    """The next day to close; None when nothing is left to earn."""
    created_at: datetime
    changed_at: datetime
    position: int
    last_position: int


class LicenceTermRow(Row):
    term_id: str
    """The licence's id and the number."""
    licence_id: str
    number: int
    starts_at: datetime
    ends_at: datetime
    months: int
    quote_id: str
    backdated: bool
    grant_given: dict[str, Any]
    """What it grants now, as facts spell it."""
    given_at: datetime
    position: int


class LicenceInvoiceRow(Row):
    invoice_id: str
    licence_id: str
    org_id: str
    number: str
    kind: str
    term: int
    currency: str
    net_minor: int
    tax_minor: int
    paid_minor: int
    credited_minor: int
    written_off_minor: int
    """And not come back; as the others, with tax."""
    open_minor: int
    deferred_minor: int
    """Left to earn."""
    period_start: datetime
    period_end: datetime
    earns_from: date
    """The first day on which some of it can be earned: of its period, or when it was written."""
    issued_at: datetime
    due_at: datetime
    position: int
    last_position: int


class LicencePaymentRow(Row):
    """A payment by card, as the licence has it: also of a licence that is yet to be bought."""

    payment_id: str
    licence_id: str
    org_id: str
    user_id: str
    invoice_id: str
    """Empty for a licence that is to be bought."""
    amount_minor: int
    currency: str
    status: Literal["reserved", "ending", "released", "told"]
    """`told` has brought money, of which `kept_minor` is left."""
    kept_minor: int
    expires_at: datetime
    position: int
    last_position: int


LICENCES = Table("licences", LicenceRow, ("licence_id",))
LICENCE_TERMS = Table("licence_terms", LicenceTermRow, ("term_id",))
LICENCE_INVOICES = Table("licence_invoices", LicenceInvoiceRow, ("invoice_id",))
LICENCE_PAYMENTS = Table("licence_payments", LicencePaymentRow, ("payment_id",))
