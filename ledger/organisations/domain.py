"""Organisations: their members with their roles, who is invited, and classes."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.organisations.decider import ORGANISATION
from ledger.organisations.permissions import MAY_SEND, check_sender
from ledger.organisations.stream import KIND

DOMAIN = Domain(
    name="organisations", stream=KIND, decider=ORGANISATION, may_send=MAY_SEND, check_sender=check_sender
)
