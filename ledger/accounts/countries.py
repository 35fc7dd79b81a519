"""Where connected accounts can be, and the agreement that they make with Stripe there.

Within the platform's region it is Stripe's full one. Money crosses a border to recipients only, who can be
paid and take no payments themselves. https://docs.stripe.com/connect/service-agreement-types and
https://docs.stripe.com/connect/cross-border-payouts
"""

from __future__ import annotations

from typing import Literal

Agreement = Literal["full", "recipient"]

EEA = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
        "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
"""One region to Stripe."""
_ELSEWHERE = frozenset(
    {"AE", "AU", "BR", "CA", "CH", "GB", "HK", "JP", "MX", "MY", "NZ", "SG", "TH", "US"}
)  # fmt: skip
_RECIPIENTS_ONLY = frozenset(
    {"AR", "CL", "CO", "EG", "ID", "IL", "IN", "KE", "KR", "MA", "NG", "PE", "PH"}
)  # fmt: skip
POSSIBLE = tuple(sorted(EEA | _ELSEWHERE | _RECIPIENTS_ONLY))
"""By ISO 3166-1. Stripe may know more; what it refuses of these is told as a refusal."""


def is_possible(country: str) -> bool:
    return country in POSSIBLE


def agreement_for(country: str, platform: str) -> Agreement:
    """What an account in `country` agrees to, of a platform that is in another or the same one."""
    same_region = country == platform or {country, platform} <= EEA
    return "full" if same_region and country not in _RECIPIENTS_ONLY else "recipient"
