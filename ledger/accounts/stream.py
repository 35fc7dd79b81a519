"""How the stream of one user's connected accounts is called: by the user's id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("account")
stream_of = KIND.stream_of
id_of = KIND.id_of
