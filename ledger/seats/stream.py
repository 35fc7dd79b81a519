"""How the stream of a licence's seats is called: by the licence's id. Who want its last seat meet there."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("seats")
stream_of = KIND.stream_of
id_of = KIND.id_of
