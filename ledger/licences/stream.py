"""How the stream of one licence is called: by its id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("licence")
stream_of = KIND.stream_of
id_of = KIND.id_of
