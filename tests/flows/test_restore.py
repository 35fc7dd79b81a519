"""The backup of docs/operations.md, restored on another server: the same ledger, intact."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import make_conninfo

from api.cli import liberation
from api.embedded import EmbeddedPostgres, binaries
from ledger.store import Store
from tests.api.cli.payments import initiate
from tests.projections.tables import catch_up

EMPTY_DATABASE = (
    "CREATE ROLE liberation_application NOLOGIN",
    "CREATE ROLE liberation_auditor NOLOGIN",
    "CREATE DATABASE restored",
)


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[str]:
    """An administrator's connection string of a server that has never seen a ledger."""
    with EmbeddedPostgres(tmp_path / "other", durable=False) as postgres:
        yield postgres.url()


def program(name: str, *arguments: str) -> None:
    ran = subprocess.run(  # our own wheel's program
        [binaries.directory() / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=binaries.environment(),
    )
    assert ran.returncode == 0, ran.stderr


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(liberation, list(arguments), env={"LIBERATION_DATABASE_URL": url})


async def test_a_dump_restored_on_an_empty_server_is_the_same_ledger(
    database_url: str, other_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBERATION_DATA_DIR", str(tmp_path / "data"))
    await initiate(database_url, 3)
    catch_up(database_url)
    statement, dump = str(tmp_path / "checkpoint.json"), str(tmp_path / "liberation.dump")
    assert run(database_url, "checkpoint", "--out", statement).exit_code == 0

    program("pg_dump", "--format=custom", "--schema=liberation", f"--file={dump}", database_url)
    with psycopg.connect(other_server, autocommit=True) as admin:
        for query in EMPTY_DATABASE:
            admin.execute(query.encode())
    restored = make_conninfo(other_server, dbname="restored")
    program(
        "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={restored}", dump
    )

    assert run(restored, "migrate", "--json").exit_code == 0
    for arguments in (("verify", "--checkpoint", statement), ("replay", "--check")):
        checked = run(restored, *arguments, "--json")
        assert checked.exit_code == 0, (checked.stdout, checked.stderr)
    assert json.loads(run(restored, "verify", "--json").stdout)["events"] == 3
    await initiate(restored, 4)  # the first three are known by their command ids
    async with Store.open(restored) as store:
        assert await store.head() == 4, "it goes on where it ended, with its roles and functions"
    assert run(restored, "verify", "--checkpoint", statement).exit_code == 0
