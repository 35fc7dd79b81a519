"""Generic cell rate algorithm, in the memory of one process.

Exact with one server process. With several, each allows the full rate, so a caller may get up to that many
times more: the limit protects a process from one caller, it does not bill. A shared table was measured at
ten times the cost of everything else in a request.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

BOUND = 100_000


class Verdict(msgspec.Struct, frozen=True):
    """Whether to serve, how many requests are left at once, and seconds until one more (or all) is free."""

    allowed: bool
    left: int
    reset_s: int


class RateLimit:
    """`per_minute` in the long run, `burst` at once. https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm

    `name` is that of its policy in the headers that tell of it.
    """

    def __init__(
        self,
        per_minute: int,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        name: str = "default",
    ) -> None:
        self.name = name
        self.policy = f'"{name}";q={burst};w={max(1, round(burst * 60 / per_minute))}'
        self._interval = 60 / per_minute
        self._window = burst * self._interval
        self._clock = clock
        self._due: OrderedDict[str, float] = OrderedDict()
        """Caller → the time at which its debt is paid off ("theoretical arrival time"), oldest use first."""

    def give_back(self, caller: str) -> None:
        """What was taken just now, for a request that is counted elsewhere."""
        if caller in self._due:
            self._due[caller] -= self._interval

    def take(self, caller: str) -> Verdict:
        now = self._clock()
        due = max(self._due.pop(caller, now), now)
        allowed = due + self._interval <= now + self._window + 1e-9
        due += self._interval if allowed else 0.0
        self._due[caller] = due
        if len(self._due) > BOUND:
            self._due.popitem(last=False)
        if not allowed:
            return Verdict(
                allowed=False, left=0, reset_s=max(1, math.ceil(due + self._interval - now - self._window))
            )
        return Verdict(
            allowed=True,
            left=int((self._window - (due - now)) / self._interval + 1e-9),
            reset_s=math.ceil(due - now),
        )
