"""What is counted of a batch, item by item in their order: all of an item or nothing of it.

A number that was refused is not used up: its source takes it for what it uses next, or sends it again when
there is more to use.
"""

from __future__ import annotations

from ledger.usage.commands import RecordUsage, UsageTerms
from ledger.usage.events import LevelMeasured, UsageCounted, UsageEvent, UsersCounted
from ledger.usage.sequences import MOST_RANGES, Range, added, has, ranges_of
from ledger.usage.state import Level, Usage

USED_MAX = 10**18
"""Of one metric in a month, whatever the limit: what sources say comes to no more."""


def increments(command: RecordUsage, usage: Usage) -> UsageEvent | None:
    ranges, left = usage.counted.get(command.source, ()), space(command.terms, usage.taken)
    numbers, quantity = [], 0
    for item in command.items:
        if has(ranges, item.sequence) or item.quantity > left - quantity:
            continue
        grown = added(ranges, Range(item.sequence, item.sequence))
        if len(grown) <= MOST_RANGES:
            ranges = grown
            numbers.append(item.sequence)
            quantity += item.quantity
    if not numbers:
        return None
    used = usage.used + quantity
    return UsageCounted(
        licence_id=command.licence_id,
        org_id=command.org_id,
        metric=command.metric,
        month=command.month,
        source=command.source,
        sequences=ranges_of(numbers),
        quantity=quantity,
        used=used,
        limit=command.terms.limit,
        as_of=command.terms.as_of,
        beyond=beyond(command.terms, used) - beyond(command.terms, usage.used),
    )


def users(command: RecordUsage, usage: Usage) -> UsageEvent | None:
    left = room(command.terms, usage.taken)
    new = dict.fromkeys(one.user_id for one in command.items if one.user_id not in usage.users)
    counted = tuple(new)[:left]
    if not counted:
        return None
    used = usage.used + len(counted)
    return UsersCounted(
        licence_id=command.licence_id,
        org_id=command.org_id,
        metric=command.metric,
        month=command.month,
        users=counted,
        used=used,
        limit=command.terms.limit,
        as_of=command.terms.as_of,
        beyond=beyond(command.terms, used) - beyond(command.terms, usage.used),
    )


def level(command: RecordUsage, usage: Usage) -> UsageEvent | None:
    """The newest that the limit allows; what makes it less is always allowed."""
    known = usage.levels.get(command.source, Level(0, 0))
    newer = [one for one in command.items if one.sequence > known.sequence]
    allowed = [one for one in newer if _fits(command, usage, one.quantity - known.level)]
    if not allowed:
        return None
    latest = max(allowed, key=lambda one: one.sequence)
    used = usage.used + latest.quantity - known.level
    peak = max(used, usage.peak_in(command.month))
    return LevelMeasured(
        licence_id=command.licence_id,
        org_id=command.org_id,
        metric=command.metric,
        month=command.month,
        source=command.source,
        sequence=latest.sequence,
        level=latest.quantity,
        used=used,
        peak=peak,
        limit=command.terms.limit,
        as_of=command.terms.as_of,
        beyond=beyond(command.terms, peak),
    )


def _fits(command: RecordUsage, usage: Usage, more: int) -> bool:
    return more <= space(command.terms, usage.taken)


def room(terms: UsageTerms, taken: int) -> int | None:
    """How much may be added to what is used or set aside; None is without end."""
    return None if terms.limit is None or terms.soft else max(0, terms.limit - taken)


def space(terms: UsageTerms, taken: int) -> int:
    """How much a source may add: `room`, and never more in all than a table can hold."""
    left, most = room(terms, taken), max(0, USED_MAX - taken)
    return most if left is None else min(left, most)


def beyond(terms: UsageTerms, used: int) -> int:
    """How much of `used` is above a soft limit."""
    return max(0, used - terms.limit) if terms.soft and terms.limit is not None else 0
