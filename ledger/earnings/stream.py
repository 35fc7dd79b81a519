"""How the stream of one instructor's earnings in one currency is called. Currencies are never added."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("earnings")


def stream_of(user_id: str, currency: str) -> str:
    return KIND.stream_of(f"{user_id}-{currency}")
