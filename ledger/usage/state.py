"""What is used of one metric. `evolve` takes any history and never fails."""

from __future__ import annotations

from functools import reduce
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.persistent import PersistentMap, PersistentSet
from ledger.usage.events import (
    LevelMeasured,
    UsageAlerted,
    UsageCounted,
    UsageEvent,
    UsageLeased,
    UsageLeaseEnded,
    UsersCounted,
)
from ledger.usage.sequences import Ranges, added


class Level(Struct, frozen=True):
    sequence: int
    level: int


class Usage(Struct, frozen=True):
    """Of a month; of a level, up to now."""

    used: int = 0
    as_of: int = 0
    """The most facts of the licence that something was counted with."""
    counted: PersistentMap[Ranges] = PersistentMap()
    """Of a counter: by source, the numbers that were counted."""
    users: PersistentSet = PersistentSet()
    levels: PersistentMap[Level] = PersistentMap()
    """By source."""
    month: str = ""
    """Of a level: the last one in which it was measured, and the most of it."""
    peak: int = 0
    alerted_month: str = ""
    """The last alert."""
    alerted_limit: int = 0
    alerted_percent: int = 0
    leases: PersistentMap[int] = PersistentMap()
    """Of a counter: blocks that are set aside, by number as text."""
    leased: int = 0
    """All of them."""
    leases_given: int = 0

    @property
    def taken(self) -> int:
        """What is used or set aside."""
        return self.used + self.leased

    def peak_in(self, month: str) -> int:
        """What a month begins with is the least that it can have."""
        return self.peak if month == self.month else self.used

    def alerted(self, month: str, limit: int) -> int:
        """The highest percentage of `limit` that was said; 0 for none."""
        same = (month, limit) == (self.alerted_month, self.alerted_limit)
        return self.alerted_percent if same else 0


def evolve(  # noqa: PLR0911 - one answer for each fact of a closed union
    usage: Usage, event: UsageEvent
) -> Usage:
    match event:
        case UsageCounted() if event.lease:
            ended = _ended(usage, event.lease)
            return replace(ended, used=event.used, as_of=max(usage.as_of, event.as_of))
        case UsageCounted():
            ranges = reduce(added, event.sequences, usage.counted.get(event.source, ()))
            counted = usage.counted.put(event.source, ranges)
            return replace(usage, used=event.used, counted=counted, as_of=max(usage.as_of, event.as_of))
        case UsersCounted():
            users = reduce(PersistentSet.add, event.users, usage.users)
            return replace(usage, used=event.used, users=users, as_of=max(usage.as_of, event.as_of))
        case LevelMeasured():
            return replace(
                usage,
                used=event.used,
                levels=usage.levels.put(event.source, Level(event.sequence, event.level)),
                month=event.month,
                peak=event.peak,
                as_of=max(usage.as_of, event.as_of),
            )
        case UsageAlerted():
            return replace(
                usage,
                alerted_month=event.month,
                alerted_limit=event.limit,
                alerted_percent=event.percent,
            )
        case UsageLeased():
            return replace(
                usage,
                leases=usage.leases.put(str(event.lease), event.quantity),
                leased=usage.leased + event.quantity,
                leases_given=event.lease,
                as_of=max(usage.as_of, event.as_of),
            )
        case UsageLeaseEnded():
            return _ended(usage, event.lease)
        case _:
            assert_never(event)


def _ended(usage: Usage, lease: int) -> Usage:
    quantity = usage.leases.get(str(lease)) or 0
    return replace(usage, leases=usage.leases.without(str(lease)), leased=usage.leased - quantity)
