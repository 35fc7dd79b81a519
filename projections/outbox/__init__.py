"""Effects waiting: put here by the projection, delivered by the worker, watched by an operator."""

from __future__ import annotations

from projections.outbox.backfilling import Backfill, backfill
from projections.outbox.delivery import Claimed, Key, claim, delivered, delivered_early, park, retry
from projections.outbox.projection import Outbox
from projections.outbox.upkeep import (
    Depth,
    Parked,
    depth,
    oldest_overdue,
    parked,
    prune,
    requeue,
    requeue_about,
    take_up_unreadable,
)

__all__ = [
    "Backfill",
    "Claimed",
    "Depth",
    "Key",
    "Outbox",
    "Parked",
    "backfill",
    "claim",
    "delivered",
    "delivered_early",
    "depth",
    "oldest_overdue",
    "park",
    "parked",
    "prune",
    "requeue",
    "requeue_about",
    "retry",
    "take_up_unreadable",
]
