"""What became of tokens by month and rule: it adds up, and it is what the books have."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from ledger.store import conninfo
from projections.queries import tokens as reports
from projections.queries.export import export
from projections.queries.ties import untied
from projections.queries.tokens import ExpiringInMonth, TokenMonth, TokenSums
from tests.ledger.examples import DAY, NOON
from tests.ledger.token_examples import award, claw_back, penalise, redeem, reinstate, restore, settle
from tests.projections.histories import History
from tests.projections.tables import catch_up, select
from tests.projections.token_lives import Life, random_life

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
"""The history's first day is 1 March."""


def months(url: str, first: date, last: date) -> list[TokenMonth]:
    return asyncio.run(_asked(url, reports.by_month, first, last))


async def _asked(url: str, query: Any, *arguments: Any) -> Any:
    async with await AsyncConnection.connect(conninfo(url), autocommit=True) as conn:
        return await query(conn, *arguments)


def spring(url: str) -> dict[str, TokenMonth]:
    """From February to June, by name."""
    return {one.month: one for one in months(url, date(2026, 2, 1), date(2026, 6, 1))}


def told(of: TokenSums) -> dict[str, int]:
    """Without what is zero."""
    fields = {name: getattr(of, name) for name in TokenSums.__struct_fields__}
    return {name: amount for name, amount in fields.items() if amount}


def by_rule(month: TokenMonth) -> dict[str | None, dict[str, int]]:
    return {one.rule: told(one) for one in month.rules}


def in_order(url: str) -> list[Any]:
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        found = untied(conn)
    assert found is not None
    return found


# ------------------------------------------------------------------------------------------------- by months


