"""The row of a licence, and what each fact makes of it. The rules of time are the ledger's own."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ledger.licences.events import (
    LicenceActivated,
    LicenceCardPaymentTold,
    LicenceCredited,
    LicenceCreditPaidOut,
    LicenceEvent,
    LicenceExpired,
    LicenceIssued,
    LicenceNoticeDue,
    LicenceQuoted,
    LicenceReinstated,
    LicenceRenewed,
    LicenceRevoked,
    LicenceSuspended,
    LicenceUpgraded,
)
from ledger.licences.status import lapse, notice_at, notices_left
from ledger.licences.terms import Term
from ledger.message import Recorded
from projections.licences.tables import LicenceRow, LicenceTermRow

Begins = LicenceQuoted | LicenceIssued


def begin(recorded: Recorded, event: Begins) -> LicenceRow:
    at = recorded.metadata.effective_at
    return LicenceRow(
        licence_id=event.licence_id,
        org_id=event.org_id,
        term=0,
        tier=event.grant.tier,
        currency=event.grant.currency,
        starts_at=None,
        ends_at=None,
        lapses_at=None,
        activated_at=None,
        suspended=False,
        reason="",
        revoked_at=None,
        quote_id="",
        quote_valid_until=None,
        quote={},
        bridged_until=None,
        grace_days=0,
        noticed_days=None,
        notice_at=None,
        expired_term=0,
        expires_at=None,
        owed_minor=0,
        recognised_until=None,
        open_day=None,
        created_at=at,
        changed_at=at,
        position=recorded.position,
        last_position=recorded.position,
    )


def quote(row: LicenceRow, event: LicenceQuoted) -> None:
    row.quote_id, row.quote_valid_until = event.quote_id, event.valid_until
    row.quote = msgspec.to_builtins(event)
    row.bridged_until = event.valid_until if event.bridges else None
    if not row.term:
        row.tier, row.currency = event.grant.tier, event.grant.currency


def give(row: LicenceRow, event: LicenceIssued | LicenceRenewed) -> None:
    term = event.term
    row.term, row.tier, row.currency = term.number, event.grant.tier, event.grant.currency
    row.starts_at, row.ends_at = row.starts_at or term.starts_at, term.ends_at
    row.grace_days, row.noticed_days = event.grant.grace_days, None
    row.quote_id, row.quote_valid_until, row.quote, row.bridged_until = "", None, {}, None


def term_row(recorded: Recorded, event: LicenceIssued | LicenceRenewed) -> LicenceTermRow:
    return LicenceTermRow(
        term_id=term_id(event.licence_id, event.term.number),
        licence_id=event.licence_id,
        number=event.term.number,
        starts_at=event.term.starts_at,
        ends_at=event.term.ends_at,
        months=event.term.months,
        quote_id=event.quote_id,
        backdated=isinstance(event, LicenceRenewed) and event.backdated,
        grant_given=msgspec.to_builtins(event.grant),
        given_at=recorded.metadata.effective_at,
        position=recorded.position,
    )


def term_id(licence_id: str, number: int) -> str:
    return f"{licence_id}:{number}"


def advance(  # noqa: C901 - a line or two for each fact
    row: LicenceRow, event: LicenceEvent, at: datetime
) -> None:
    match event:
        case LicenceActivated():
            row.activated_at = at
        case LicenceSuspended(reason=reason):
            row.suspended, row.reason = True, reason
        case LicenceReinstated(reason=reason):
            row.suspended, row.reason = False, reason
        case LicenceRevoked(reason=reason):
            row.revoked_at, row.reason = at, reason
            row.quote_id, row.quote_valid_until, row.quote, row.bridged_until = "", None, {}, None
        case LicenceUpgraded() if row.term in event.terms:
            row.tier, row.grace_days = event.grant.tier, event.grant.grace_days
        case LicenceNoticeDue() if event.term == row.term:
            row.noticed_days = event.days
        case LicenceExpired(term=term):
            row.expired_term = term
        case LicenceCredited():
            total = event.deferred_minor + event.recognised_minor + event.tax_minor
            row.owed_minor += total - event.receivable_minor
        case LicenceCreditPaidOut(amount_minor=amount):
            row.owed_minor -= amount
        case LicenceCardPaymentTold(credited_minor=credited):
            row.owed_minor += credited
        case _:
            pass


def keep_time(row: LicenceRow, last: LicenceTermRow | None) -> None:
    """When the clock has something to say of it next."""
    if last is None:
        return
    term = Term(
        number=last.number,
        starts_at=last.starts_at,
        ends_at=last.ends_at,
        months=last.months,
        anchor_at=last.starts_at,
        reach_months=last.months,
    )
    row.lapses_at = lapse(term, row.grace_days, row.bridged_until)
    if row.revoked_at is not None:
        row.notice_at = row.expires_at = None
        return
    left = notices_left(term, row.noticed_days)
    row.notice_at = notice_at(term, left[0]) if left else None
    row.expires_at = row.lapses_at if row.expired_term < row.term else None
