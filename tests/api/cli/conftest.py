"""The command line within the test's process, on a database of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli import liberation
from ledger.store import Reader
from projections import live
from tests.api.cli.payments import initiate
from tests.service import eventually

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("verify", "--json")`; settings by name, as `database_url=…`."""
    for name in [name for name in os.environ if name.startswith("LIBERATION_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LIBERATION_DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments: str, **settings: str) -> Result:
        env = {f"LIBERATION_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(liberation, list(arguments), env=env)

    return invoke


@pytest.fixture
def ledger(run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The owner's connection string of a ledger with three payments, projected; the commands find it."""
    monkeypatch.setenv("LIBERATION_DATABASE_URL", database_url)
    asyncio.run(initiate(database_url, 3))
    with Reader(database_url) as reader, live.runner(database_url) as runner:
        eventually(lambda: runner.position() == reader.head())
    return database_url
