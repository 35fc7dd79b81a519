"""What Stripe says of a connected account at one moment, as far as it decides on being paid.

Nothing personal: who the owner is, their address and their bank account stay at Stripe.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ledger.message import Instant

Status = Literal["none", "onboarding", "restricted", "payouts_disabled", "enabled", "closed"]
REJECTED = "rejected."
"""How the reason of an account begins that Stripe has disabled for good."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """https://docs.stripe.com/api/accounts/object; lists are sorted, so that order is no difference."""

    country: str
    default_currency: str
    details_submitted: bool = False
    """Whether the owner came to the end of Stripe's onboarding once."""
    transfers: str = ""
    """The capability to be sent money: `active`, `inactive` or `pending`; empty when it is not asked for."""
    payouts_enabled: bool = False
    """Whether what is in the account's balance goes on to its bank."""
    currently_due: tuple[str, ...] = ()
    """Requirements by Stripe's names, such as `individual.verification.document`."""
    past_due: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """What was sent and is being looked at by Stripe."""
    disabled_reason: str = ""
    deadline: Instant | None = None
    """When what is due now becomes past due."""


def status_of_open(standing: Standing | None) -> Status:
    """Of an account that is there at Stripe; None before it was looked at."""
    if standing is None:
        return "onboarding"
    if standing.disabled_reason.startswith(REJECTED):
        return "restricted"
    if not standing.details_submitted:
        return "onboarding"
    if standing.transfers != "active":
        return "restricted"
    return "enabled" if standing.payouts_enabled else "payouts_disabled"
