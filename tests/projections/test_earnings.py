"""Earnings as tables: live is what a rebuild makes of the same facts, and any day is read of them."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import product
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.earnings.balances import Day, Out, balances
from ledger.earnings.events import EarningsAccrued, EarningsHeld
from ledger.earnings.state import Earnings, evolve
from ledger.earnings.stream import stream_of
from ledger.earnings.terms import Reckoning, available_on
from ledger.store import conninfo
from projections.earnings.projection import Earnings as EarningsProjection
from projections.live import check, rebuild
from projections.registry import PROJECTIONS
from tests.ledger.examples import DAY, NOON
from tests.projections.histories import History, append
from tests.projections.paying_histories import OWNERS, Paying
from tests.projections.tables import catch_up, contents, select

IVY, OLA = "usr_ivy", "usr_ola"


def accrued(
    amount: int,
    at: datetime = NOON,
    user_id: str = IVY,
    currency: str = "usd",
    kind: str = "sale",
    number: int = 1,
) -> EarningsAccrued:
    return EarningsAccrued(
        user_id=user_id,
        currency=currency,
        kind=kind,
        amount_minor=amount,
        available_on=available_on(at),
        course_id=f"crs_{number % 3}",
        payment_id=f"pay_{number}",
        cause_position=number,
        reckoning=Reckoning(price_currency=currency, basis_minor=645, share_bp=7000, part_bp=10_000),
    )


def held(
    change: int, at: datetime = NOON, user_id: str = IVY, currency: str = "usd", number: int = 1
) -> EarningsHeld:
    return EarningsHeld(
        user_id=user_id,
        currency=currency,
        change_minor=change,
        available_on=available_on(at),
        course_id=f"crs_{number % 3}",
        payment_id=f"pay_{number}",
        cause_position=number,
    )


def stored(url: str, history: History, **options: Any) -> None:
    append(url, history.recorded)
    catch_up(url, **options)


def test_a_fact_is_a_movement_and_counts_on_its_days_and_in_its_month(database_url: str) -> None:
    history = History()
    stream = stream_of(IVY, "usd")
    history.add(stream, accrued(451), effective_at=NOON)
    history.add(stream, accrued(-150, kind="refund"), effective_at=NOON + 40 * DAY)
    history.add(stream, held(301), effective_at=NOON + 40 * DAY)
    stored(database_url, history)
    days = select(database_url, "SELECT * FROM earnings_days ORDER BY happened_on")
    assert [(one["happened_on"], one["amount_minor"], one["held_minor"]) for one in days] == [
        (date(2026, 3, 1), 451, 0),
        (date(2026, 4, 10), -150, 301),
    ]
    assert {one["available_on"] for one in days} == {date(2026, 3, 31)}
    months = select(database_url, "SELECT * FROM earnings_months ORDER BY month")
    assert [(one["month"], one["kind"], one["amount_minor"], one["movements"]) for one in months] == [
        (date(2026, 3, 1), "sale", 451, 1),
        (date(2026, 4, 1), "refund", -150, 1),
    ]
    movements = select(database_url, "SELECT * FROM earnings_movements ORDER BY position")
    assert [one["kind"] for one in movements] == ["sale", "refund", "held"]
    assert movements[0]["reckoning"]["basis_minor"] == 645
    assert (movements[2]["reckoning"], movements[2]["held_change_minor"]) == (None, 301)


def test_an_end_of_a_dispute_that_is_heard_of_first_makes_nothing_more_available(database_url: str) -> None:
    """Nor does it hold more when its beginning comes: both are of the days on which they happened."""
    stream, history = stream_of(IVY, "usd"), History()
    history.add(stream, accrued(4510), effective_at=NOON)
    history.add(stream, held(-301), effective_at=NOON + 5 * DAY)
    stored(database_url, history)
    query = "SELECT held_minor FROM earnings_days ORDER BY happened_on"
    assert [one["held_minor"] for one in select(database_url, query)] == [0]
    history.add(stream, held(301), effective_at=NOON + 3 * DAY)
    append(database_url, history.recorded[-1:])
    catch_up(database_url)
    assert [one["held_minor"] for one in select(database_url, query)] == [0, 301, -301]
    assert select(database_url, "SELECT * FROM earnings_holds") == []
    assert check(database_url).differences == ()


def _random_history(seed: int) -> History:
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    sales: list[tuple[int, datetime, str, str]] = []
    now = NOON
    for number in range(200):
        now += timedelta(hours=chance.randint(0, 30))
        if not sales or chance.random() < 0.5:
            sale = (number, now, chance.choice((IVY, OLA)), chance.choice(("usd", "eur")))
            sales.append(sale)
            event: Any = accrued(chance.randint(1, 9000), now, *sale[2:], number=number)
        else:
            sold, at, user_id, currency = chance.choice(sales)
            if chance.random() < 0.5:
                event = accrued(-chance.randint(1, 900), at, user_id, currency, "refund", sold)
            else:
                event = held(chance.choice((-100, 100)), at, user_id, currency, sold)
        history.add(stream_of(event.user_id, event.currency), event, effective_at=now)
    return history


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_live_is_rebuilt_after_any_history_and_is_owed_what_the_rules_say(
    database_url: str, seed: int, batch: int
) -> None:
    history = _random_history(seed)
    stored(database_url, history, batch=batch)
    live = contents(database_url)
    assert check(database_url).differences == ()
    assert rebuild(database_url) == len(history.recorded)
    assert contents(database_url) == live
    for row in select(
        database_url,
        "SELECT user_id, currency, sum(amount_minor)::bigint AS owed FROM earnings_days GROUP BY 1, 2",
    ):
        stream = stream_of(row["user_id"], row["currency"])
        events: list[Any] = [one.event for one in history.recorded if one.stream == stream]
        days: list[Day] = [*(state := reduce(evolve, events, Earnings())).days, state.past]
        assert row["owed"] == sum(day.amount_minor for day in days)
        assert row["owed"] == state.on(date.max).owed_minor


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 100), settled=st.booleans())
def test_sums_of_days_are_what_the_rules_have_of_each_day_and_what_is_booked(
    seed: int,
    steps: int,
    settled: bool,  # noqa: FBT001
) -> None:
    paying = Paying.by_chance(seed, steps, settled=settled)
    projection = EarningsProjection()
    projection.project_batch(paying.history.recorded)
    sums: Any = projection._days._sums
    for owner, day in product(OWNERS, paying.days):
        found = [
            (Day(key[3], amount, held), reserved, transferred)
            for key, (amount, held, reserved, transferred) in sums.items()
            if key[:2] == owner and key[2] <= day
        ]
        out = Out(sum(one[1] for one in found), sum(one[2] for one in found))
        read = balances((one[0] for one in found), day, out)
        if day == paying.days[-1] or paying.is_heard_in_order(owner, day):
            assert read == paying.earnings(owner, day).on(day), day
        if not paying.waiting:
            assert read.owed_minor == paying.booked(owner, day), day


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_live_is_rebuilt_after_any_payouts(database_url: str, seed: int, batch: int) -> None:
    paying = Paying.by_chance(seed, 150)
    append(database_url, paying.history.recorded)
    told = {name: PROJECTIONS[name] for name in ("earnings", "journal")}
    catch_up(database_url, told, batch=batch)
    live = contents(database_url)
    assert check(database_url, tuple(told)).differences == ()
    assert rebuild(database_url, tuple(told)) == len(paying.history.recorded)
    assert contents(database_url) == live
    assert select(database_url, "SELECT count(*) AS found FROM instructor_payouts")[0]["found"] > 1


_PLANS = {
    "earnings_days_pkey": "SELECT * FROM earnings_days WHERE user_id = 'x' AND happened_on <= '2026-01-01'",
    "earnings_months_pkey": "SELECT * FROM earnings_months WHERE user_id = 'x' AND month < '2026-01-01'",
    "earnings_movements_of_user": """
        SELECT * FROM earnings_movements WHERE user_id = 'x' AND position < 9 ORDER BY position DESC LIMIT 9
    """,
    "instructor_payouts_of_user": """
        SELECT * FROM instructor_payouts WHERE user_id = 'x' AND position < 9 ORDER BY position DESC LIMIT 9
    """,
    "payout_recalls_of_payout": "SELECT * FROM payout_recalls WHERE payout_id = 'x' ORDER BY position",
    "payouts_withheld_of_user": "SELECT * FROM payouts_withheld WHERE user_id = 'x'",
    "payout_turns_in_order": "SELECT * FROM payout_turns WHERE currency = 'usd' ORDER BY position",
    "earnings_movements_by_time": """
        SELECT * FROM earnings_movements
        WHERE user_id = 'x' AND effective_at <= '2026-02-01' AND (effective_at, position) > ('2026-01-01', 9)
        ORDER BY effective_at, position LIMIT 9
    """,
}


@pytest.mark.parametrize("index", _PLANS)
def test_each_list_is_read_by_its_index(index: str, database_url: str) -> None:
    with psycopg.connect(conninfo(database_url)) as conn:
        conn.execute("SET enable_seqscan = off")
        conn.execute("SET enable_bitmapscan = off")
        plan = conn.execute(f"EXPLAIN {_PLANS[index]}".encode()).fetchall()
    assert index in "\n".join(line for (line,) in plan)
