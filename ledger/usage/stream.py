"""How the streams of a licence's usage are called: by licence, metric and month; a level has no month."""

from __future__ import annotations

from ledger.stream import StreamKind
from ledger.usage.metrics import LEVELS

KIND = StreamKind("usage")


def stream_of(licence_id: str, metric: str, month: str) -> str:
    """A level goes on from month to month, so that there is nothing to carry over."""
    return KIND.stream_of(f"{licence_id}-{metric}-{'level' if metric in LEVELS else month}")
