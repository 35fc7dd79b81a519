"""Users' subscriptions."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.permissions import MAY_SEND
from ledger.subscriptions.policy import react
from ledger.subscriptions.stream import KIND

DOMAIN = Domain(
    name="subscriptions",
    stream=KIND,
    decider=SUBSCRIBER,
    may_send=MAY_SEND,
    react=react,
)
