"""What can be asked of a user's connected account. `Record…` commands carry what Stripe says."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from ledger.accounts.countries import Agreement
from ledger.accounts.standing import Standing
from ledger.message import Command, Instant

BusinessType = Literal["", "individual", "company", "non_profit"]


class RequestAccount(Command, frozen=True, kw_only=True):
    """`platform_country` is where the platform's own account is: the agreement depends on both."""

    NAME: ClassVar[str] = "accounts.request"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"account_id", "platform_country"})
    account_id: str
    user_id: str
    country: str
    platform_country: str
    business_type: BusinessType = ""
    """Empty when Stripe is to ask for it."""


class LostAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What an account of this ledger was requested with, for one whose request is gone here, since the
    database was restored to a time before it.
    """

    agreement: Agreement
    business_type: str = ""


class RecordAccountSnapshot(Command, frozen=True, kw_only=True):
    """What Stripe says of an account now. Of two the one observed later holds, whichever comes first."""

    NAME: ClassVar[str] = "accounts.record_snapshot"
    user_id: str
    account_id: str
    stripe_account_id: str
    observed_at: Instant
    """When the request that fetched it was sent, by our clock: what Stripe did before that is in it."""
    standing: Standing
    lost: LostAccount | None = None
    """None for one that does not name this ledger. Counts only where the ledger has none."""


class RecordAccountGone(Command, frozen=True, kw_only=True):
    """Stripe gives us no access to the account any more: its owner left, or it was deleted. What Stripe is
    told to delete is gone when it answers.
    """

    NAME: ClassVar[str] = "accounts.record_gone"
    user_id: str
    stripe_account_id: str
    observed_at: Instant


class RecordAccountRefusal(Command, frozen=True, kw_only=True):
    """Stripe refused to make it (4xx), or never heard of it."""

    NAME: ClassVar[str] = "accounts.record_refusal"
    user_id: str
    account_id: str
    code: str
    parameter: str = ""
    """What of the request Stripe objects to, by its own name, such as `country`."""


class RecordAccountUnknown(Command, frozen=True, kw_only=True):
    """The call timed out or was answered 5xx."""

    NAME: ClassVar[str] = "accounts.record_unknown"
    user_id: str
    account_id: str
    cause: str


class RequestAccountClosing(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "accounts.request_closing"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"request_id"})
    user_id: str
    request_id: str


class RecordClosingRefusal(Command, frozen=True, kw_only=True):
    """Stripe keeps the account open."""

    NAME: ClassVar[str] = "accounts.record_closing_refusal"
    user_id: str
    request_id: str
    code: str
    currencies: tuple[str, ...] = ()
    """In which Stripe holds a balance of the account, above zero or below."""


AccountCommand = (
    RequestAccount
    | RecordAccountSnapshot
    | RecordAccountGone
    | RecordAccountRefusal
    | RecordAccountUnknown
    | RequestAccountClosing
    | RecordClosingRefusal
)
