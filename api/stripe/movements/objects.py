"""A balance transaction with what it is about, as the sweep reads it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.stripe.objects import BalanceTransaction, Reference, id_of, instant
from ledger.effects import ApplyWebhook


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What moved the balance, expanded: a charge, a refund, a payout … Some have no id."""

    object: str
    id: str = ""
    payment_intent: Reference = None
    charge: Reference = None
    transfer: Reference = None


class Movement(BalanceTransaction, frozen=True, kw_only=True):
    type: str
    reporting_category: str
    balance_type: str = "payments"
    description: str | None = None
    source: str | Source | None = None

    @property
    def created_at(self) -> datetime:
        return instant(self.created)

    @property
    def source_id(self) -> str:
        return self.source if isinstance(self.source, str) else (self.source.id if self.source else "")


_TYPES = {
    "charge": "charge.updated",
    "refund": "refund.updated",
    "dispute": "charge.dispute.updated",
    "payout": "payout.updated",
    "transfer": "transfer.updated",
    "transfer_reversal": "transfer.updated",
}
"""By what moved the balance: the type of event that tells of it."""


def event_of(movement: Movement) -> ApplyWebhook | None:
    """What Stripe would have sent of it, without an event's id; None for what no fact of ours posts: a fee
    that is billed apart is a movement of its own, also where it names a dispute of ours.
    """
    source = movement.source
    if movement.reporting_category == "fee" or not isinstance(source, Source) or source.object not in _TYPES:
        return None
    return ApplyWebhook(
        stripe_event_id="",
        stripe_event_type=_TYPES[source.object],
        object_id=id_of(source.transfer) or source.id,
        payment_intent_id=id_of(source.payment_intent),
        charge_id=source.id if source.object == "charge" else id_of(source.charge),
    )
