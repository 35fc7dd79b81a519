"""Facts about a user's connected accounts, one after the other. Nothing personal: that stays at Stripe."""

from __future__ import annotations

from typing import ClassVar

from ledger.accounts.standing import Standing
from ledger.message import Event, Instant


class AccountRequested(Event, frozen=True, kw_only=True):
    """The intent, before Stripe hears of it."""

    TYPE: ClassVar[str] = "accounts.requested.v1"
    account_id: str
    """Ours, of this attempt."""
    user_id: str
    country: str
    agreement: str
    """The service agreement with Stripe: `full`, or `recipient`."""
    attempt: int
    """The user's first one is 1; another follows a refusal, or an account that was closed."""
    business_type: str = ""


class AccountOpened(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "accounts.opened.v1"
    account_id: str
    stripe_account_id: str


class AccountRefused(Event, frozen=True, kw_only=True):
    """Stripe made none."""

    TYPE: ClassVar[str] = "accounts.refused.v1"
    account_id: str
    code: str
    parameter: str = ""


class AccountOutcomeUnknown(Event, frozen=True, kw_only=True):
    """Whether Stripe made it is being found out."""

    TYPE: ClassVar[str] = "accounts.outcome_unknown.v1"
    account_id: str
    cause: str


class AccountUpdated(Event, frozen=True, kw_only=True):
    """Stripe says something else of it than before; also that it is there again."""

    TYPE: ClassVar[str] = "accounts.updated.v1"
    account_id: str
    observed_at: Instant
    standing: Standing


class AccountObserved(Event, frozen=True, kw_only=True):
    """Stripe was asked at `observed_at` and said nothing new; what was seen before that is old news, however
    late it comes.
    """

    TYPE: ClassVar[str] = "accounts.observed.v1"
    account_id: str
    observed_at: Instant


class AccountClosingRequested(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "accounts.closing_requested.v1"
    account_id: str
    request_id: str


class AccountClosingRefused(Event, frozen=True, kw_only=True):
    """It stays open."""

    TYPE: ClassVar[str] = "accounts.closing_refused.v1"
    account_id: str
    request_id: str
    code: str
    currencies: tuple[str, ...] = ()


class AccountClosed(Event, frozen=True, kw_only=True):
    """By its owner through us (`owner`), or by leaving the platform at Stripe (`left`)."""

    TYPE: ClassVar[str] = "accounts.closed.v1"
    account_id: str
    observed_at: Instant
    cause: str


AccountEvent = (
    AccountRequested
    | AccountOpened
    | AccountRefused
    | AccountOutcomeUnknown
    | AccountUpdated
    | AccountObserved
    | AccountClosingRequested
    | AccountClosingRefused
    | AccountClosed
)
