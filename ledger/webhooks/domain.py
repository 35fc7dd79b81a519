"""What Stripe tells us, event by event."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.webhooks.decider import WEBHOOK
from ledger.webhooks.permissions import MAY_SEND
from ledger.webhooks.policy import react
from ledger.webhooks.stream import KIND

DOMAIN = Domain(
    name="webhooks",
    stream=KIND,
    decider=WEBHOOK,
    may_send=MAY_SEND,
    react=react,
)
