"""What is used of licences, by metric and month."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.usage.decider import USAGE
from ledger.usage.permissions import MAY_SEND
from ledger.usage.stream import KIND

DOMAIN = Domain(name="usage", stream=KIND, decider=USAGE, may_send=MAY_SEND)
