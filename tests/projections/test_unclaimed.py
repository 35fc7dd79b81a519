"""What moved at Stripe by nothing of ours, in a table that says what the facts come to."""

from __future__ import annotations

import random
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from api.background.balance_sweep import _UNKNOWN
from api.stripe.movements.claiming import _DUE
from api.webhooks.unexplained import LISTED
from ledger.store import conninfo
from ledger.unclaimed.commands import ClaimMovement, RecordMovementFundsAvailable, WithdrawExplanation
from ledger.unclaimed.stream import stream_of
from projections.live import check
from tests.ledger.examples import NOON
from tests.ledger.unclaimed_examples import explain, facts, moved
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, select

STEPS: dict[str, Any] = {
    "available": RecordMovementFundsAvailable(command_id="f", effective_at=NOON, balance_transaction_id="x"),
    "explain": explain("4000", "The shop's"),
    "withdraw": WithdrawExplanation(command_id="w", effective_at=NOON, balance_transaction_id="x"),
    "claim": ClaimMovement(
        command_id="c", effective_at=NOON, balance_transaction_id="x", claimed_by="payment-p"
    ),
}


def history(*lives: list[str]) -> History:
    """One movement for each of `lives`, which are the names of what became of it."""
    made = History()
    for number, life in enumerate(lives):
        command, movement_id = moved(), f"txn_{number}"
        entry = replace(command.balance_transaction, balance_transaction_id=movement_id)
        steps = [replace(STEPS[name], balance_transaction_id=movement_id) for name in life]
        made.add(stream_of(movement_id), *facts(replace(command, balance_transaction=entry), *steps))
    return made


def test_each_movement_shows_what_became_of_it(database_url: str) -> None:
    append(database_url, history([], ["available", "explain"], ["explain", "withdraw"], ["claim"]).recorded)
    catch_up(database_url)
    rows = select(
        database_url,
        "SELECT status, account, note, claimed_by, pending FROM unclaimed ORDER BY position",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("unexplained", "1090", "", "", True),
        ("explained", "4000", "The shop's", "", False),
        ("unexplained", "1090", "", "", True),
        ("claimed", "", "", "payment-p", False),
    ]


def test_it_is_built_anew_alike_however_its_facts_were_batched(database_url: str) -> None:
    chance = random.Random(38)  # noqa: S311  no secret: a repeatable lot
    lives = [chance.choices(["available", "explain", "withdraw"], k=chance.randrange(5)) for _ in range(40)]
    whole = history(*lives, *([["claim"]] * 5)).recorded
    for first in range(0, len(whole), 7):
        append(database_url, whole[first : first + 7])
        catch_up(database_url)
    assert check(database_url, ("unclaimed", "journal")).differences == ()


@pytest.mark.parametrize(
    ("query", "arguments", "index"),
    [
        (LISTED, {"before": 9, "status": "unexplained", "limit": 1}, "unclaimed_by_status"),
        (_DUE, (NOON, 1), "unclaimed_pending"),
        (_UNKNOWN, (["txn_1"],), "entries_by_source"),
    ],
)
def test_what_is_asked_often_reads_no_table_through(
    database_url: str, query: Any, arguments: Any, index: str
) -> None:
    with psycopg.connect(conninfo(database_url), autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        text = query if isinstance(query, str) else query.as_string(connection)
        cursor = psycopg.ClientCursor(connection)
        plan = cursor.execute(f"EXPLAIN {text}".encode(), arguments).fetchall()
    assert any(index in line for (line,) in plan), plan
