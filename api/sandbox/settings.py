"""What of the sandbox can be chosen."""

from __future__ import annotations

from typing import Literal

import msgspec


class DisputeFees(msgspec.Struct, frozen=True, kw_only=True):
    """In minor units. https://support.stripe.com/topics/disputes"""

    received: int = 1500
    """Taken with the withdrawal."""
    countered: int = 0
    """Taken by itself when evidence is submitted, and given back when the dispute is won."""
    returns_received: bool = False
    """Whether a dispute that is won gives the first one back too, as Stripe once did everywhere."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Sandbox time unless it says wall. They are the sandbox's choices: Stripe promises no exact times."""

    settle_charge_s: int = 0
    """After an `automatic_async` capture, until the balance transaction is there (Stripe: up to an hour)."""
    bank_debit_s: int = 4 * 86_400
    """Until a bank debit succeeds or fails (Stripe: up to 4 business days)."""
    refund_outcome_s: int = 86_400
    """Until a pending refund succeeds, or one with a failing test card fails."""
    funds_days: int = 2
    """Until a charge's funds are available, at midnight UTC."""
    payout_days: int = 1
    """Until a payout is paid, at midnight UTC."""
    topup_days: int = 1
    """Until a top-up succeeds, at midnight UTC."""
    bounce_days: int = 2
    """Until a connected account's test bank account sends back what was paid out to it."""
    connected_reserves: bool = False
    """Whether reversals of transfers can take a connected account below zero (Stripe: Connect reserves)."""
    invoice_draft_s: int = 0
    """A renewal's invoice is a draft for so long before it is finalized and paid (Stripe: about an hour)."""
    invoice_retries_s: tuple[int, ...] = ()
    """Waits before each automatic retry of a failed invoice; none: switched off, as in the dashboard."""
    after_retries: Literal["past_due", "unpaid", "canceled"] = "past_due"
    """What becomes of the subscription when the last automatic retry failed."""
    webhook_retry_base_s: float = 1.0
    """Wall: the first wait; each further one is twice as long."""
    webhook_timeout_s: float = 10.0
    """Wall."""
    webhook_concurrency: int = 16
