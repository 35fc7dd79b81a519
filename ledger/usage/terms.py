"""What a licence says of a metric: with what a command about its usage is decided."""

from __future__ import annotations

from datetime import datetime, timedelta

from ledger.licences.state import Licence, granted_at
from ledger.licences.status import status_at
from ledger.usage.commands import UsageTerms
from ledger.usage.metrics import span_of


def terms_of(licence: Licence, metric: str, month: str, now: datetime) -> UsageTerms:
    """By the grant of the month; of one that is over, as it was at its end."""
    _, end = span_of(month)
    granted = granted_at(licence, min(now, end - timedelta(microseconds=1)))
    allowance = granted.grant.allowance(metric) if granted else None
    status = status_at(licence, now) or ""
    if allowance is None:
        return UsageTerms(as_of=licence.facts, status=status, granted=False)
    return UsageTerms(
        as_of=licence.facts, status=status, granted=True, limit=allowance.limit, soft=allowance.soft
    )
