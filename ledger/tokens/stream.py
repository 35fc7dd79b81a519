"""How the stream of one user's tokens is called: by the user's id. Awards, spending, expiry and claw-backs
are one decision after another in it.
"""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("tokens")
stream_of = KIND.stream_of
id_of = KIND.id_of
