"""How the stream of one user's streak is called: by the user's id, so that two devices meet in it."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("streak")
stream_of = KIND.stream_of
id_of = KIND.id_of
