"""How the stream of one webhook endpoint of somebody else's is called: by its id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("endpoint")
stream_of = KIND.stream_of
id_of = KIND.id_of
