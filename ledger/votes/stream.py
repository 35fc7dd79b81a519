"""How the stream of the votes on one review is called: by the review's id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("votes")
stream_of = KIND.stream_of
