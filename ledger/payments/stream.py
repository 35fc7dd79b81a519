"""How the stream of one payment is called: by the payment's id, which is ours."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("payment")
stream_of = KIND.stream_of
id_of = KIND.id_of
