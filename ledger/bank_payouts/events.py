"""Facts about payouts from a connected account's balance at Stripe to its owner's bank.

They move nothing in the books: the money is the owner's on both sides. Nothing personal: which bank account
it is only Stripe knows, and its words for a failure may quote it.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class BankPayoutSent(Event, frozen=True, kw_only=True):
    """Seen for the first time, however far it was then."""

    TYPE: ClassVar[str] = "bank_payouts.sent.v1"
    payout_id: str
    user_id: str
    account_id: str
    stripe_account_id: str
    amount_minor: int
    """Below zero where Stripe takes from the bank what the account owes it."""
    currency: str
    sent_at: Instant
    arrival_at: Instant
    """When Stripe expects it at the bank."""


class BankPayoutArrived(Event, frozen=True, kw_only=True):
    """As far as Stripe knows: a bank can send it back days later."""

    TYPE: ClassVar[str] = "bank_payouts.arrived.v1"
    payout_id: str
    arrival_at: Instant


class BankPayoutBounced(Event, frozen=True, kw_only=True):
    """It failed, also after it seemed to have arrived (`was_arrived`): the money is back at Stripe."""

    TYPE: ClassVar[str] = "bank_payouts.bounced.v1"
    payout_id: str
    was_arrived: bool
    failure_code: str = ""


class BankPayoutCanceled(Event, frozen=True, kw_only=True):
    """Before it left Stripe."""

    TYPE: ClassVar[str] = "bank_payouts.canceled.v1"
    payout_id: str


BankPayoutEvent = BankPayoutSent | BankPayoutArrived | BankPayoutBounced | BankPayoutCanceled
