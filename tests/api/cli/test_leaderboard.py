"""`liberation leaderboard`: who earned the most, from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import get_args

import pytest

from api.cli.leaderboard import WINDOWS
from ledger.message import Origin
from ledger.store import Store
from ledger.visibility.commands import SetVisibility
from ledger.windows import WindowKind
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project

NOW = datetime.now(UTC)


@pytest.fixture
def earned(run: Run, ledger: str) -> str:
    for user_id, amount in (("usr_ann", 70), ("usr_bob", 90), ("usr_cleo", 70), ("usr_dan", 10)):
        assert run("tokens", "award", user_id, str(amount), "--reason", "Thanks").exit_code == 0
    project(ledger)
    return ledger


def ranks(run: Run, *options: str) -> list[tuple[int, str, int]]:
    items = json.loads(run("leaderboard", "--json", *options).stdout)["items"]
    return [(one["rank"], one["user_id"], one["score"]) for one in items]


def test_equal_scores_have_one_rank_and_windows_are_named(run: Run, earned: str) -> None:
    said = run("leaderboard", "--window", "all").stdout
    assert said.startswith("all  running\n")
    expected = [(1, "usr_bob", 90), (2, "usr_ann", 70), (2, "usr_cleo", 70), (4, "usr_dan", 10)]
    for window in WINDOWS:
        assert ranks(run, "--window", window) == expected
    assert ranks(run, "--limit", "2") == expected[:2]
    long_ago = run("leaderboard", "--window", "month", "--on", "2026-02-10").stdout
    assert long_ago == "2026-02  published\nNobody has earned any tokens in it.\n"
    assert run("leaderboard", "--window", "month", "--on", "2999-02-10").stdout.startswith(
        "2999-02  future\n"
    )
    daily = run("leaderboard", "--window", "all", "--on", "2026-02-10")
    assert (daily.exit_code, "--on cannot go with --window all" in daily.stderr) == (2, True)
    assert earned


def test_who_wants_to_be_on_no_board_is_not_there(run: Run, earned: str) -> None:
    async def hide() -> None:
        hidden = SetVisibility(command_id="hide", effective_at=NOW, user_id="usr_bob", visibility="hidden")
        async with Store.open(earned) as store:
            await store.handle(hidden, Origin(actor="usr_bob", roles=frozenset({"student"})))

    asyncio.run(hide())
    project(earned)
    assert ranks(run) == [(1, "usr_ann", 70), (1, "usr_cleo", 70), (3, "usr_dan", 10)]


def test_the_windows_are_those_of_the_rules() -> None:
    assert set(WINDOWS) == set(get_args(WindowKind))
