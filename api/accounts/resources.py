"""Connected accounts as requests ask for them and as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from api.http.checks import Check
from api.words import COUNTRY, NO_NUL
from ledger.accounts import requirements
from ledger.accounts.countries import POSSIBLE, is_possible
from ledger.accounts.payable import can_be_paid
from ledger.accounts.requirements import Urgency
from ledger.accounts.standing import Status
from ledger.accounts.state import Account, status_of
from projections.accounts import AccountRow

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def country_fault(country: str) -> str | None:
    if is_possible(country.upper()):
        return None
    return f"Stripe pays nobody in {country!r}: possible are {', '.join(POSSIBLE)}"


def url_fault(url: str) -> str | None:
    """Plain http only to this machine; whether even that is taken, the route says."""
    wanted = "must be an https address, such as https://example.org/account"
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        return wanted
    secure = parts.scheme == "https" or is_local(url)
    strange = "@" in parts.netloc or "\\" in url or not url.isascii() or not url.isprintable() or " " in url
    return None if usable and secure and not strange else wanted


def is_local(url: str) -> bool:
    """Plain http to this machine, as in development."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


CountryCode = Annotated[
    str,
    Meta(pattern=COUNTRY, description="ISO 3166-1, in either case.", examples=["US"]),
    Check(country_fault),
]
BackUrl = Annotated[
    str,
    Meta(min_length=1, max_length=2_000, pattern=NO_NUL, examples=["https://example.org/account"]),
    Check(url_fault),
]


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`country` is where its owner lives, or the company is, and is paid. It cannot be changed later."""

    country: CountryCode
    business_type: Literal["individual", "company", "non_profit"] | None = None


class OnboardingWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Stripe sends the owner: to `return_url` when they are done or leave, to `refresh_url` when the
    link was used or is too old, where another one is to be asked for.
    """

    return_url: BackUrl
    refresh_url: BackUrl


class OfAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: it is the caller's own."""


class OnboardingLink(msgspec.Struct, frozen=True, kw_only=True):
    """A credential: whoever opens `url` acts as the account's owner at Stripe. It can be opened once, until
    `expires_at`, and is kept nowhere here.
    """

    url: str
    expires_at: datetime
    lasts_s: int


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is Stripe's name. What is `past_due` has stopped something; `pending` is with Stripe."""

    key: str
    urgency: Urgency
    text: str


class ConnectedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """As Stripe said at `observed_at`. Who the owner is, and their bank account, only Stripe knows."""

    user_id: str
    status: Status
    can_be_paid: bool
    why_not: str | None
    """A sentence without its full stop."""
    account_id: str | None
    stripe_account_id: str | None
    country: str | None
    agreement: Literal["full", "recipient"] | None
    """With Stripe."""
    business_type: str | None
    default_currency: str | None
    receives_transfers: bool
    payouts_enabled: bool
    requirements: list[Requirement]
    deadline: datetime | None
    """When what is `due` becomes `past_due`."""
    disabled_reason: str | None
    closing: bool
    """Its closing is asked for, and Stripe has not answered."""
    observed_at: datetime | None


class ListedAccount(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    account_id: str
    stripe_account_id: str | None
    status: Status
    country: str
    agreement: str
    default_currency: str | None
    requirements_due: int
    disabled_reason: str | None
    deadline: datetime | None
    observed_at: datetime | None
    requested_at: datetime
    position: int


def account_of(user_id: str, account: Account) -> ConnectedAccount:
    payable, standing = can_be_paid(account), account.standing
    wanted = requirements.requirements_of(standing) if standing and not account.closed else []
    return ConnectedAccount(
        user_id=user_id,
        status=status_of(account),
        can_be_paid=payable.now,
        why_not=payable.why_not or None,
        account_id=account.account_id or None,
        stripe_account_id=account.stripe_account_id or None,
        country=account.country or None,
        agreement=_agreement(account),
        business_type=account.business_type or None,
        default_currency=(standing.default_currency or None) if standing else None,
        receives_transfers=account.is_open and standing is not None and standing.transfers == "active",
        payouts_enabled=account.is_open and standing is not None and standing.payouts_enabled,
        requirements=[Requirement(**msgspec.structs.asdict(one)) for one in wanted],
        deadline=standing.deadline if standing else None,
        disabled_reason=(standing.disabled_reason or None) if standing else None,
        closing=bool(account.closing),
        observed_at=account.observed_at,
    )


def _agreement(account: Account) -> Literal["full", "recipient"] | None:
    if not account.agreement:
        return None
    return "recipient" if account.agreement == "recipient" else "full"


def listed_of(row: AccountRow) -> ListedAccount:
    return ListedAccount(
        user_id=row.user_id,
        account_id=row.account_id,
        stripe_account_id=row.stripe_account_id or None,
        status=row.status,
        country=row.country,
        agreement=row.agreement,
        default_currency=row.default_currency or None,
        requirements_due=row.requirements_due,
        disabled_reason=row.disabled_reason or None,
        deadline=row.deadline,
        observed_at=row.observed_at,
        requested_at=row.requested_at,
        position=row.position,
    )
