from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import psycopg
import pytest

from api.embedded import EmbeddedPostgres

REPOSITORY = Path(__file__).parents[3]
DEADLINE_S = 20.0

USER = """
import sys
from pathlib import Path
from api.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
print("started" if server.owned else "shared", flush=True)
sys.stdin.read()
server.stop()
"""


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "not within the deadline"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    """A zombie is gone: only its parent, which may be a careless init, has not asked yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])


def query(server: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


class User:
    """Another process that uses the server."""

    def __init__(self, data_dir: Path, *, prefix: Sequence[str] = (), uid: int | None = None) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-W", "error", "-c", USER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        assert (self.process.returncode, errors) == (0, "")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def user() -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def make(*arguments: object, **options: object) -> User:
        users.append(User(*arguments, **options))  # type: ignore[arg-type]  # passed on as they are
        return users[-1]

    yield make
    for made in users:
        made.kill()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Open to other uids, which pytest's `tmp_path` is not."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)
