"""How the stream of one organisation is called: by its id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("organisation")
stream_of = KIND.stream_of
id_of = KIND.id_of
