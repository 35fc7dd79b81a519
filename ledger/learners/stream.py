"""How the stream of one learner is called: by the user's id."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("learner")
stream_of = KIND.stream_of
id_of = KIND.id_of
