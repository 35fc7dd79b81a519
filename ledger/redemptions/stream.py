"""How the stream of one reward is called: by its id, so that all who want the last item meet in it."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("reward")
stream_of = KIND.stream_of
id_of = KIND.id_of
