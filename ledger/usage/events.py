"""Facts about what is used of a licence. `beyond` is what is above a soft limit, and to be billed."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event
from ledger.usage.sequences import Range


class UsageCounted(Event, frozen=True, kw_only=True):
    """What a batch adds to a counter, all items in one."""

    TYPE: ClassVar[str] = "usage.counted.v1"
    licence_id: str
    org_id: str
    metric: str
    month: str
    source: str
    sequences: tuple[Range, ...]
    """The numbers that were counted."""
    quantity: int
    used: int
    """With it, in the month."""
    limit: int | None
    as_of: int
    beyond: int = 0
    """How many of `quantity` are above the limit."""
    lease: int = 0
    """The one that ends with it; 0 for what a source said."""


class UsersCounted(Event, frozen=True, kw_only=True):
    """Users who were not active before in the month."""

    TYPE: ClassVar[str] = "usage.users_counted.v1"
    licence_id: str
    org_id: str
    metric: str
    month: str
    users: tuple[str, ...]
    used: int
    limit: int | None
    as_of: int
    beyond: int = 0
    """How many of `users` are above the limit."""


class LevelMeasured(Event, frozen=True, kw_only=True):
    """What a source has now, and all sources together."""

    TYPE: ClassVar[str] = "usage.level_measured.v1"
    licence_id: str
    org_id: str
    metric: str
    month: str
    source: str
    sequence: int
    level: int
    used: int
    peak: int
    """The most that all had in the month, from what it began with."""
    limit: int | None
    as_of: int
    beyond: int = 0
    """How much of `peak` is above the limit."""


class UsageAlerted(Event, frozen=True, kw_only=True):
    """Once for each month, limit and percentage; of two that are reached at once, the higher."""

    TYPE: ClassVar[str] = "usage.alerted.v1"
    licence_id: str
    org_id: str
    metric: str
    month: str
    percent: int
    used: int
    limit: int


class UsageLeased(Event, frozen=True, kw_only=True):
    """A block of a counter is set aside. It is not used by that, and nobody else can use it."""

    TYPE: ClassVar[str] = "usage.leased.v1"
    licence_id: str
    org_id: str
    metric: str
    month: str
    lease: int
    """Its number in the month, from 1 on."""
    quantity: int
    limit: int | None
    as_of: int


class UsageLeaseEnded(Event, frozen=True, kw_only=True):
    """Nothing of the block was used; of one that was, `UsageCounted` tells the end."""

    TYPE: ClassVar[str] = "usage.lease_ended.v1"
    licence_id: str
    org_id: str
    metric: str
    month: str
    lease: int


UsageEvent = UsageCounted | UsersCounted | LevelMeasured | UsageAlerted | UsageLeased | UsageLeaseEnded
