"""`liberation tokens`: what somebody has earned, from the command line."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import psycopg
from msgspec.structs import replace

from ledger.message import Command, Origin
from ledger.store import Store, conninfo
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.token_examples import ANN, award, penalise, redeem

ROOT = Origin(actor="usr_root", roles=frozenset({"admin", "system"}))
NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)


async def recorded(url: str, *commands: Command) -> None:
    async with Store.open(url) as store:
        for command in commands:
            await store.handle(replace(command, effective_at=NOW), ROOT)


def test_a_users_tokens_are_shown_with_what_changed_them(run: Run, ledger: str) -> None:
    assert "Nothing was ever awarded." in run("tokens", "show", ANN).stdout
    later = NOW + timedelta(days=9)
    awards = (award(100, "a", expires_at=SOON), award(70, "b", pending_until=later))
    asyncio.run(recorded(ledger, *awards, penalise(30)))
    project(ledger)
    shown = run("tokens", "show", ANN).stdout
    assert f"{ANN}  70 tokens, 70 pending, 0 owed" in shown
    assert f"70 expire at {SOON:%Y-%m-%d} 00:00 UTC" in shown
    assert "70 are pending until" in shown
    assert re.search(r"penalised +pen_\w+ .* Answers that were copied", shown)
    told = json.loads(run("tokens", "show", ANN, "--json").stdout)
    assert told["balance"]["balance"] == 70
    assert [one["kind"] for one in told["movements"]] == ["penalised", "awarded", "awarded"]


def test_what_the_limits_took_of_an_award_is_shown_beside_what_was_granted(run: Run, ledger: str) -> None:
    """Also where what was granted repaid a debt, or is pending."""
    later = NOW + timedelta(days=9)
    limited = award(90, "c", cap=150, pending_until=later)
    asyncio.run(recorded(ledger, penalise(30), award(100, "a", cap=150), award(20, "b", cap=150), limited))
    project(ledger)
    shown = run("tokens", "show", ANN).stdout
    assert re.search(r"awarded +course_completed +a +70 +70 +0 +0\n", shown), "all of it was granted"
    assert re.search(r"awarded +course_completed +c +90 +0 +90 +0 +30\n", shown)


def test_what_became_of_tokens_is_shown_by_month_and_rule(run: Run, ledger: str) -> None:
    project(ledger)
    assert "all" in run("tokens", "breakage").stdout
    asyncio.run(recorded(ledger, award(100, "a", expires_at=SOON), redeem(30), penalise(90)))
    project(ledger)
    month = f"{NOW:%Y-%m}"
    lines = run("tokens", "breakage", "--first", month, "--last", month).stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [
        [month, "all", "0", "100", "0", "30", "0", "0", "90", "-20"],
        [month, "(owed)", "0", "0", "0", "0", "0", "0", "20", "-20"],
        [month, "course_completed", "0", "100", "0", "30", "0", "0", "70", "0"],
    ]
    told = json.loads(run("tokens", "breakage", "--json").stdout)["items"]
    assert (len(told), told[-1]["month"], told[-1]["closing"]) == (12, month, -20)
    wrong = run("tokens", "breakage", "--first", "2026-02", "--last", "2026-01")
    assert wrong.exit_code == 2
    assert "--first must not be after the last month, which is 2026-01." in wrong.stderr
    assert run("tokens", "breakage", "--first", "2026-01-01").exit_code == 2


def test_what_is_outstanding_is_shown_with_its_value(run: Run, ledger: str) -> None:
    assert "Nobody has any." in run("tokens", "liability").stdout
    later = NOW + timedelta(days=9)
    asyncio.run(recorded(ledger, award(100, "a", expires_at=SOON), award(7, "b", pending_until=later)))
    project(ledger)
    shown = run("tokens", "liability").stdout
    assert "100 tokens less 0 owed: 100 (0.00 USD) outstanding" in shown
    assert "7 (0.00 USD) are pending beside them" in shown
    assert f"{SOON:%Y-%m}" in shown
    told = json.loads(run("tokens", "liability", "--json").stdout)
    assert told["outstanding"] == {"tokens": 100, "value_minor": 0}


def test_a_replay_that_checks_names_whose_tokens_are_not_the_books(run: Run, ledger: str) -> None:
    asyncio.run(recorded(ledger, award(100, "a", expires_at=SOON)))
    project(ledger)
    assert run("replay", "--check").exit_code == 0
    with psycopg.connect(conninfo(ledger), autocommit=True) as conn:
        conn.execute("UPDATE token_accounts SET balance = balance + 1")
    said = run("replay", "--check")
    assert said.exit_code == 1
    assert f"The tokens of {ANN} are 101 by their balance less their debt, 100 in account 9100" in said.stderr
    told = json.loads(run("replay", "--check", "--json").stdout)
    assert [(one["user_id"], one["accounted"], one["booked"]) for one in told["untied"]] == [(ANN, 101, 100)]
    assert not told["equal"]
