"""What moves at Stripe by nothing of ours."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.unclaimed.decider import UNCLAIMED
from ledger.unclaimed.permissions import MAY_SEND
from ledger.unclaimed.postings import ENTRIES
from ledger.unclaimed.stream import KIND

DOMAIN = Domain(
    name="unclaimed",
    stream=KIND,
    decider=UNCLAIMED,
    may_send=MAY_SEND,
    entries=ENTRIES,
)
