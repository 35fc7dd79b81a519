"""Licences of organisations, their terms and their invoices."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.licences.decider import LICENCE
from ledger.licences.permissions import MAY_SEND, check_sender
from ledger.licences.policy import react
from ledger.licences.postings import ENTRIES
from ledger.licences.stream import KIND

DOMAIN = Domain(
    name="licences",
    stream=KIND,
    decider=LICENCE,
    may_send=MAY_SEND,
    check_sender=check_sender,
    react=react,
    entries=ENTRIES,
)
