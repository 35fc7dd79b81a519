"""How the stream of the answer to one dispute is called: by Stripe's id of the dispute, be it of a payment or
of an invoice. What the dispute does to the money is told in their streams.
"""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("dispute")
stream_of = KIND.stream_of
id_of = KIND.id_of
