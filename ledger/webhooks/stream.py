"""How the stream of one Stripe event is called: by the id that Stripe gave it."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("webhook")
stream_of = KIND.stream_of
id_of = KIND.id_of
