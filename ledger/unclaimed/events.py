"""Facts about one movement of Stripe's balance that no fact of ours has posted."""

from __future__ import annotations

from typing import ClassVar

from ledger.balance import BalanceTransaction
from ledger.message import Event


class MovementFound(Event, frozen=True, kw_only=True):
    """Stripe's balance moved, and nothing of ours says why."""

    TYPE: ClassVar[str] = "unclaimed.found.v1"
    balance_transaction: BalanceTransaction
    kind: str
    reporting_category: str
    balance_type: str
    against: str
    """The account that it was posted against; 1090 when nobody knows what it was."""
    source_id: str = ""
    description: str = ""


class MovementFundsAvailable(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "unclaimed.funds_available.v1"
    balance_transaction_id: str
    currency: str
    net_minor: int


class MovementExplained(Event, frozen=True, kw_only=True):
    """`account` takes the gross and processing fees what Stripe kept of it, out of 1090."""

    TYPE: ClassVar[str] = "unclaimed.explained.v1"
    balance_transaction_id: str
    currency: str
    account: str
    amount_minor: int
    net_minor: int
    note: str = ""


class MovementExplanationWithdrawn(Event, frozen=True, kw_only=True):
    """The other way round: it is unexplained again."""

    TYPE: ClassVar[str] = "unclaimed.explanation_withdrawn.v1"
    balance_transaction_id: str
    currency: str
    account: str
    amount_minor: int
    net_minor: int


class MovementClaimed(Event, frozen=True, kw_only=True):
    """It was ours: `claimed_by` is the stream whose fact posts it, and all that stood here is taken back."""

    TYPE: ClassVar[str] = "unclaimed.claimed.v1"
    balance_transaction_id: str
    currency: str
    claimed_by: str
    cash: str
    """The account at Stripe in which its net stood."""
    account: str
    """What it stood against."""
    amount_minor: int
    net_minor: int


UnclaimedEvent = (
    MovementFound
    | MovementFundsAvailable
    | MovementExplained
    | MovementExplanationWithdrawn
    | MovementClaimed
)
