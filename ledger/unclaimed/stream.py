"""How the stream of one unclaimed movement is called: by the id of Stripe's balance transaction."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("unclaimed")
stream_of = KIND.stream_of
id_of = KIND.id_of
