"""How the stream of one coupon is called: by its code, so that all who want the last use meet in it."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("coupon")
stream_of = KIND.stream_of
id_of = KIND.id_of
