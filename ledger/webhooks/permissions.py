"""Who may send which command about a Stripe event."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.message import Command
from ledger.roles import SYSTEM
from ledger.webhooks.commands import ReceiveWebhook, RecordWebhookApplied

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    ReceiveWebhook: SYSTEM,
    RecordWebhookApplied: SYSTEM,
}
