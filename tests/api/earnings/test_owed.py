"""What is owed to all instructors, of facts of their own: to whom, and for how long."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import psycopg

from api.earnings.owed_reads import owed_to, totals
from api.earnings.owed_resources import OwedSums, OwedTo
from ledger.earnings.cash import shortfall
from ledger.earnings.events import PayoutTransferred
from ledger.earnings.stream import stream_of
from ledger.earnings.terms import HOLD
from ledger.store import conninfo
from projections.registry import PROJECTIONS
from tests.ledger.examples import DAY, NOON
from tests.projections.histories import History, append, money
from tests.projections.tables import catch_up
from tests.projections.test_earnings import IVY, OLA, accrued

NOW = NOON + 200 * DAY


def paid(amount: int, user_id: str = IVY) -> PayoutTransferred:
    return PayoutTransferred(
        payout_id=f"po_{user_id}",
        attempt=1,
        user_id=user_id,
        currency="usd",
        amount_minor=amount,
        stripe_account_id="acct_1",
        transfer_id=f"tr_{user_id}",
        balance_transaction=money(user_id, -amount),
        was_reserved=False,
    )


def available_since(days: int, amount: int, user_id: str = IVY) -> Any:
    return accrued(amount, NOW - HOLD - days * DAY, user_id)


def owed(url: str, *events: Any) -> tuple[OwedSums, list[OwedTo]]:
    history = History()
    for number, event in enumerate(events):
        history.add(stream_of(event.user_id, "usd"), event, effective_at=NOW + timedelta(seconds=number))
    append(url, history.recorded)
    catch_up(url, {"earnings": PROJECTIONS["earnings"]})

    async def read() -> tuple[list[OwedSums], list[OwedTo]]:
        async with await psycopg.AsyncConnection.connect(conninfo(url), autocommit=True) as connection:
            on = NOW.date()
            return await totals(connection, on, None), await owed_to(connection, on, None, ("", ""), 10)

    [of_dollars], each = asyncio.run(read())
    return of_dollars, each


def ages(found: OwedSums) -> list[int]:
    return [one.amount_minor for one in found.ages]


def test_a_payout_took_what_was_available_longest_of_its_own_instructor(database_url: str) -> None:
    found, _ = owed(
        database_url,
        available_since(0, 1000),
        available_since(31, 2000),
        available_since(60, 4000),
        available_since(95, 8000),
        available_since(95, 500, OLA),
        paid(8000 + 4000 + 1500),
    )
    assert ages(found) == [1000, 500, 0, 500]
    assert found.available_minor == 2000


def test_what_was_paid_and_taken_back_since_is_a_debt_that_the_youngest_age_shows(database_url: str) -> None:
    found, _ = owed(
        database_url,
        available_since(95, 8000),
        paid(8000),
        accrued(-8000, NOW - HOLD - 95 * DAY, kind="refund"),
        available_since(2, 3000),
        available_since(2, 700, OLA),
    )
    assert ages(found) == [3000 - 8000 + 700, 0, 0, 0]
    assert (found.available_minor, found.debt_minor) == (700, 5000)


def test_who_owes_as_much_as_is_pending_is_listed(database_url: str) -> None:
    found, each = owed(database_url, paid(3000), accrued(3000, NOW))
    assert (found.instructors, found.owed_minor) == (1, 0)
    assert [(one.user_id, one.pending_minor, one.debt_minor) for one in each] == [(IVY, 3000, 3000)]


def test_who_is_paid_all_that_they_earned_is_not_listed(database_url: str) -> None:
    found, each = owed(database_url, available_since(1, 3000), paid(3000), available_since(1, 10, OLA))
    assert (found.instructors, [one.user_id for one in each]) == (1, [OLA])


def test_a_refund_that_is_heard_of_before_its_sale_makes_all_less_payable(database_url: str) -> None:
    found, [one] = owed(database_url, available_since(1, 3000), accrued(-1000, NOW))
    assert (one.available_minor, one.pending_minor) == (2000, 0)
    assert ages(found) == [2000, 0, 0, 0]


def test_a_shortfall_is_what_is_owed_and_is_not_at_stripe() -> None:
    """Cases, marketplace 9: owed 700.00; 1,000.00 at Stripe, of which 400.00 go."""
    assert shortfall(100_000, 70_000) == 0
    assert shortfall(100_000 - 40_000, 70_000) == 10_000
    assert shortfall(-500, 70_000) == 70_500
