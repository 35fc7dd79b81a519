from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from api.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.api.embedded.conftest import DEADLINE_S, REPOSITORY, User, alive, postmaster, query, until

pytestmark = pytest.mark.postgres

MakeUser = Callable[..., User]


def test_a_server_starts_cold_stops_without_a_trace_and_starts_warm_with_its_data(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data")
    with server:
        assert server.owned
        query(server, "CREATE TABLE kept AS SELECT 1 AS one")
        pids = [postmaster(server.data_dir), psutil.Process(postmaster(server.data_dir)).ppid()]
    assert not any(alive(pid) for pid in pids)
    assert not server._sockets.exists()
    with server:
        assert query(server, "SELECT one FROM kept") == 1
        assert query(server, "SHOW fsync") == "on"
        assert query(server, "SHOW data_checksums") == "on"


@pytest.mark.parametrize("name", ["with space/and 'quote' ü", "y" * 120])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    with EmbeddedPostgres(tmp_path / name / "data", durable=False) as server:
        assert query(server, "SHOW data_directory") == str(tmp_path / name / "data" / "cluster")
        assert query(server, "SHOW fsync") == "off"


def test_settings_are_the_callers_except_for_the_way_in(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, settings={"max_connections": "7"}, durable=False) as server:
        assert query(server, "SHOW max_connections") == "7"
        assert query(server, "SHOW jit") == "off"
    with pytest.raises(EmbeddedPostgresError, match="cannot change port"):
        EmbeddedPostgres(tmp_path, settings={"port": "5433"})


def test_a_database_is_created_once(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        for _ in range(2):
            server.ensure_database('odd "name"')
        assert query(server, "SELECT count(*) FROM pg_database WHERE datname = 'odd \"name\"'") == 1


def test_processes_share_the_server_until_the_last_one_leaves(tmp_path: Path, user: MakeUser) -> None:
    both = [user(tmp_path), user(tmp_path)]
    said = [one.said() for one in both]
    assert sorted(said) == ["shared", "started"]
    owner, other = (both[said.index(word)] for word in ("started", "shared"))
    pid = postmaster(tmp_path)
    owner.leave()
    with EmbeddedPostgres(tmp_path, durable=False) as third:
        assert not third.owned
        assert query(third, "SELECT 1") == 1
    assert postmaster(tmp_path) == pid
    other.leave()
    assert not alive(pid)


def test_kill_9_of_every_user_ends_the_server(tmp_path: Path, user: MakeUser) -> None:
    owner, other = user(tmp_path), user(tmp_path)
    assert {owner.said(), other.said()} == {"started", "shared"}
    pid = postmaster(tmp_path)
    owner.kill()
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert query(server, "SELECT 1") == 1
    assert alive(pid)
    other.kill()
    until(lambda: not alive(pid))


def test_one_who_comes_while_the_server_stops_gets_another(tmp_path: Path, user: MakeUser) -> None:
    first = user(tmp_path)
    assert first.said() == "started"
    pid = postmaster(tmp_path)
    first.kill()
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert query(server, "SELECT 1") == 1
        assert postmaster(tmp_path) == pid or not alive(pid)


def test_a_killed_postmaster_is_restarted_with_every_committed_row(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        query(server, "CREATE TABLE kept (number integer)")
        guard = psutil.Process(postmaster(tmp_path)).ppid()
        for number in range(2):
            query(server, "INSERT INTO kept VALUES (1)")
            pid = postmaster(tmp_path)
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not alive(pid))  # type: ignore[misc]  # binds this round's
            server.ensure_running()
            assert query(server, "SELECT count(*) FROM kept") == number + 1
        pid = postmaster(tmp_path)
        assert psutil.Process(pid).ppid() == guard
    assert not alive(pid)


def test_a_killed_guard_is_replaced_and_its_server_too(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        query(server, "CREATE TABLE kept AS SELECT 1 AS one")
        old = postmaster(tmp_path)
        guard = psutil.Process(old).ppid()
        os.kill(guard, signal.SIGKILL)
        until(lambda: not alive(guard))
        server.ensure_running()
        assert not alive(old)
        assert query(server, "SELECT one FROM kept") == 1
        new = postmaster(tmp_path)
    assert not alive(new)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_nothing_is_left_when_guard_and_user_are_killed_together(tmp_path: Path, user: MakeUser) -> None:
    owner = user(tmp_path)
    owner.said()
    pid = postmaster(tmp_path)
    os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
    owner.kill()
    until(lambda: not alive(pid))
    EmbeddedPostgres(tmp_path)._sockets.rmdir()  # empty; the next start would have used it


def test_sigterm_to_the_guard_lets_connections_finish(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        pid = postmaster(tmp_path)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            os.kill(psutil.Process(pid).ppid(), signal.SIGTERM)
            until(lambda: "smart shutdown" in server.log_file.read_text())
            assert connection.execute("SELECT 1").fetchone() == (1,)
        until(lambda: not alive(pid))


def test_a_pid_file_with_a_strangers_number_neither_stops_us_nor_harms_the_stranger(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, durable=False)
    server.start()
    server.stop()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        stale = f"{stranger.pid}\n{tmp_path}\n1\n5432\n/tmp\n\n1 1\nready   \n"
        (tmp_path / "cluster" / "postmaster.pid").write_text(stale)
        server._sockets.mkdir(mode=0o700)
        (server._sockets / ".s.PGSQL.5432.lock").write_text(stale)
        with server:
            assert query(server, "SELECT 1") == 1
        assert stranger.poll() is None


def test_a_server_without_fsync_is_not_shared_with_one_who_needs_it(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        with pytest.raises(EmbeddedPostgresError, match="fsync off"):
            EmbeddedPostgres(tmp_path).start()
        assert query(server, "SELECT 1") == 1


def test_a_forked_child_does_not_hold_the_server(tmp_path: Path) -> None:
    program = """
import os, sys
end, held = os.pipe()
from pathlib import Path
from api.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
child = os.fork()
if not child:
    os.close(held)
    os.read(end, 1)  # until the parent has ended
    os._exit(0)
server.stop()
print((server.data_dir / "cluster" / "postmaster.pid").exists())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=DEADLINE_S,
        check=True,
    )
    assert done.stdout == "False\n"


def test_what_is_not_started_cannot_be_watched(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.stop()
    with pytest.raises(EmbeddedPostgresError, match=r"call start\(\) first"):
        server.ensure_running()
