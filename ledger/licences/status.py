"""What a licence is at a moment: a pure function of facts and time, so that nothing has to run for it.

A term and its grace end when they end; that a worker records it later changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from ledger.licences.state import Licence
from ledger.licences.terms import Term

Status = Literal["quoted", "created", "active", "grace", "suspended", "expired", "revoked"]
"""`created` is issued and not activated; `grace` is over, and works for a while; `expired` has lapsed."""

NOTICES = (30, 7, 1, 0)
"""Days before the expiry; 0 when it has come."""


class Standing(Struct, frozen=True, kw_only=True):
    """What a status depends on, beside the time."""

    revoked: bool
    suspended: bool
    activated: bool
    ends_at: datetime
    """Of the last term."""
    lapses_at: datetime

    def status_at(self, now: datetime) -> Status:
        if self.revoked:
            return "revoked"
        if self.suspended:
            return "suspended"
        if now >= self.lapses_at:
            return "expired"
        if not self.activated:
            return "created"
        return "active" if now < self.ends_at else "grace"


def status_at(licence: Licence, now: datetime) -> Status | None:
    """None of a licence that there is not."""
    last, lapse = licence.last, lapses_at(licence)
    if last is None or lapse is None:
        return "quoted" if licence.quote else None
    standing = Standing(
        revoked=licence.revoked,
        suspended=licence.suspended,
        activated=licence.activated,
        ends_at=last.term.ends_at,
        lapses_at=lapse,
    )
    return standing.status_at(now)


def has_lapsed(licence: Licence, now: datetime) -> bool:
    end = lapses_at(licence)
    return end is not None and now >= end


def lapses_at(licence: Licence) -> datetime | None:
    """The end of the grace, or of the quote for a renewal that bridges it; None before the first term."""
    if (last := licence.last) is None:
        return None
    quote = licence.quote
    return lapse(last.term, last.grant.grace_days, quote.valid_until if quote and quote.bridges else None)


def lapse(term: Term, grace_days: int, bridged_until: datetime | None) -> datetime:
    end = term.ends_at + timedelta(days=grace_days)
    return max(end, bridged_until) if bridged_until else end


def notices_left(term: Term, given: int | None) -> list[int]:
    """Those that may yet come of a term, the first one first; `given` is the last that was."""
    return [
        days for days in NOTICES if term.starts_at < notice_at(term, days) and (given is None or days < given)
    ]


def notice_at(term: Term, days: int) -> datetime:
    return term.ends_at - timedelta(days=days)


def notice_due(licence: Licence, now: datetime) -> int | None:
    """The one notice of the last term that is due, in days before its end; those that were missed before it
    are not made up for. None when there is none, or it was given.
    """
    last = licence.last
    if last is None or licence.revoked:
        return None
    term = last.term
    given = licence.noticed_days if licence.noticed_term == term.number else None
    return min((days for days in notices_left(term, given) if notice_at(term, days) <= now), default=None)
