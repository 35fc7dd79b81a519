"""By which numbers a month's use beyond soft limits is billed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from ledger.licence_tiers import Allowance
from ledger.licences.state import Granted, Licence, granted_at


def billed_by(licence: Licence, metric: str, since: datetime, until: datetime) -> Allowance | None:
    """The allowance of `until`, with the largest limit that there was from `since` on: what was within the
    limit when it was used is beyond none now, though a term with a smaller one has begun.
    """
    last = granted_at(licence, until)
    allowance = last.grant.allowance(metric) if last else None
    if last is None or allowance is None:
        return None
    before = (one.grant.allowance(metric) for one in _before(licence, last, since))
    limits = [allowance.limit, *(one.limit for one in before if one is not None)]
    finite = [one for one in limits if one is not None]
    return replace(allowance, limit=max(finite) if len(finite) == len(limits) else None)


def _before(licence: Licence, last: Granted, since: datetime) -> Iterator[Granted]:
    """The terms before `last` by which something could be used after `since`."""
    following = last
    while (one := licence.granted.get(str(following.term.number - 1))) is not None:
        if _ruled_until(one, following) <= since:
            return
        yield one
        following = one


def _ruled_until(one: Granted, following: Granted) -> datetime:
    """Until the next began, or was made in the grace of this one, as from its end on."""
    began = following.term.starts_at
    grace_ends = one.term.ends_at + timedelta(days=one.grant.grace_days)
    return min(max(began, following.at or began), grace_ends)
