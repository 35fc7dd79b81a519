"""The demonstration's connected accounts, one in each state that an account can stay in; and who owes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from api.demo.authors import BELOW_ZERO, BOUNCED, DOCUMENTS, OWING, UNFINISHED, UPGRADED, YEARLY
from api.demo.plan import Action
from ledger.accounts.standing import Status
from ledger.earnings.terms import HOLD

Ending = Literal["complete", "incomplete", "payouts_disabled"]
"""Of Stripe's onboarding, as the sandbox calls it."""
SOLD_TOGETHER = 85
"""Days ago."""


class Instructor(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    days_ago: float
    country: str
    ending: Ending
    status: Status
    about: str
    bank: str | None = None
    """The last digits of one of the sandbox's test bank accounts; None: one that takes payouts."""
    owes_minor: int = 0
    """US cents that the account owes Stripe, for something that went wrong elsewhere."""


INSTRUCTORS = (
    Instructor(
        user_id=YEARLY,
        days_ago=119,
        country="US",
        ending="complete",
        status="enabled",
        about="is paid, at their bank",
    ),
    Instructor(
        user_id=UPGRADED,
        days_ago=47,
        country="DE",
        ending="payouts_disabled",
        status="payouts_disabled",
        about="gave no bank account",
    ),
    Instructor(
        user_id=OWING,
        days_ago=71,
        country="US",
        ending="complete",
        status="enabled",
        about="was paid what was taken back since, which later earnings go to first",
    ),
    Instructor(
        user_id=BELOW_ZERO,
        days_ago=70,
        country="US",
        ending="complete",
        status="enabled",
        about="owes Stripe money, which a transfer would go to: nothing is paid",
        owes_minor=5_000,
    ),
    Instructor(
        user_id=DOCUMENTS,
        days_ago=60,
        country="KE",
        ending="complete",
        status="restricted",
        about="must send a document, as a payout that Stripe refused said",
    ),
    Instructor(
        user_id=UNFINISHED,
        days_ago=58,
        country="US",
        ending="incomplete",
        status="onboarding",
        about="left Stripe's onboarding before its end: what is earned waits",
    ),
    Instructor(
        user_id=BOUNCED,
        days_ago=57,
        country="US",
        ending="complete",
        status="payouts_disabled",
        about="has a bank that sent a payout back",
        bank="1113",
    ),
)


class AccountAction(Action, frozen=True, kw_only=True):
    """What has to do with a connected account: see `api/demo/paying.py`."""

    instructor: Instructor

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.instructor.user_id})


class OpenAccount(AccountAction, frozen=True, kw_only=True):
    """And go to Stripe's onboarding. What comes to the account then, its schedule pays to the bank."""


class AskTooLate(AccountAction, frozen=True, kw_only=True):
    """Ask for a payout when Stripe has restricted the account, and has not said so yet."""


def opening(end: datetime) -> Iterator[AccountAction]:
    for instructor in INSTRUCTORS:
        yield OpenAccount(at=end - timedelta(days=instructor.days_ago), instructor=instructor)
        if instructor.user_id == DOCUMENTS:
            yield AskTooLate(at=available_at(end), instructor=instructor)


def available_at(end: datetime) -> datetime:
    """When what was sold together is, and before a run could pay it."""
    return (end - timedelta(days=SOLD_TOGETHER) + HOLD).replace(hour=0, minute=30)
