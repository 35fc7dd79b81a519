"""Whether a licence gives anything now: what its seats, its features and its usage ask before all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ledger.errors import Forbidden

LIVE = frozenset({"active", "grace"})


class LicenceNotLive(Forbidden):
    """The licence is not activated, is suspended, has lapsed or was revoked."""

    code: ClassVar[str] = "licence_not_live"
    remedy: ClassVar[str] = "Have it activated, reinstated or renewed, as `detail` tells."


_WHY: Mapping[str | None, str] = {
    "quoted": "is quoted and not issued",
    "created": "is not activated yet",
    "suspended": "is suspended",
    "expired": "has ended, and its grace is over",
    "revoked": "is revoked, for good",
}


def check_live(status: str | None) -> None:
    """Raises `LicenceNotLive`. `status` is of `ledger.licences.status`, None for a licence that is none."""
    if status not in LIVE:
        raise LicenceNotLive(f"This licence {_WHY.get(status, 'is not known')}.")
