"""What can be asked of a licence's usage."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from ledger.message import Command


class UsageTerms(Struct, frozen=True, kw_only=True):
    """What the licence says of the metric, as of its state when the command was made."""

    as_of: int
    """How many facts of the licence are in it."""
    status: str
    granted: bool
    limit: int | None = None
    """None is without limit."""
    soft: bool = False
    """What is beyond the limit is counted, and billed."""


class Item(Struct, frozen=True, kw_only=True):
    """One increment of a counter, one user who was active, or what a source's level is."""

    sequence: int = 0
    """The source's own, from 1 on: a repeat has the number of the first time. Users need none."""
    quantity: int = 0
    user_id: str = ""


class RecordUsage(Command, frozen=True, kw_only=True):
    """Items of one metric and month, judged one by one in their order."""

    NAME: ClassVar[str] = "usage.record"
    licence_id: str
    org_id: str
    metric: str
    month: str
    source: str
    items: tuple[Item, ...]
    terms: UsageTerms


class LeaseUsage(Command, frozen=True, kw_only=True):
    """To set a block of a counter aside, which a process then counts in memory."""

    NAME: ClassVar[str] = "usage.lease"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"wanted", "terms"})
    licence_id: str
    org_id: str
    metric: str
    month: str
    wanted: int
    """At most so many."""
    terms: UsageTerms


class SettleLease(Command, frozen=True, kw_only=True):
    """To end a block with what was used of it; what the licence has become meanwhile refuses nothing."""

    NAME: ClassVar[str] = "usage.settle_lease"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"terms"})
    licence_id: str
    org_id: str
    metric: str
    month: str
    lease: int
    used: int
    terms: UsageTerms


UsageCommand = RecordUsage | LeaseUsage | SettleLease
