"""Tokens: what learners and authors earn by activity, and spend on rewards."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.tokens.decider import TOKENS
from ledger.tokens.permissions import MAY_SEND, check_sender
from ledger.tokens.policy import react
from ledger.tokens.postings import ENTRIES
from ledger.tokens.stream import KIND

DOMAIN = Domain(
    name="tokens",
    stream=KIND,
    decider=TOKENS,
    may_send=MAY_SEND,
    check_sender=check_sender,
    react=react,
    entries=ENTRIES,
)
