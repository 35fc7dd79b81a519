"""The parts of Stripe's connected accounts that the ledger reads; nothing of whom they belong to."""

from __future__ import annotations

import msgspec


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    transfers: str | None = None


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    currently_due: list[str] | None = None
    past_due: list[str] | None = None
    pending_verification: list[str] | None = None
    disabled_reason: str | None = None
    current_deadline: int | None = None


class TosAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    service_agreement: str | None = None


class StripeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/accounts/object"""

    id: str
    created: int | None = None
    country: str | None = None
    default_currency: str | None = None
    business_type: str | None = None
    details_submitted: bool = False
    payouts_enabled: bool = False
    capabilities: Capabilities = Capabilities()
    requirements: Requirements | None = None
    metadata: dict[str, str] | None = None
    tos_acceptance: TosAcceptance | None = None


class AccountLink(msgspec.Struct, frozen=True, kw_only=True):
    """A credential: who has the address acts as the account's owner at Stripe."""

    url: str
    expires_at: int


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    amount: int
    currency: str


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    available: list[Funds] = []
    pending: list[Funds] = []
