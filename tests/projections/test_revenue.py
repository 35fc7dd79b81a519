"""What finance asks for: recurring revenue, churn, and a roll-forward that ties to the account."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.store import conninfo
from ledger.subscriptions.events import SubscriptionRequested
from projections.queries.revenue import Churn, Mrr, Rollforward, churn, deferred_rollforward, mrr
from tests.projections.histories import START, History, append
from tests.projections.subscription_histories import DAY, random_subscriptions
from tests.projections.tables import catch_up, select
from tests.projections.test_invoices import credited, finalized, line, paid, recognised, settled
from tests.projections.test_subscriptions import canceled, changed, requested, stands, started

AFTER_ALL = datetime(2100, 1, 1, tzinfo=UTC)


async def asked(url: str, read: Any, *arguments: Any) -> Any:
    async with await psycopg.AsyncConnection.connect(conninfo(url, role="liberation_auditor")) as conn:
        return await read(conn, *arguments)


def stored(url: str, history: History) -> None:
    append(url, history.recorded)
    assert catch_up(url).errors == {}


@pytest.fixture
def january(database_url: str) -> str:
    """Ann begins and moves up, Bob begins and leaves on day 10, Eve pays by the year, in euros."""
    history, bob, eve = History(), "subscriber-usr_bob", "subscriber-usr_eve"
    history.add("subscriber-usr_ann", requested(user_id="usr_ann"), started(), effective_at=START)
    history.add(bob, requested("sub_2", user_id="usr_bob", price_minor=500), started("sub_2"))
    yearly = requested("sub_3", user_id="usr_eve", currency="eur", interval="year", price_minor=9_990)
    history.add(eve, yearly, started("sub_3"))
    history.add("subscriber-usr_ann", changed("enterprise", 9_900), effective_at=START + 5 * DAY)
    history.add(bob, canceled("sub_2", 10 * DAY), effective_at=START + 11 * DAY)
    stored(database_url, history)
    return database_url


async def test_mrr_is_told_by_currency_and_tier_for_any_moment(january: str) -> None:
    first = [Mrr("eur", "pro", 1, 833), Mrr("usd", "pro", 2, 1_499)]
    assert await asked(january, mrr, START - DAY) == []
    assert await asked(january, mrr, START) == first
    assert await asked(january, mrr, START + 5 * DAY) == [
        Mrr("eur", "pro", 1, 833),
        Mrr("usd", "enterprise", 1, 9_900),
        Mrr("usd", "pro", 1, 500),
    ]
    assert await asked(january, mrr, AFTER_ALL) == [
        Mrr("eur", "pro", 1, 833),
        Mrr("usd", "enterprise", 1, 9_900),
    ]


async def test_churn_is_of_those_who_paid_at_the_start(january: str) -> None:
    assert await asked(january, churn, START, START + 30 * DAY) == []
    [euros, dollars] = await asked(january, churn, START + DAY, START + 30 * DAY)

    assert (euros.customers_at_start, euros.customers_lost, euros.mrr_churn_bp) == (1, 0, 0)
    assert dollars == Churn(
        currency="usd",
        customers_at_start=2,
        customers_lost=1,
        customer_churn_bp=5_000,
        mrr_at_start_minor=1_499,
        mrr_lost_minor=500,
        mrr_contracted_minor=0,
        mrr_churn_bp=3_336,
    )
    [_, early] = await asked(january, churn, START + DAY, START + 10 * DAY)
    assert early.customers_lost == 0


async def test_who_came_back_is_not_lost_and_who_pays_less_contracted(database_url: str) -> None:
    history = History()
    history.add("subscriber-usr_1", requested(), started(), effective_at=START)
    history.add("subscriber-usr_1", stands("paused"), effective_at=START + 3 * DAY)
    history.add("subscriber-usr_1", stands("active", "paused"), effective_at=START + 6 * DAY)
    history.add("subscriber-usr_1", changed("pro", 600), effective_at=START + 7 * DAY)
    stored(database_url, history)

    [paused] = await asked(database_url, churn, START + DAY, START + 4 * DAY)
    [back] = await asked(database_url, churn, START + DAY, START + 30 * DAY)
    assert (paused.customers_lost, paused.customer_churn_bp, paused.mrr_lost_minor) == (1, 10_000, 999)
    assert (back.customers_lost, back.mrr_lost_minor, back.mrr_contracted_minor) == (0, 0, 399)


async def test_the_rollforward_names_what_moved_the_liability(database_url: str) -> None:
    """Sold for 1,000 on 31 January: 18 of it are January's, earned up to its last instant."""
    history, february = History(), datetime(2026, 2, 1, tzinfo=UTC)
    last_instant = february - timedelta(microseconds=1)
    history.add("invoice-in_1", finalized(line("il_1", 1_000)), paid(), settled(), effective_at=START)
    history.add("invoice-in_1", recognised(0, ("il_1", 18)), effective_at=last_instant)
    history.add("invoice-in_1", recognised(1, ("il_1", 36)), effective_at=last_instant + DAY)
    history.add("invoice-in_1", credited("cn_1", 400, 22), effective_at=START + 10 * DAY)
    stored(database_url, history)

    assert await asked(database_url, deferred_rollforward, START - 30 * DAY, february) == [
        Rollforward("usd", 0, 1_000, 18, 0, 0, 0, 982)
    ]
    assert await asked(database_url, deferred_rollforward, february, february + 28 * DAY) == [
        Rollforward("usd", 982, 0, 36, 400, 0, 0, 546)
    ]


