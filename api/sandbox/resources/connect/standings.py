"""What Stripe thinks of a connected account: what it still wants to know, and what it lets it do.

https://docs.stripe.com/connect/handling-api-verification
"""

from __future__ import annotations

from typing import Literal

import msgspec

from api.sandbox.errors import Object
from api.sandbox.resources.connect.access import change
from api.sandbox.resources.connect.shapes import NOTHING_DUE
from api.sandbox.transaction import Transaction

PAST_DUE = "requirements.past_due"
_BANK = ("external_account",)
_TERMS = ("tos_acceptance.date", "tos_acceptance.ip")
_PERSON = tuple(
    f"individual.{name}"
    for name in ("dob.day", "dob.month", "dob.year", "email", "first_name", "last_name", "phone")
)
DOCUMENT = ("individual.verification.document",)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """`capabilities` is what becomes of all that were requested. What is `due` stops nothing until its
    `deadline` (Unix seconds); without one it is past due.
    """

    submitted: bool = True
    due: tuple[str, ...] = ()
    deadline: int | None = None
    pending: tuple[str, ...] = ()
    disabled_reason: str | None = None
    capabilities: Literal["active", "inactive", "pending"] = "active"
    payouts: bool = True


GOOD = Standing()
NEW = Standing(
    submitted=False,
    due=("business_type", *_BANK, *_PERSON, *_TERMS),
    disabled_reason=PAST_DUE,
    capabilities="inactive",
    payouts=False,
)
UNFINISHED = Standing(
    submitted=False, due=(*_BANK, *_TERMS), disabled_reason=PAST_DUE, capabilities="inactive", payouts=False
)
RESTRICTED = Standing(due=DOCUMENT, disabled_reason=PAST_DUE, capabilities="inactive", payouts=False)
IN_REVIEW = Standing(
    pending=DOCUMENT,
    disabled_reason="requirements.pending_verification",
    capabilities="pending",
    payouts=False,
)
NO_BANK = Standing(due=_BANK, disabled_reason=PAST_DUE, payouts=False)
"""It can be sent money, which then stays in its balance."""


FALL_DUE = "requirement_past_due"
"""The job of a deadline; its object is the account."""


def due_by(deadline: int) -> Standing:
    """A document is wanted by then, and nothing is stopped before."""
    return Standing(due=DOCUMENT, deadline=deadline)


def rejected(reason: str) -> Standing:
    """For good. `reason` is fraud, terms_of_service, other …"""
    return Standing(disabled_reason=f"rejected.{reason}", capabilities="inactive", payouts=False)


def shown(account: Object, standing: Standing) -> Object:
    """The fields of an account that tell of it."""
    capabilities = dict.fromkeys(account["capabilities"], standing.capabilities)
    due = list(standing.due)
    return {
        "capabilities": capabilities,
        "charges_enabled": capabilities.get("card_payments") == "active",
        "details_submitted": standing.submitted,
        "payouts_enabled": standing.payouts and "active" in capabilities.values(),
        "requirements": {
            **NOTHING_DUE,
            "current_deadline": standing.deadline,
            "currently_due": due,
            "eventually_due": due,
            "past_due": [] if standing.deadline else due,
            "pending_verification": list(standing.pending),
            "disabled_reason": standing.disabled_reason,
        },
    }


def put(tx: Transaction, account: Object, standing: Standing) -> Object:
    return change(tx, account, **shown(account, standing))


def fall_due(tx: Transaction, account_id: str) -> None:
    """A deadline is over, unless it was met or put off, or the account is gone."""
    account = tx.find(account_id)
    if account and not account.get("deleted") and account["requirements"]["current_deadline"] == tx.now:
        put(tx, account, RESTRICTED)


def is_good(account: Object) -> bool:
    """Whether what it requests now becomes active at once."""
    return bool(account["details_submitted"]) and account["requirements"]["disabled_reason"] is None
