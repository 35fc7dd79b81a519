"""What time it is: the machine's, or the sandbox's, which a demonstration can push forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
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


CLOSE_S = 5.0
"""How far clocks may differ: Stripe's Date header tells whole seconds, and an answer takes a moment."""


def ahead_s(date_header: str, sent: float, received: float) -> float | None:
    """How far our clock is ahead of the one that wrote an HTTP date between two of our Unix times."""
    try:
        theirs = parsedate_to_datetime(date_header).timestamp()
    except (ValueError, TypeError):
        return None
    return (sent + received) / 2 - (theirs + 0.5)  # the header leaves out the fraction of its second
