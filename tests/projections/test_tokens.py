"""Tokens as tables: live is what a rebuild makes of the same facts, and both are what the rules remember."""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg
import pytest

from ledger.store import conninfo
from ledger.tokens.commands import DeclineAward
from projections.live import check, rebuild
from projections.queries.export import export
from projections.queries.ties import untied
from projections.tokens.tables import NEVER
from tests.ledger.examples import DAY, NOON
from tests.ledger.token_examples import (
    ANN,
    award,
    by_hand,
    claw_back,
    confirm,
    penalise,
    redeem,
    request,
    settle,
)
from tests.projections.tables import contents, select
from tests.projections.token_lives import Life, random_life

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def test_each_movement_has_the_balance_after_it(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a", expires_at=JUNE))
    life.do(award(70, "b", pending_until=NOON + 20 * DAY))
    life.do(penalise(130))
    life.do(settle(days=21))
    life.do(settle(days=95))
    life.store(database_url)
    found = select(database_url, "SELECT * FROM token_movements ORDER BY position")
    shown = [(one["kind"], one["change"], one["balance"], one["debt"], one["pending"]) for one in found]
    assert shown == [
        ("awarded", 100, 100, 0, 0),
        ("awarded", 0, 100, 0, 70),
        ("penalised", -100, 0, 30, 70),
        ("matured", 40, 40, 0, 0),
    ]
    assert found[3]["happened_at"] == NOON + 20 * DAY, "when it was due"
    [account] = select(database_url, "SELECT * FROM token_accounts")
    assert (account["balance"], account["debt"], account["pending"]) == (40, 0, 0)
    strips = select(database_url, "SELECT expires_on, remaining FROM token_strips ORDER BY expires_on")
    assert [tuple(one.values()) for one in strips] == [(date(2026, 6, 1), 0), (date(2027, 3, 2), 40)]


def test_lots_and_requests_say_what_became_of_them(database_url: str) -> None:
    life = Life()
    lot = life.do(award(100, "a", pending_until=NOON + DAY))
    life.do(claw_back(lot))
    life.do(by_hand(10, "b"))
    life.do(request(900))
    life.do(confirm("usr_eve"))
    life.do(request(900))
    life.do(DeclineAward(command_id="cmd_decline", effective_at=NOON, user_id=ANN, request_id="awr_1"))
    life.store(database_url)
    lots = select(database_url, "SELECT source_ref, status, reason FROM token_lots ORDER BY position")
    assert [tuple(one.values()) for one in lots] == [
        ("a", "reversed", ""),
        ("b", "granted", "For answers in the forum"),
        ("thanks", "granted", "For a year of answers"),
    ]
    [asked] = select(database_url, "SELECT status, amount, requested_by FROM token_requests")
    assert tuple(asked.values()) == ("declined", 900, "usr_root")


def test_tokens_are_a_commodity_of_their_own_in_exports(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a", expires_at=JUNE))
    life.do(redeem(60))
    life.do(settle(days=95))
    life.store(database_url)
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        journal = "".join(export(conn, "hledger"))
        beans = "".join(export(conn, "beancount"))
        lines = "".join(export(conn, "csv")).splitlines()
    assert "commodity 1000. TOK" in journal
    for leg in (
        "expenses:9000 Tokens issued  100 TOK",
        f"liabilities:9100 Tokens outstanding:{ANN}  -100 TOK",
        "income:9200 Tokens redeemed  -60 TOK",
        "income:9300 Tokens expired  -40 TOK",
    ):
        assert leg in journal
    assert "commodity TOK\n  precision: 0" in beans
    assert 'option "operating_currency" "TOK"' not in beans
    assert len(lines) == 1 + 6


@pytest.mark.parametrize(("seed", "batch"), [(1, 7), (2, 1_000), (3, 1)])
def test_live_is_rebuilt_and_is_what_the_rules_remember(database_url: str, seed: int, batch: int) -> None:
    life = random_life(seed)
    life.store(database_url, batch=batch)
    [account] = select(database_url, "SELECT balance, debt, pending FROM token_accounts")
    now = life.tokens
    assert tuple(account.values()) == (now.balance, now.debt, now.pending_amount)
    strips = select(database_url, "SELECT expires_on, remaining FROM token_strips WHERE remaining <> 0")
    remembered = {(one.expires_at.date() if one.expires_at else NEVER): one.left for one in now.strips}
    assert {one["expires_on"]: one["remaining"] for one in strips} == {
        day: left for day, left in remembered.items() if left
    }
    [books] = select(
        database_url,
        "SELECT credit_minor - debit_minor AS outstanding FROM balances WHERE account = '9100'",
    )
    assert books["outstanding"] == now.balance - now.debt
    with psycopg.connect(conninfo(database_url), autocommit=True) as conn:
        assert untied(conn) == []
    before = contents(database_url)
    assert check(database_url).differences == ()
    rebuild(database_url)
    assert contents(database_url) == before
