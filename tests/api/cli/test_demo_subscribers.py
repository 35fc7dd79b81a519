"""The demonstration's subscribers end in the states that they are named after, on whatever day it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.demo.subscribers import EMPTY, SUBSCRIBERS, CardTurns, Subscribe, SubscriberAction, subscriptions
from ledger.features import GRACE
from ledger.invoices.dunning import CANCEL_AFTER, UNPAID_AFTER
from ledger.subscriptions.proration import boundaries

DAYS = [datetime(2027, 1, 1, 9, 30, tzinfo=UTC) + timedelta(days=day) for day in range(2 * 366)]


def of(end: datetime, user_id: str) -> list[SubscriberAction]:
    done = [action for action in subscriptions(end) if action.user_id == user_id]
    assert done == sorted(done, key=lambda action: action.at)
    return done


def first_declined(end: datetime, user_id: str) -> datetime:
    """The first renewal after the card went bad; the one before was paid."""
    began, turned = of(end, user_id)
    assert isinstance(began, Subscribe)
    assert isinstance(turned, CardTurns)
    assert turned.into == EMPTY
    renewals = boundaries(began.at, "month", began.at, end)
    return next(renewal for renewal in renewals if renewal > turned.at)


def test_everybody_has_subscribed_first_and_all_is_past() -> None:
    for end in DAYS:
        for one in SUBSCRIBERS:
            done = of(end, one.user_id)
            assert isinstance(done[0], Subscribe)
            assert done[-1].at < end


@pytest.mark.parametrize(
    ("user_id", "fewest", "most"),
    [
        ("usr_past_due", timedelta(0), GRACE),
        ("usr_unpaid", UNPAID_AFTER, CANCEL_AFTER),
    ],
)
def test_a_payment_is_overdue_as_long_as_its_name_says(
    user_id: str, fewest: timedelta, most: timedelta
) -> None:
    for end in DAYS:
        overdue = end - first_declined(end, user_id)
        assert fewest + timedelta(days=1) < overdue < most - timedelta(days=1), end


def test_a_downgrade_waits_for_the_end_of_the_period() -> None:
    for end in DAYS:
        began, changed = of(end, "usr_downgrading")
        assert boundaries(began.at, "month", changed.at, end) == []
