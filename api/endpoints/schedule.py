"""What follows from an attempt: delivered, tried again when, given up, or nothing more for that endpoint."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Literal

import msgspec

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""After which an event is tried again, three days in all, as Standard Webhooks recommends."""
JITTER = 0.1
"""So much earlier or later, so that what failed together does not come back together."""
DISABLED_AFTER = timedelta(days=5)
"""Since when an endpoint has answered nothing but failures."""
GONE = 410

Fault = Literal["", "timed_out", "not_reached", "address_refused", "redirected", "refused", "no_key"]
"""Why an attempt failed: it took too long; there was no connection; it would have gone where none may; it
answered 3xx, which is not followed; it answered something else than 2xx; the service lacks the key to sign
with.
"""
State = Literal["pending", "delivered", "parked"]


class Answer(msgspec.Struct, frozen=True):
    """`status` is None where none came. Nothing else of an answer is kept."""

    status: int | None
    fault: Fault
    took_ms: int


class Next(msgspec.Struct, frozen=True):
    state: State
    due_at: datetime | None = None
    """Of one that is pending."""


def fault_of(status: int) -> Fault:
    if 200 <= status < 300:  # noqa: PLR2004  https://www.rfc-editor.org/rfc/rfc9110#section-15.3
        return ""
    return "redirected" if 300 <= status < 400 else "refused"  # noqa: PLR2004  as above


def after(answer: Answer, attempts: int, now: datetime) -> Next:
    """`attempts` with this one."""
    if not answer.fault:
        return Next("delivered")
    if attempts > len(RETRIES):
        return Next("parked")
    factor = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
    return Next("pending", now + RETRIES[attempts - 1] * factor)


def is_hopeless(failing_since: datetime | None, now: datetime) -> bool:
    return failing_since is not None and now - failing_since >= DISABLED_AFTER
