"""`liberation tokens`: what somebody has earned, from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from ledger.message import Command, Origin
from ledger.store import Store
from tests.api.cli.conftest import Run
from tests.api.cli.test_courses import project
from tests.ledger.token_examples import ANN, award, penalise

ROOT = Origin(actor="usr_root", roles=frozenset({"admin"}))
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
    assert "penalised" in shown
    told = json.loads(run("tokens", "show", ANN, "--json").stdout)
    assert told["balance"]["balance"] == 70
    assert [one["kind"] for one in told["movements"]] == ["penalised", "awarded", "awarded"]
