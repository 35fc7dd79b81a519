"""Visibility: on boards not at all, by an opaque id, or by name."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.visibility.decider import VISIBILITY
from ledger.visibility.permissions import MAY_SEND
from ledger.visibility.stream import KIND

DOMAIN = Domain(name="visibility", stream=KIND, decider=VISIBILITY, may_send=MAY_SEND)
