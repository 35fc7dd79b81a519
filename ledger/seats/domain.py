"""The seats of licences: who works with them, on which device."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.seats.decider import SEATS
from ledger.seats.permissions import MAY_SEND
from ledger.seats.policy import react
from ledger.seats.stream import KIND

DOMAIN = Domain(name="seats", stream=KIND, decider=SEATS, may_send=MAY_SEND, react=react)
