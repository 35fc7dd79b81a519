"""The demonstration's subscribers, one for each state that a subscription can be in; named after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from api.demo.plan import Action
from ledger.subscriptions.proration import boundary

GOOD, EMPTY = "pm_card_visa", "pm_card_visa_chargeDeclinedInsufficientFunds"


class SubscriberAction(Action, frozen=True, kw_only=True):
    user_id: str

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.user_id})


class Subscribe(SubscriberAction, frozen=True, kw_only=True):
    tier: str = "pro"
    interval: Literal["month", "year"] = "month"
    trial: bool = False


class ChangePlan(SubscriberAction, frozen=True, kw_only=True):
    """An upgrade after a look at its preview, or a downgrade at the end of the period."""

    tier: str


class Pause(SubscriberAction, frozen=True, kw_only=True):
    pass


class Cancel(SubscriberAction, frozen=True, kw_only=True):
    """A cancellation at once."""


class CardTurns(SubscriberAction, frozen=True, kw_only=True):
    """The bank changes its mind about the card that is charged."""

    into: str


class Subscriber(msgspec.Struct, frozen=True):
    user_id: str
    status: str
    """In the end; empty when there is no subscription any more."""
    about: str


SUBSCRIBERS = (
    Subscriber("usr_trialing", "trialing", "pro, on trial"),
    Subscriber("usr_monthly", "active", "pro by the month"),
    Subscriber("usr_yearly", "active", "pro by the year"),
    Subscriber("usr_upgraded", "active", "from pro to enterprise, prorated"),
    Subscriber("usr_downgrading", "active", "enterprise, pro from the next period on"),
    Subscriber("usr_past_due", "past_due", "declined, with access for 7 days"),
    Subscriber("usr_unpaid", "unpaid", "declined for more than 21 days"),
    Subscriber("usr_paused", "paused", "pays nothing, has nothing"),
    Subscriber("usr_canceled", "", "ended in the middle of a period"),
)


def subscriptions(end: datetime) -> Iterator[SubscriberAction]:
    """What they do, up to some hours before `end`; in no order."""

    def ago(days: float) -> datetime:
        return end - timedelta(days=days)

    yield Subscribe(at=ago(5), user_id="usr_trialing", trial=True)
    yield Subscribe(at=ago(100), user_id="usr_monthly")
    yield Subscribe(at=ago(130), user_id="usr_yearly", interval="year")
    yield Subscribe(at=ago(75), user_id="usr_upgraded")
    yield ChangePlan(at=ago(52), user_id="usr_upgraded", tier="enterprise")
    yield Subscribe(at=ago(70), user_id="usr_downgrading", tier="enterprise")
    yield ChangePlan(at=ago(0.2), user_id="usr_downgrading", tier="pro")
    # after short months a renewal may come up to three days earlier, which is still in grace
    yield from _declined("usr_past_due", months=2, renewal=ago(2.5))
    yield from _declined("usr_unpaid", months=1, renewal=ago(30))
    yield Subscribe(at=ago(80), user_id="usr_paused")
    yield Pause(at=ago(10), user_id="usr_paused")
    yield Subscribe(at=ago(120), user_id="usr_canceled", tier="enterprise")
    yield Cancel(at=ago(40), user_id="usr_canceled")


def _declined(user_id: str, *, months: int, renewal: datetime) -> Iterator[SubscriberAction]:
    """Pays until about `renewal`, and no more from then on."""
    began = boundary(renewal, "month", -months)
    yield Subscribe(at=began, user_id=user_id)
    yield CardTurns(at=boundary(began, "month", months) - timedelta(days=1), user_id=user_id, into=EMPTY)
