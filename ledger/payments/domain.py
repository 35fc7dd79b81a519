"""Payments by card, with their refunds and disputes."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.payments.decider import PAYMENT
from ledger.payments.permissions import MAY_SEND, check_sender
from ledger.payments.policy import react
from ledger.payments.postings import ENTRIES
from ledger.payments.stream import KIND

DOMAIN = Domain(
    name="payments",
    stream=KIND,
    decider=PAYMENT,
    may_send=MAY_SEND,
    check_sender=check_sender,
    react=react,
    entries=ENTRIES,
)
