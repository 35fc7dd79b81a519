"""Orders of courses that an organisation makes for its members, each with its invoice."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.orders.decider import ORDER
from ledger.orders.permissions import MAY_SEND
from ledger.orders.policy import react
from ledger.orders.postings import ENTRIES
from ledger.orders.stream import KIND

DOMAIN = Domain(name="orders", stream=KIND, decider=ORDER, may_send=MAY_SEND, react=react, entries=ENTRIES)
