"""What Stripe's last answers to this process were like. Nothing is asked for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from api.clock import CLOSE_S, ahead_s

FAILURES = 3
"""So many in a row say that Stripe is away; one is the network's weather."""
LATELY_S = 900.0
"""What is older says nothing of now. The worker asks Stripe at least as often."""
_UNAUTHENTICATED = 401
_SERVER_ERROR = 500


class Contact:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._refused = False
        self._ahead_s: float | None = None
        self._at = float("-inf")

    def answered(self, status: int, headers: Mapping[str, str], sent: float, received: float) -> None:
        """`sent` and `received` are Unix times."""
        if status >= _SERVER_ERROR:
            self.failed()
            return
        date = next((value for name, value in headers.items() if name.lower() == "date"), "")
        self._failures, self._refused, self._at = 0, status == _UNAUTHENTICATED, self._clock()
        self._ahead_s = ahead_s(date, sent, received)

    def failed(self) -> None:
        self._failures += 1
        self._at = self._clock()

    def worrying(self) -> list[str]:
        """What is wrong between Stripe and us, for anybody's eyes: no address, no key."""
        if self._clock() - self._at > LATELY_S:
            return []
        far = self._ahead_s is not None and abs(self._ahead_s) > CLOSE_S
        return [
            sentence
            for sentence, so in (
                ("Stripe does not answer", self._failures >= FAILURES),
                ("Stripe refuses the key", self._refused),
                (f"the clock differs from Stripe's by more than {CLOSE_S:.0f} s", far),
            )
            if so
        ]
