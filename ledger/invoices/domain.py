"""Invoices of subscriptions, with what was earned of them."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.invoices.decider import INVOICE
from ledger.invoices.permissions import MAY_SEND, check_sender
from ledger.invoices.policy import react
from ledger.invoices.postings import ENTRIES
from ledger.invoices.stream import KIND

DOMAIN = Domain(
    name="invoices",
    stream=KIND,
    decider=INVOICE,
    may_send=MAY_SEND,
    check_sender=check_sender,
    react=react,
    entries=ENTRIES,
)
