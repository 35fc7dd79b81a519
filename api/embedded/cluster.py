"""The files: making a cluster, and what an earlier server left of itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
from contextlib import suppress
from pathlib import Path

import psutil

from api.embedded import binaries
from api.embedded.errors import EmbeddedPostgresError, explained
from api.embedded.identity import Identity

SUPERUSER = "liberation"
LEFTOVER_TIMEOUT_S = 60.0
PRIVATE = 0o700


def socket_directory(data_dir: Path) -> Path:
    """Short, as a socket's path may have 103 bytes on macOS and 107 on Linux, and a data directory's more.

    Always under `/tmp`, whatever TMPDIR says: processes with different ones share a server.
    """
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp") / f"liberation-{digest}"  # noqa: S108  # its owner and mode are checked


def make_socket_directory(directory: Path, identity: Identity) -> None:
    """Makes it, or checks that it is ours alone: who may enter may connect, there is no password.

    Anybody can put a directory of this name into `/tmp`; a link there is not followed.
    """
    with explained("make the directory for the server's socket"):
        directory.mkdir(mode=PRIVATE, exist_ok=True)
        found = directory.lstat()
        if identity.uid >= 0 and found.st_uid == 0 and stat.S_ISDIR(found.st_mode):
            os.chown(directory, identity.uid, identity.gid, follow_symlinks=False)
            found = directory.lstat()
    ours = identity.uid if identity.uid >= 0 else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != ours or stat.S_IMODE(found.st_mode) != PRIVATE:
        raise EmbeddedPostgresError(
            f"{directory}, for the server's socket, must be of uid {ours} with mode 0700: remove it."
        )


def ensure_cluster(cluster: Path, programs: Path, identity: Identity, *, durable: bool) -> None:
    """Makes the cluster if there is none; refuses one that these programs cannot read.

    The caller holds the server's lock.
    """
    with explained("read the database's version"):
        version = _version(cluster)
    if version is None:
        _make_cluster(cluster, programs, identity, durable=durable)
        return
    ours = binaries.major_version(programs)
    if version != ours:
        raise EmbeddedPostgresError(
            f"{cluster} was made by PostgreSQL {version}, and this is PostgreSQL {ours}: dump it with "
            f"version {version} and restore it into a new data directory, or {binaries.INSTEAD}."
        )


def _version(cluster: Path) -> str | None:
    if not cluster.exists():
        return None
    try:
        return (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{cluster} is not a PostgreSQL cluster: move it away.") from None


def _make_cluster(cluster: Path, programs: Path, identity: Identity, *, durable: bool) -> None:
    """Under another name first: a cluster is there whole or not at all, whenever the power fails."""
    unfinished = cluster.with_name("cluster.unfinished")
    with explained("make the database"):
        if unfinished.exists():
            shutil.rmtree(unfinished)
        made = identity.run(_initdb(programs, unfinished, durable=durable), env=binaries.environment())
        if made.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise EmbeddedPostgresError(f"Cannot make the database in {cluster}: {_reason(made.stdout)}")
        unfinished.rename(cluster)
        if durable:
            _sync(cluster.parent)


def _initdb(programs: Path, directory: Path, *, durable: bool) -> list[str]:
    return [
        str(programs / "initdb"),
        f"--pgdata={directory}",
        f"--username={SUPERUSER}",
        "--auth=trust",  # the socket's directory is the credential
        "--encoding=UTF8",
        # sorts by code point, alike on every machine and for ever: no index breaks by a libc's upgrade
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
    ]


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if "error:" in line or "FATAL" in line or "detail:" in line]
    return " ".join(lines or output.splitlines()[-3:])


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_leftovers(cluster: Path, sockets: Path) -> None:
    """Removes what stands in the way of a start. The caller holds the server's lock: there is no guard.

    - A postmaster whose guard was killed is stopped, and its children are waited for.
    - A pid file whose number now belongs to a stranger is removed: PostgreSQL would believe in it.
      One whose process is gone stays, as PostgreSQL checks the shared memory it names.
    """
    with explained("clear away what an earlier server left"):
        pid_file = cluster / "postmaster.pid"
        if pid_file.exists():
            pid = _pid(pid_file)
            _end_servers(cluster, pid)
            if pid is None or psutil.pid_exists(pid):
                pid_file.unlink(missing_ok=True)
        for left in sockets.glob(".s.PGSQL.*"):
            left.unlink()


def _pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
    except (ValueError, FileNotFoundError):
        return None


def _end_servers(cluster: Path, postmaster: int | None) -> None:
    left = [process for process in psutil.process_iter() if _serves(process, cluster)]
    for process in left:
        if process.pid == postmaster:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(left, timeout=LEFTOVER_TIMEOUT_S)
    if alive:
        raise EmbeddedPostgresError(
            f"An earlier server on {cluster} does not end: processes {', '.join(str(p.pid) for p in alive)}."
        )


def _serves(process: psutil.Process, cluster: Path) -> bool:
    """Every process of a server has its cluster as working directory, which no stranger has by chance."""
    try:
        return process.name() == "postgres" and process.cwd() == str(cluster)
    except psutil.Error:
        return False
