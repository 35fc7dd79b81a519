"""What is read of earnings is what the rules say and what the books have, on every day of any history."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.earnings.owed_reads import owed_to, totals
from api.earnings.reads import standings_of
from api.earnings.resources import Sums, sums_of
from api.earnings.statement import Month, statement_of
from ledger.earnings.balances import balances
from ledger.store import conninfo
from projections.live import check
from projections.registry import PROJECTIONS
from tests.projections.histories import append
from tests.projections.paying_histories import OWNERS, Owner, Paying
from tests.projections.tables import EMPTY_THE_STORE, catch_up, select

TOLD = ("earnings", "journal")
_EMPTY = """
    TRUNCATE positions, entries, postings, balances, earnings_days, earnings_months, earnings_movements,
        instructor_payouts, payout_recalls, payouts_withheld,
        payout_turns, earnings_holds
"""


def stored(url: str, paying: Paying, batch: int) -> None:
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        conn.execute(_EMPTY)
        conn.execute("SET session_replication_role = replica")
        for statement in EMPTY_THE_STORE:
            conn.execute(statement)
    append(url, paying.history.recorded)
    catch_up(url, {name: PROJECTIONS[name] for name in TOLD}, batch=batch)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 100), settled=st.booleans(), batch=st.integers(1, 60))
def test_what_is_read_is_what_the_rules_and_the_books_have_on_every_day(
    database_url: str,
    seed: int,
    steps: int,
    settled: bool,  # noqa: FBT001
    batch: int,
) -> None:
    paying = Paying.by_chance(seed, steps, settled=settled)
    stored(database_url, paying, batch)
    asyncio.run(_ties(database_url, paying))
    _payouts_are_as_the_rules_have_them(database_url, paying)
    assert check(database_url, TOLD).differences == ()


async def _ties(url: str, paying: Paying) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo(url), autocommit=True) as connection:
        for day in paying.days:
            await _instructors_tie(connection, paying, day)
            await _all_together_tie(connection, day)
        if not paying.waiting:
            await _statements_tie(connection, paying)


async def _instructors_tie(connection: Any, paying: Paying, day: date) -> None:
    for user_id, currency in OWNERS:
        found = (await standings_of(connection, user_id, day, day)).get(currency)
        read = balances(found.days, day, found.out) if found else balances((), day)
        state = paying.earnings((user_id, currency), day)
        if paying.is_heard_in_order((user_id, currency), day):
            assert read == state.on(day), day
        if not paying.waiting:
            assert read.owed_minor == paying.booked((user_id, currency), day), day


async def _all_together_tie(connection: Any, day: date) -> None:
    each = await owed_to(connection, day, day, ("", ""), 100)
    for one in each:
        of = (await standings_of(connection, one.user_id, day, day))[one.currency]
        expected = sums_of(one.currency, balances(of.days, day, of.out))
        assert {name: getattr(one, name) for name in Sums.__struct_fields__} == expected
    for one_sum in await totals(connection, day, day):
        members = [one for one in each if one.currency == one_sum.currency]
        assert one_sum.instructors == len(members)
        for name in Sums.__struct_fields__[1:]:
            assert getattr(one_sum, name) == sum(getattr(one, name) for one in members)
        ages = [age.amount_minor for age in one_sum.ages]
        assert sum(ages) == one_sum.available_minor - one_sum.debt_minor


async def _statements_tie(connection: Any, paying: Paying) -> None:
    for user_id in sorted({user_id for user_id, _ in OWNERS}):
        for month in sorted({Month(day.replace(day=1)) for day in paying.days}, key=lambda one: one.first):
            statement = await statement_of(connection, user_id, month, paying.now)
            for one in statement.currencies:
                before = paying.booked((user_id, one.currency), month.first - timedelta(days=1))
                closing = paying.booked((user_id, one.currency), month.last)
                assert (one.opening_minor, one.closing_minor) == (before, closing)


def _payouts_are_as_the_rules_have_them(url: str, paying: Paying) -> None:
    for owner in OWNERS:
        state = paying.earnings(owner)
        payouts = _of(url, "SELECT * FROM instructor_payouts WHERE (user_id, currency) = (%s, %s)", owner)
        moved = sum(one["transferred_minor"] - one["recalled_minor"] for one in payouts)
        assert moved == state.transferred_minor
        last = max(payouts, key=lambda one: one["position"], default=None)
        if state.payout is not None:
            assert last is not None
            assert (last["payout_id"], last["attempt"], last["amount_minor"]) == (
                state.payout.payout_id,
                state.payout.attempt,
                state.payout.amount_minor,
            )
            assert last["status"] == state.payout.status
        recalls = _of(url, "SELECT * FROM payout_recalls WHERE (user_id, currency) = (%s, %s)", owner)
        assert {one["recall_id"]: one["status"] for one in recalls if one["ended_at"] is None} == {
            recall_id: recall.status for recall_id, recall in state.recalls.items()
        }
        withheld = _of(url, "SELECT * FROM payouts_withheld WHERE (user_id, currency) = (%s, %s)", owner)
        assert [one["reason"] for one in withheld] == ([state.withheld] if state.withheld else [])


def _of(url: str, query: Any, owner: Owner) -> list[dict[str, Any]]:
    return select(url, query, *owner)
