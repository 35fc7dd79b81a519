"""How disputes of payments and of invoices are answered."""

from __future__ import annotations

from ledger.disputes.decider import DISPUTE_CASE
from ledger.disputes.permissions import MAY_SEND
from ledger.disputes.policy import react
from ledger.disputes.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(name="disputes", stream=KIND, decider=DISPUTE_CASE, may_send=MAY_SEND, react=react)
