"""Why Stripe was not told, or did not do, what a payout or a recall wants: in words for who is paid."""

from __future__ import annotations

_NOT_PAID = {
    "balance_insufficient": "The platform's funds at Stripe did not cover it; the next run tries again",
    "insufficient_capabilities_for_transfer": "Stripe sends no money to the connected account just now: see "
    "`GET /api/instructor/account` for what it wants to know",
    "account_not_payable": "The connected account could not be paid by then: "
    "see `GET /api/instructor/account`",
    "balance_below_zero": "The connected account is below zero at Stripe, and a transfer would go to that",
    "account_changed": "The connected account that it was meant for is not in use any more",
    "account_invalid": "The connected account left the platform, or is closed: open another one",
    "resource_missing": "The connected account left the platform, or is closed: open another one",
    "never_reached_stripe": "It never reached Stripe",
    "earlier_attempt_paid": "An earlier attempt had been made after all, and is not paid twice",
}
"""https://docs.stripe.com/error-codes, and ours."""


def why_not_paid(code: str) -> str:
    return f"{_NOT_PAID.get(code, f'Stripe made no transfer ({code})')}."


_NOT_RECALLED = {
    "balance_insufficient": "The connected account has not so much at Stripe",
    "account_invalid": "The connected account left the platform, or is closed",
    "never_reached_stripe": "It never reached Stripe",
}


def why_not_recalled(code: str) -> str:
    return (
        f"{_NOT_RECALLED.get(code, f'Stripe reversed nothing ({code})')}; it is netted from later earnings."
    )
