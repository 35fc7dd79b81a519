"""The demonstration's connected accounts, one in each state that an account can stay in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from api.demo.authors import UPGRADED, YEARLY
from api.demo.plan import Action
from ledger.accounts.standing import Status

Ending = Literal["complete", "incomplete", "restricted", "payouts_disabled"]
"""Of Stripe's onboarding, as the sandbox calls it."""


class Instructor(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    days_ago: float
    country: str
    ending: Ending
    status: Status
    about: str
    bank: str | None = None
    """The last digits of one of the sandbox's test bank accounts; None: one that takes payouts."""
    balance_minor: int = 0
    """US cents that come to the account at Stripe, which pays them to the bank."""


INSTRUCTORS = (
    Instructor(
        user_id=YEARLY,
        days_ago=119,
        country="US",
        ending="complete",
        status="enabled",
        about="can be paid, and was, at their bank",
        balance_minor=18_400,
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
        user_id="usr_bounced",
        days_ago=35,
        country="US",
        ending="complete",
        status="payouts_disabled",
        about="has a bank that sent a payout back",
        bank="1113",
        balance_minor=9_650,
    ),
    Instructor(
        user_id="usr_documents",
        days_ago=20,
        country="KE",
        ending="restricted",
        status="restricted",
        about="must send a document",
    ),
    Instructor(
        user_id="usr_instructor",
        days_ago=3,
        country="US",
        ending="incomplete",
        status="onboarding",
        about="left Stripe's onboarding before its end",
    ),
)


class OpenAccount(Action, frozen=True, kw_only=True):
    """And go to Stripe's onboarding. What comes to the account then, its schedule pays to the bank."""

    instructor: Instructor

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.instructor.user_id})


def opening(end: datetime) -> Iterator[OpenAccount]:
    for instructor in INSTRUCTORS:
        yield OpenAccount(at=end - timedelta(days=instructor.days_ago), instructor=instructor)
