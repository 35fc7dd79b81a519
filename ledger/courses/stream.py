"""How the stream of one course is called: by the course's id, which is ours."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("course")
stream_of = KIND.stream_of
id_of = KIND.id_of
