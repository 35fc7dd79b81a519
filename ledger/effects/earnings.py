"""Of what instructors earn, and where it is paid to."""

from __future__ import annotations

import msgspec


class FollowEarnings(msgspec.Struct, frozen=True, tag="earnings.follow"):
    """Tell the instructors' earnings what that fact of a payment, or of an enrolment, changes for them."""

    stream: str
    position: int
    """The fact's in the ledger."""


class CreateTransfer(msgspec.Struct, frozen=True, tag="earnings.create_transfer"):
    """Pay what is reserved into the connected account; idempotency key `payout:<payout_id>:<attempt>`."""

    user_id: str
    currency: str
    payout_id: str
    attempt: int


class ResolveTransfer(msgspec.Struct, frozen=True, tag="earnings.resolve_transfer"):
    """Find out what became of a transfer whose call to Stripe had no clear answer."""

    user_id: str
    currency: str
    payout_id: str
    attempt: int


class ReverseTransfer(msgspec.Struct, frozen=True, tag="earnings.reverse_transfer"):
    """Take back what a payout transferred, in part or whole; idempotency key `recall:<recall_id>`."""

    user_id: str
    currency: str
    recall_id: str


class ResolveReversal(msgspec.Struct, frozen=True, tag="earnings.resolve_reversal"):
    """Find out what became of a reversal whose call to Stripe had no clear answer."""

    user_id: str
    currency: str
    recall_id: str


class CreateAccount(msgspec.Struct, frozen=True, tag="accounts.create"):
    """Create a connected account at Stripe, with the idempotency key `account:<account_id>`."""

    user_id: str
    account_id: str


class ResolveAccount(msgspec.Struct, frozen=True, tag="accounts.resolve"):
    """Find out what became of a connected account whose call to Stripe had no clear answer."""

    user_id: str
    account_id: str


class CloseAccount(msgspec.Struct, frozen=True, tag="accounts.close"):
    """Delete the connected account at Stripe. That needs no key: what is gone cannot be deleted again."""

    user_id: str
    account_id: str
    request_id: str


PayoutEffect = CreateTransfer | ResolveTransfer | ReverseTransfer | ResolveReversal
AccountEffect = CreateAccount | ResolveAccount | CloseAccount