def test_what_expires_is_told_by_the_rule_that_awarded_it(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a", expires_at=APRIL))
    life.do(award(10, "b", expires_at=APRIL, rule="helpful_review"))
    life.do(award(50, "c", expires_at=None, rule="streak_7"))
    life.do(redeem(70))
    life.do(settle(days=31))
    life.store(database_url)
    found = spring(database_url)
    assert told(found["2026-03"]) == {"awarded": 160, "redeemed": 70, "closing": 90}
    assert by_rule(found["2026-03"]) == {
        "course_completed": {"awarded": 100, "redeemed": 70, "closing": 30},
        "helpful_review": {"awarded": 10, "closing": 10},
        "streak_7": {"awarded": 50, "closing": 50},
    }
    assert told(found["2026-04"]) == {"opening": 90, "expired": 40, "closing": 50}
    assert by_rule(found["2026-04"]) == {
        "course_completed": {"opening": 30, "expired": 30},
        "helpful_review": {"opening": 10, "expired": 10},
        "streak_7": {"opening": 50, "closing": 50},
    }


def test_what_expires_with_the_last_day_of_a_month_does_so_in_the_next(database_url: str) -> None:
    """As the books have it: it can be spent until the month is over."""
    life = Life()
    life.do(award(100, "a", expires_at=APRIL))
    at_midnight = (APRIL - NOON) / DAY
    life.do(settle(days=at_midnight - 1e-9))
    life.do(settle(days=at_midnight))
    life.store(database_url)
    found = spring(database_url)
    assert told(found["2026-03"]) == {"awarded": 100, "closing": 100}
    assert told(found["2026-04"]) == {"opening": 100, "expired": 100}
    [books] = select(
        database_url,
        "SELECT count(*) AS n FROM entries WHERE type = 'tokens.expired.v1' AND effective_at >= %s",
        APRIL,
    )
    assert books["n"] == 1


def test_a_month_without_movement_opens_and_closes_alike(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a"))
    life.do(redeem(40, days=70))
    life.store(database_url)
    found = spring(database_url)
    assert told(found["2026-02"]) == {}
    assert found["2026-02"].rules == []
    assert told(found["2026-04"]) == {"opening": 100, "closing": 100}
    assert by_rule(found["2026-04"]) == {"course_completed": {"opening": 100, "closing": 100}}
    assert told(found["2026-05"]) == {"opening": 100, "redeemed": 40, "closing": 60}


def test_nothing_at_all_has_its_months_too(database_url: str) -> None:
    catch_up(database_url)
    assert [one.month for one in months(database_url, date(2025, 12, 1), date(2026, 1, 1))] == [
        "2025-12",
        "2026-01",
    ]


def test_what_is_given_again_after_it_expired_goes_on_under_its_rules(database_url: str) -> None:
    """Redeemed in March, over on 1 April, restored in April with a grace that ends in May, and gone then."""
    life = Life()
    life.do(award(30, "a", expires_at=APRIL, rule="helpful_review"))
    life.do(award(100, "b", expires_at=APRIL))
    life.do(award(10, "c", expires_at=None, rule="streak_7"))
    life.do(penalise(20))
    redeemed = life.do(redeem(115))
    life.do(restore(redeemed, days=58))
    life.do(settle(days=66))
    life.store(database_url)
    found = spring(database_url)
    assert by_rule(found["2026-03"])["helpful_review"] == {
        "awarded": 30,
        "penalised": 20,
        "redeemed": 10,
    }
    assert by_rule(found["2026-04"]) == {
        "course_completed": {"restored": 100, "closing": 100},
        "helpful_review": {"restored": 10, "closing": 10},
        "streak_7": {"opening": 5, "restored": 5, "closing": 10},
    }
    assert told(found["2026-05"]) == {"opening": 120, "expired": 110, "closing": 10}
    assert by_rule(found["2026-05"])["helpful_review"] == {"opening": 10, "expired": 10}


def test_what_is_given_again_on_the_very_day_of_its_end_has_ended(database_url: str) -> None:
    life = Life()
    life.do(award(30, "a", expires_at=APRIL, rule="helpful_review"))
    life.do(award(50, "b", expires_at=APRIL + DAY))
    redeemed = life.do(redeem(80))
    life.do(restore(redeemed, days=31))
    life.do(settle(days=33))
    life.store(database_url)
    assert by_rule(spring(database_url)["2026-04"]) == {
        "course_completed": {"restored": 50, "expired": 50},
        "helpful_review": {"restored": 30, "closing": 30},
    }
    assert in_order(database_url) == []


def test_the_first_of_what_had_expired_goes_to_the_debt(database_url: str) -> None:
    life = Life()
    life.do(award(30, "a", expires_at=APRIL, rule="helpful_review"))
    life.do(award(100, "b", expires_at=APRIL))
    redeemed = life.do(redeem(130))
    life.do(penalise(50, days=35))
    life.do(restore(redeemed, days=58))
    life.store(database_url)
    april = spring(database_url)["2026-04"]
    assert told(april) == {"restored": 130, "penalised": 50, "closing": 80}
    assert by_rule(april) == {
        None: {"restored": 50, "penalised": 50},
        "course_completed": {"restored": 80, "closing": 80},
    }
    assert in_order(database_url) == []


def test_what_expired_is_breakage_and_stays_that_when_its_award_is_clawed_back(database_url: str) -> None:
    life = Life()
    lot = life.do(award(100, "a", expires_at=APRIL))
    life.do(redeem(40))
    life.do(settle(days=31))
    life.do(claw_back(lot, days=62))
    life.do(reinstate(lot, days=63, expired=60))
    life.store(database_url)
    found = spring(database_url)
    assert told(found["2026-04"]) == {"opening": 60, "expired": 60}
    assert by_rule(found["2026-05"]) == {
        None: {"awarded": 40, "clawed_back": 40},
    }


def test_what_is_pending_is_in_no_month_until_it_matures(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a", pending_until=APRIL))
    gone = life.do(award(70, "b", pending_until=APRIL + 9 * DAY))
    life.do(claw_back(gone, days=5))
    life.do(settle(days=40))
    life.store(database_url)
    found = spring(database_url)
    assert told(found["2026-03"]) == {}
    assert told(found["2026-04"]) == {"awarded": 100, "closing": 100}


# ------------------------------------------------------------------------------------------------ the books

_POSTED = """
    SELECT to_char(effective_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, against,
        sum(amount)::bigint AS amount
    FROM (
        SELECT p.position, -p.amount_minor AS amount, q.account AS against
        FROM postings AS p
        JOIN postings AS q ON q.position = p.position AND q.account <> '9100'
        WHERE p.account = '9100'
    ) AS posted
    JOIN entries USING (position)
    GROUP BY month, against
    ORDER BY month, against
"""
_EACH_POSITION = """
    SELECT position, user_id, balance - debt AS accounted, booked
    FROM token_movements
    CROSS JOIN LATERAL (
        SELECT coalesce(-sum(amount_minor), 0)::bigint AS booked
        FROM postings AS p
        WHERE p.account = '9100'
            AND p.party = token_movements.user_id
            AND p.position <= token_movements.position
    ) AS posted
"""


def two_lives(seed: int) -> Life:
    history = History()
    random_life(seed, range(100), Life("usr_ann", history))
    return random_life(seed + 50, range(100, 200), Life("usr_bob", history))


@pytest.mark.parametrize(("seed", "batch"), [(1, 7), (2, 1_000), (3, 1), (4, 30), (5, 500)])
def test_tokens_are_account_9100_at_every_position_and_in_every_month(
    database_url: str, seed: int, batch: int
) -> None:
    life = two_lives(seed)
    life.store(database_url, batch=batch)
    positions = select(database_url, _EACH_POSITION)
    assert len(positions) > 100
    assert [one for one in positions if one["accounted"] != one["booked"]] == []
    assert in_order(database_url) == []

    found = months(database_url, date(2026, 3, 1), date(2027, 3, 1))
    for before, after in pairwise(found):
        assert before.closing == after.opening
    for month in found:
        for name in TokenSums.__struct_fields__:
            assert getattr(month, name) == sum(getattr(one, name) for one in month.rules), name
        for one in month.rules:
            assert one.closing <= 0 if one.rule is None else one.closing >= 0
    posted = {(one["month"], one["against"]): one["amount"] for one in select(database_url, _POSTED)}
    assert {key: amount for key, amount in posted.items() if amount} == {
        (month.month, account): amount
        for month in found
        for account, amount in (
            ("9000", month.awarded - month.clawed_back - month.penalised),
            ("9200", month.restored - month.redeemed),
            ("9300", -month.expired),
        )
        if amount
    }


_OF_BOB = {
    "balance": "UPDATE token_accounts SET balance = balance + 1 WHERE user_id = 'usr_bob'",
    "day": """
        UPDATE token_strips SET remaining = remaining + 1
        WHERE expires_on = (SELECT min(expires_on) FROM token_strips WHERE user_id = 'usr_bob')
            AND user_id = 'usr_bob'
    """,
    "award": """
        UPDATE token_stretches SET remaining = remaining + 1
        WHERE stretch_id = (SELECT min(stretch_id) FROM token_stretches WHERE strip LIKE 'usr_bob~%')
    """,
    "books": "UPDATE balances SET credit_minor = credit_minor + 1 WHERE party = 'usr_bob'",
    "pending": "UPDATE token_accounts SET pending = pending + 1 WHERE user_id = 'usr_bob'",
    "account": "DELETE FROM token_accounts WHERE user_id = 'usr_bob'",
}


@pytest.mark.parametrize("of", _OF_BOB)
def test_a_user_whose_tokens_are_not_the_books_is_found(database_url: str, of: str) -> None:
    two_lives(1).store(database_url)
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        conn.execute(_OF_BOB[of].encode())
    assert [one.user_id for one in in_order(database_url)] == ["usr_bob"]


def test_nothing_is_said_of_tables_that_are_not_equally_far(database_url: str) -> None:
    two_lives(1).store(database_url)
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        conn.execute("UPDATE positions SET notification_id = 1 WHERE application_name = 'breakage'")
        assert untied(conn) is None


@pytest.mark.skipif(
    shutil.which("hledger") is None, reason="hledger is not installed (Debian package hledger)"
)
def test_hledger_finds_the_same_tokens(database_url: str, tmp_path: Path) -> None:
    life = two_lives(2)
    life.store(database_url)
    file = tmp_path / "tokens.journal"
    with psycopg.connect(conninfo(database_url, role="liberation_auditor")) as conn:
        file.write_text("".join(export(conn, "hledger")))
    subprocess.run(["hledger", "-f", str(file), "check", "--strict"], check=True, timeout=60)
    [account] = select(database_url, "SELECT sum(balance - debt)::bigint AS amount FROM token_accounts")
    shown = subprocess.run(
        ["hledger", "-f", str(file), "balance", "--flat", "--depth", "2", "--no-total", "9100"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert shown.split()[:2] == [str(-account["amount"]), "TOK"]


# ---------------------------------------------------------------------------------------------- outstanding


def test_what_is_outstanding_is_told_by_the_month_in_which_it_expires(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a", expires_at=APRIL))
    life.do(award(20, "b", expires_at=APRIL + 3 * DAY))
    life.do(award(50, "c", expires_at=None))
    life.do(award(70, "d", pending_until=APRIL))
    life.do(redeem(30))
    life.store(database_url)
    assert asyncio.run(_asked(database_url, reports.expiring)) == [
        ExpiringInMonth("2026-04", 90),
        ExpiringInMonth(None, 50),
    ]
    for now, overdue in ((APRIL - DAY, 0), (APRIL, 70), (APRIL + 9 * DAY, 90)):
        found = asyncio.run(_asked(database_url, reports.outstanding, now))
        assert (found.balance, found.debt, found.pending, found.overdue) == (140, 0, 70, overdue)
