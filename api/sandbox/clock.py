"""The sandbox's clock: the wall clock plus an offset, or standing still.

It never goes back, so `created` grows with every object of it. Jobs of the schedule carry the name of their
clock: `DEFAULT` for this one, else the id of one of Stripe's test clocks, which stand still until advanced.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

DEFAULT = ""
DAY_S = 86_400


class ClockSetting(msgspec.Struct, frozen=True):
    """What survives a restart. `frozen_at` is a Unix time when the clock stands still."""

    offset_s: int = 0
    frozen_at: int | None = None


class Clock:
    def __init__(
        self, setting: ClockSetting, *, not_before: int = 0, wall: Callable[[], float] = time.time
    ) -> None:
        self.setting = setting
        self._latest = not_before
        self._wall = wall

    def now(self) -> int:
        """Unix seconds, never less than the last answer."""
        setting = self.setting
        now = setting.frozen_at if setting.frozen_at is not None else int(self._wall()) + setting.offset_s
        self._latest = max(self._latest, now)
        return self._latest

    def move(self, to: int, *, frozen: bool) -> ClockSetting:
        """Raises ValueError when `to` lies in the sandbox's past."""
        if to < (now := self.now()):
            raise ValueError(f"the clock stands at {now} and cannot go back to {to}")
        self.setting = ClockSetting(offset_s=to - int(self._wall()), frozen_at=to if frozen else None)
        return self.setting


def midnight_after(moment: int, days: int) -> int:
    """00:00 UTC of the day that is `days` later; Stripe makes funds available at midnight UTC."""
    return (moment // DAY_S + days) * DAY_S
