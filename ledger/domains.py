"""Every domain of the ledger in one place: what can be asked, by which rules, and what can be recorded."""

from __future__ import annotations

from typing import Any

from ledger.customers.decider import CUSTOMER
from ledger.invoices.decider import INVOICE
from ledger.message import Command, Decider, Event
from ledger.payments.decider import PAYMENT
from ledger.payouts.decider import PAYOUT
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.webhooks.decider import WEBHOOK

AnyDecider = Decider[Any, Any, Any]

DECIDERS: tuple[AnyDecider, ...] = (PAYMENT, CUSTOMER, WEBHOOK, PAYOUT, SUBSCRIBER, INVOICE)

EVENT_TYPES: tuple[type[Event], ...] = tuple(event for decider in DECIDERS for event in decider.events)
"""All that may stand in the store. A replaced version stays here, and upcasts to its successor."""

_DECIDER_OF: dict[type[Command], AnyDecider] = {
    command: decider for decider in DECIDERS for command in decider.commands
}


def decider_of(command_type: type[Command]) -> AnyDecider:
    """Raises `KeyError` for a command of no domain: a programmer's fault."""
    return _DECIDER_OF[command_type]
