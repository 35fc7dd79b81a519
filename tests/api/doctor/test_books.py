"""Whether the books and what they are made up of say the same."""

from __future__ import annotations

import psycopg

from api.doctor import books
from api.doctor.finding import Finding
from ledger.store import conninfo
from tests.ledger.token_examples import ANN, award
from tests.projections.token_lives import Life


def found(url: str, *changes: bytes) -> Finding:
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        for change in changes:
            conn.execute(change)
        return books.tokens(conn)


def test_tokens_that_are_account_9100_are_well(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a"))
    life.store(database_url)
    assert found(database_url).level == "ok"


def test_a_user_whose_tokens_are_not_is_named_with_what_to_do(database_url: str) -> None:
    life = Life()
    life.do(award(100, "a"))
    life.store(database_url)
    told = found(database_url, b"UPDATE balances SET credit_minor = 90 WHERE account = '9100'")
    assert told.level == "wrong"
    assert f"{ANN} are 100 by their balance less their debt, 90 in account 9100" in told.said
    assert "replay --check" in told.todo


def test_tables_that_are_not_equally_far_are_not_compared(database_url: str) -> None:
    assert found(database_url, b"DELETE FROM positions").level == "skipped"
