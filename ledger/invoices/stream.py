"""How the stream of one invoice is called: by the id that Stripe gave it."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("invoice")
stream_of = KIND.stream_of
id_of = KIND.id_of
