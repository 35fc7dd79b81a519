"""Endpoints of others, to which we send webhooks."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.endpoints.decider import ENDPOINT
from ledger.endpoints.permissions import MAY_SEND
from ledger.endpoints.stream import KIND

DOMAIN = Domain(name="endpoints", stream=KIND, decider=ENDPOINT, may_send=MAY_SEND)
