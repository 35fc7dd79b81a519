"""How the stream of all subscriptions of one user is called: by the user's id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("subscriber")
stream_of = KIND.stream_of
id_of = KIND.id_of
