"""How the stream of two users is called: by both ids, the lesser first, so that requests which cross meet
in it.
"""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("friendship")
_BETWEEN = "~"
"""No user's id has it, while any may have a hyphen: `a-b` and `c` are not `a` and `b-c`."""


def stream_of(one_id: str, other_id: str) -> str:
    lesser, greater = sorted((one_id, other_id))
    return KIND.stream_of(f"{lesser}{_BETWEEN}{greater}")
