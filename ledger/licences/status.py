"""What a licence is at a moment: a pure function of facts and time, so that nothing has to run for it.

A term and its grace end when they end; that a worker records it later changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from ledger.licences.state import Licence

Status = Literal["", "quoted", "created", "active", "grace", "suspended", "expired", "revoked"]
"""`created` is issued and not activated; `grace` is over, and works for a while; `expired` has lapsed."""

NOTICES = (30, 7, 1, 0)
"""Days before the expiry; 0 when it has come."""


def status_at(licence: Licence, now: datetime) -> Status:
    if (last := licence.last) is None:
        return "quoted" if licence.quote else ""
    if licence.revoked:
        return "revoked"
    if licence.suspended:
        return "suspended"
    if has_lapsed(licence, now):
        return "expired"
    if not licence.activated:
        return "created"
    return "active" if now < last.term.ends_at else "grace"


def has_lapsed(licence: Licence, now: datetime) -> bool:
    end = lapses_at(licence)
    return end is not None and now >= end


def lapses_at(licence: Licence) -> datetime | None:
    """The end of the grace, or of the quote for a renewal that bridges it; None before the first term."""
    if (last := licence.last) is None:
        return None
    end = last.term.ends_at + timedelta(days=last.grant.grace_days)
    quote = licence.quote
    return max(end, quote.valid_until) if quote and quote.bridges else end


def notice_due(licence: Licence, now: datetime) -> int | None:
    """The one notice of the last term that is due, in days before its end; those that were missed before it
    are not made up for. None when there is none, or it was given.
    """
    last = licence.last
    if last is None or licence.revoked:
        return None
    term = last.term
    reached = [days for days in NOTICES if term.starts_at < term.ends_at - timedelta(days=days) <= now]
    if not reached:
        return None
    given = licence.noticed_days if licence.noticed_term == term.number else None
    return min(reached) if given is None or min(reached) < given else None
