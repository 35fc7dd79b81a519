"""A bank that wants to hear its cardholder: what for, what to do, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from ledger.invoices.dunning import UNPAID_AFTER

FIRST_INVOICE_LASTS = timedelta(hours=23)
"""Stripe gives a subscription up whose first invoice was not paid by then.
https://docs.stripe.com/billing/subscriptions/overview#payment-window"""
AUTHENTICATION_REQUIRED = "authentication_required"
NOT_CONFIRMED = frozenset({"payment_intent_authentication_failure", "setup_intent_authentication_failure"})


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """The cardholder's bank wants to hear them. `about` the card, so that it can be charged when they are
    away, or an `invoice` that is open. `remedy`: complete the check (`next_action`, or what `detail` says),
    or use another card.
    """

    about: Literal["card", "invoice"]
    invoice: str = ""
    reason: str = AUTHENTICATION_REQUIRED
    detail: str
    remedy: Literal["authenticate", "other_card"] = "authenticate"
    until: datetime | None
    """When something is lost if nothing was done: the plan, or its features."""


def of_card(status: str, *, trial: bool, until: datetime | None) -> Authentication:
    """`status` is that of Stripe's SetupIntent."""
    before = "the trial ends" if trial else "the next renewal"
    if status != "requires_action":
        return Authentication(
            about="card",
            reason="setup_intent_authentication_failure",
            detail=f"The bank's check of this card was not completed. Choose another card before {before}: "
            "PUT /api/subscriptions/payment-method.",
            remedy="other_card",
            until=until,
        )
    return Authentication(
        about="card",
        detail=f"The bank wants you to confirm this card before {before}; else it may decline the charge.",
        until=until,
    )


def of_invoice(invoice_id: str, *, first: bool, since: datetime | None) -> Authentication:
    """`first`: of a subscription that begins with its payment. `since` is when it was first to be paid."""
    lasts = FIRST_INVOICE_LASTS if first else UNPAID_AFTER
    return Authentication(
        about="invoice",
        invoice=invoice_id,
        detail="The bank wants you to confirm this payment: complete its check, which POST "
        f"/api/invoices/{invoice_id}/pay begins, or change the card. Nothing is charged before.",
        until=since + lasts if since else None,
    )


def wants_cardholder(code: str, decline_code: str) -> bool:
    """Whether an attempt came to nothing only since nobody was there to confirm it."""
    return AUTHENTICATION_REQUIRED in {code, decline_code} or code in NOT_CONFIRMED
