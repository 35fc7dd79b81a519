"""The store is tested on the embedded PostgreSQL, and on the system's own where one is installed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.embedded import EmbeddedPostgres
from api.embedded.identity import identity_for
from tests import databases

SYSTEM_SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="session", params=["embedded", "system"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An administrator's connection string, as in the conftest above, of either server."""
    if request.param == "embedded":
        given = os.environ.get("LIBERATION_TEST_SERVER")
        if given:
            yield given
            return
        with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as postgres:
            yield postgres.url()
        return
    if not SYSTEM_SERVERS:
        pytest.skip("no PostgreSQL of the system's own in /usr/lib/postgresql (Debian: postgresql)")
    with _system_server(SYSTEM_SERVERS[-1]) as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """Of this `server`: without this, the conftest above would keep one for the whole session."""
    return databases.make_template(server)


@contextmanager
def _system_server(programs: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="lpg-"))  # short: it holds the socket
    identity = identity_for(folder)
    data, log = str(folder / "cluster"), str(folder / "log")
    settings = f"-k {folder} -c listen_addresses= -c fsync=off -c synchronous_commit=off"
    pg_ctl = [str(programs / "pg_ctl"), "--pgdata", data, "--wait"]
    initdb = [str(programs / "initdb"), "--pgdata", data, "--username=liberation", "--auth=trust"]
    made = identity.run([*initdb, "--no-sync", "--encoding=UTF8", "--locale=C"])
    assert made.returncode == 0, made.stdout
    started = identity.run([*pg_ctl, "--log", log, "--options", settings, "start"])
    assert started.returncode == 0, started.stdout
    try:
        yield f"host={folder} user=liberation dbname=postgres"
    finally:
        identity.run([*pg_ctl, "--mode=immediate", "stop"])
        shutil.rmtree(folder)
