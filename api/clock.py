"""What time it is: the machine's, or the sandbox's, which a demonstration can push forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SandboxClock:
    """The machine's clock moved by the offset at which the sandbox runs.

    Stripe's holds, retry windows and time limits then end when the sandbox says so.
    """

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def follow(self, sandbox_now: datetime) -> None:
        """Take over the time that the sandbox just told. Never back: facts are dated by this clock."""
        self.offset = max(self.offset, sandbox_now - datetime.now(UTC))
