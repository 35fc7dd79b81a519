"""What instructors earn by sales, when it is theirs to have, and what they are paid of it."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.earnings.decider import EARNINGS
from ledger.earnings.permissions import MAY_SEND
from ledger.earnings.policy import react
from ledger.earnings.postings import ENTRIES
from ledger.earnings.stream import KIND

DOMAIN = Domain(
    name="earnings", stream=KIND, decider=EARNINGS, may_send=MAY_SEND, react=react, entries=ENTRIES
)
