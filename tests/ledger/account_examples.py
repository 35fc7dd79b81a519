"""Builders of commands about Ivy's connected account, and of what Stripe says of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from ledger.accounts.commands import (
    AccountCommand,
    RecordAccountGone,
    RecordAccountRefusal,
    RecordAccountSnapshot,
    RecordAccountUnknown,
    RecordClosingRefusal,
    RequestAccount,
    RequestAccountClosing,
)
from ledger.accounts.decider import decide
from ledger.accounts.events import AccountEvent
from ledger.accounts.standing import Standing
from ledger.accounts.state import Account, evolve
from tests.ledger.enrolment_examples import IVY
from tests.ledger.examples import NOON

ACCOUNT, AT_STRIPE = "acn_1", "acct_1"


def standing(**changes: Any) -> Standing:
    """With which she is paid."""
    fields: dict[str, Any] = {
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "transfers": "active",
        "payouts_enabled": True,
    }
    return Standing(**{**fields, **changes})


NEW = standing(
    details_submitted=False,
    transfers="inactive",
    payouts_enabled=False,
    currently_due=("external_account", "individual.dob.day"),
    past_due=("external_account", "individual.dob.day"),
    disabled_reason="requirements.past_due",
)
GOOD = standing()
RESTRICTED = standing(
    transfers="inactive",
    payouts_enabled=False,
    past_due=("individual.verification.document",),
    disabled_reason="requirements.past_due",
)
IN_REVIEW = standing(
    transfers="pending",
    payouts_enabled=False,
    pending=("individual.verification.document",),
    disabled_reason="requirements.pending_verification",
)
NO_BANK = standing(
    payouts_enabled=False, past_due=("external_account",), disabled_reason="requirements.past_due"
)
REJECTED = standing(transfers="inactive", payouts_enabled=False, disabled_reason="rejected.fraud")
DUE = standing(currently_due=("individual.verification.document",), deadline=NOON + timedelta(days=14))


def _base(name: str) -> dict[str, Any]:
    return {"command_id": f"cmd_{name}", "effective_at": NOON, "user_id": IVY}


def request(account_id: str = ACCOUNT, country: str = "US", **changes: Any) -> RequestAccount:
    fields: dict[str, Any] = {"account_id": account_id, "country": country, "platform_country": "US"}
    return RequestAccount(**{**_base("request"), **fields, **changes})


def look(
    seen: Standing = GOOD, at: datetime = NOON, account_id: str = ACCOUNT, **changes: Any
) -> RecordAccountSnapshot:
    fields: dict[str, Any] = {
        "account_id": account_id,
        "stripe_account_id": account_id.replace("acn_", "acct_"),
        "observed_at": at,
        "standing": seen,
    }
    return RecordAccountSnapshot(**{**_base("look"), **fields, **changes})


def gone(at: datetime = NOON, stripe_account_id: str = AT_STRIPE) -> RecordAccountGone:
    return RecordAccountGone(**_base("gone"), stripe_account_id=stripe_account_id, observed_at=at)


def refuse(account_id: str = ACCOUNT, code: str = "country_unsupported") -> RecordAccountRefusal:
    return RecordAccountRefusal(**_base("refuse"), account_id=account_id, code=code, parameter="country")


def unknown(account_id: str = ACCOUNT) -> RecordAccountUnknown:
    return RecordAccountUnknown(**_base("unknown"), account_id=account_id, cause="time-out")


def close(request_id: str = "acl_1") -> RequestAccountClosing:
    return RequestAccountClosing(**_base("close"), request_id=request_id)


def keep_open(request_id: str = "acl_1") -> RecordClosingRefusal:
    fields: dict[str, Any] = {"request_id": request_id, "code": "balance_not_zero", "currencies": ("usd",)}
    return RecordClosingRefusal(**_base("keep_open"), **fields)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def facts(*commands: AccountCommand) -> list[AccountEvent]:
    """Of all of them, one after the other."""
    account, found = Account(), list[AccountEvent]()
    for command in commands:
        made = decide(command, account)
        account = reduce(evolve, made, account)
        found += made
    return found


def after(*commands: AccountCommand) -> Account:
    return reduce(evolve, facts(*commands), Account())
