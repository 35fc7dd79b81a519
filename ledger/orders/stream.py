"""How the stream of one order of an organisation is called: by the order's id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("order")
stream_of = KIND.stream_of
id_of = KIND.id_of
