"""How the stream of one payout of a connected account is called: by the id that Stripe gave it."""

from __future__ import annotations

from ledger.stream import StreamKind

KIND = StreamKind("bank_payout")
stream_of = KIND.stream_of
id_of = KIND.id_of
