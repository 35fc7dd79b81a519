"""How the stream of one user's visibility is called: by the user's id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("visibility")
stream_of = KIND.stream_of
