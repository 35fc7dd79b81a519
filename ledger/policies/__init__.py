"""What must follow a fact outside the ledger, for all policies together."""

from __future__ import annotations

from ledger.message import Recorded
from ledger.policies import invoices, payments, subscriptions, webhooks
from ledger.policies.effects import Effect


def react(recorded: Recorded) -> tuple[Effect, ...]:
    """In a stable order: the outbox knows an effect by the fact's position and its index here."""
    return (
        payments.react(recorded)
        + webhooks.react(recorded)
        + subscriptions.react(recorded)
        + invoices.react(recorded)
    )
