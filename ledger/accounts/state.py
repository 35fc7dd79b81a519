"""What is remembered of a user's connected account. `evolve` takes any history and never fails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.accounts.events import (
    AccountClosed,
    AccountClosingRefused,
    AccountClosingRequested,
    AccountEvent,
    AccountObserved,
    AccountOpened,
    AccountOutcomeUnknown,
    AccountRefused,
    AccountRequested,
    AccountUpdated,
)
from ledger.accounts.standing import Standing, Status, status_of_open

Creation = Literal["", "requested", "unknown", "refused", "opened"]
UNANSWERED: frozenset[Creation] = frozenset({"requested", "unknown"})
OWNER, LEFT = "owner", "left"
"""Why an account is closed."""


class Refusal(Struct, frozen=True, gc=False):
    """Why Stripe did not do what was asked by `request_id`, which for the account itself is its own id."""

    request_id: str
    code: str
    parameter: str = ""
    currencies: tuple[str, ...] = ()


class Account(Struct, frozen=True):
    """The user's newest one."""

    account_id: str = ""
    attempt: int = 0
    country: str = ""
    agreement: str = ""
    business_type: str = ""
    creation: Creation = ""
    stripe_account_id: str = ""
    standing: Standing | None = None
    observed_at: datetime | None = None
    closed: str = ""
    """The cause; empty while it is not."""
    closing: str = ""
    """The request of its owner that is not answered."""
    refusal: Refusal | None = None
    """Of what was asked last."""

    @property
    def is_open(self) -> bool:
        return self.creation == "opened" and not self.closed


def status_of(account: Account) -> Status:
    """As Stripe said last. What is being made is `onboarding`; what was refused is as if it never was."""
    if account.closed:
        return "closed"
    if account.creation == "opened":
        return status_of_open(account.standing)
    return "onboarding" if account.creation in UNANSWERED else "none"


def evolve(account: Account, event: AccountEvent) -> Account:
    if isinstance(event, AccountRequested):
        return _requested(event)
    if event.account_id != account.account_id:
        return account  # of one before it, or of one whose request was lost by a restore
    return _evolve(account, event)


def _requested(event: AccountRequested) -> Account:
    return Account(
        account_id=event.account_id,
        attempt=event.attempt,
        country=event.country,
        agreement=event.agreement,
        business_type=event.business_type,
        creation="requested",
    )


_Later = (
    AccountOpened
    | AccountRefused
    | AccountOutcomeUnknown
    | AccountUpdated
    | AccountObserved
    | AccountClosingRequested
    | AccountClosingRefused
    | AccountClosed
)


def _evolve(account: Account, event: _Later) -> Account:  # noqa: PLR0911 - one answer for each fact
    match event:
        case AccountOpened():
            opened = replace(account, creation="opened", refusal=None)
            return replace(opened, stripe_account_id=event.stripe_account_id)
        case AccountRefused():
            refusal = Refusal(event.account_id, event.code, event.parameter)
            return replace(account, creation="refused", refusal=refusal)
        case AccountOutcomeUnknown():
            return replace(account, creation="unknown")
        case AccountUpdated():
            return replace(account, standing=event.standing, observed_at=event.observed_at, closed="")
        case AccountObserved():
            return replace(account, observed_at=event.observed_at)
        case AccountClosingRequested():
            return replace(account, closing=event.request_id, refusal=None)
        case AccountClosingRefused():
            refusal = Refusal(event.request_id, event.code, currencies=event.currencies)
            return replace(account, closing="", refusal=refusal)
        case AccountClosed():
            ended = replace(account, closed=event.cause, closing="", refusal=None)
            return replace(ended, observed_at=event.observed_at)
        case _:
            assert_never(event)