async def test_the_rollforward_of_any_history_ties_to_the_account_to_the_cent(database_url: str) -> None:
    facts = random_subscriptions(seed=12, users=80)
    append(database_url, facts)
    catch_up(database_url)
    last: dict[str, int] = {}
    totals: Counter[str] = Counter()
    start, end = START - DAY, max(one.metadata.effective_at for one in facts) + DAY
    while start < end:
        months = await asked(database_url, deferred_rollforward, start, start + 30 * DAY)
        for one in months:
            added = one.billed_minor - one.recognised_minor - one.credited_minor + one.other_minor
            assert one.opening_minor == last.get(one.currency, 0)
            assert one.closing_minor == one.opening_minor + added
            assert one.other_minor == 0
            last[one.currency] = one.closing_minor
            totals += Counter(billed=one.billed_minor, credited=one.credited_minor)
        start += 30 * DAY

    balances = select(
        database_url,
        "SELECT currency, sum(credit_minor - debit_minor)::bigint AS minor FROM balances"
        " WHERE account = '2000' GROUP BY currency",
    )
    assert last == {one["currency"]: one["minor"] for one in balances}
    assert min(totals.values()) > 1_000


async def test_mrr_of_any_history_is_that_of_the_subscriptions(database_url: str) -> None:
    facts = random_subscriptions(seed=13, users=80)
    append(database_url, facts)
    catch_up(database_url)
    there: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row in select(
        database_url, "SELECT currency, tier, mrr_minor FROM subscriptions WHERE mrr_minor > 0"
    ):
        there[row["currency"], row["tier"]].append(row["mrr_minor"])

    found = await asked(database_url, mrr, AFTER_ALL)
    assert found == [
        Mrr(currency, tier, len(prices), sum(prices)) for (currency, tier), prices in sorted(there.items())
    ]
    assert sum(isinstance(one.event, SubscriptionRequested) for one in facts) > 80


async def test_never_was_a_tiers_revenue_below_zero(database_url: str) -> None:
    facts = random_subscriptions(seed=14, users=40)
    append(database_url, facts)
    catch_up(database_url)
    for days in range(0, 400, 20):
        for one in await asked(database_url, mrr, START + timedelta(days=days)):
            assert one.subscriptions > 0
            assert one.mrr_minor > 0
