"""Whether a user can be paid now: the one answer that payouts, pages and reports give."""

from __future__ import annotations

from msgspec import Struct

from ledger.accounts.standing import REJECTED, Standing
from ledger.accounts.state import UNANSWERED, Account, status_of

NOBODY = Standing(country="", default_currency="")


class Payable(Struct, frozen=True):
    """`why_not` is empty when it is so."""

    now: bool
    why_not: str = ""


def can_be_paid(account: Account) -> Payable:
    """By the account alone. Whether its balance at Stripe is below zero, which no transfer fills, is asked of
    Stripe when one is made.
    """
    status = status_of(account)
    if status == "enabled":
        return Payable(now=True)
    standing = account.standing or NOBODY
    match status:
        case "none" if account.creation == "refused":
            why = "Stripe did not make the account that was asked for: ask for another one"
        case "none":
            why = "there is no connected account yet: open one"
        case "closed":
            why = "the connected account is closed: open another one"
        case "onboarding" if account.creation in UNANSWERED:
            why = "the connected account is being made at Stripe: wait some seconds"
        case "onboarding":
            why = "Stripe's onboarding is not finished: go on with it"
        case "restricted":
            why = f"Stripe sends no money to the account: {reason_of(standing)}"
        case "payouts_disabled":
            why = f"Stripe does not pay out what is in the account: {reason_of(standing)}"
    return Payable(now=False, why_not=why)


def reason_of(standing: Standing) -> str:
    """Stripe's reason in words; one that is not known here as Stripe calls it."""
    reason = standing.disabled_reason
    if reason.startswith(REJECTED):
        return f"it rejected the account ({reason.removeprefix(REJECTED)}), which is for good"
    return _REASONS.get(reason) or (f"it gives the reason {reason}" if reason else "it gives no reason")


_REASONS = {
    "requirements.past_due": "it lacks what was to be sent, and the time for it is over",
    "requirements.pending_verification": "it is looking at what was sent; nothing is to be done meanwhile",
    "under_review": "it is reviewing the account; nothing is to be done meanwhile",
    "listed": "it may be on a list of prohibited persons or companies, which is being looked into",
    "platform_paused": "this platform has paused the account: ask its support",
    "action_required.requested_capabilities": "a capability must be requested: ask this platform's support",
    "other": "it is not told: ask Stripe's support",
}
"""https://docs.stripe.com/api/accounts/object#account_object-requirements-disabled_reason"""
