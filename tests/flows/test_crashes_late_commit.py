"""A process dies while its last command is being committed, and another one gets the repeat meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ledger.store.purse import ANN, Purse, fill, open_purses, spend


async def test_a_repeat_sees_its_first_sending_even_if_that_is_committed_while_it_is_decided(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_purses(database_url) as dying, open_purses(database_url) as living:
        await living.handle(fill(coins=1), ANN)
        await dying.handle(fill(coins=9), ANN)  # `living` still remembers 1 coin and would refuse
        refresh = living._writer._loader.refresh

        async def commit_first(*arguments: Any) -> Any:
            await dying.handle(spend(coins=10, command_id="once"), ANN)
            return await refresh(*arguments)

        monkeypatch.setattr(living._writer._loader, "refresh", commit_first)
        outcome = await living.handle(spend(coins=10, command_id="once"), ANN)
    assert outcome.repeated
    assert outcome.state == Purse(0)
    assert outcome.position == 3
