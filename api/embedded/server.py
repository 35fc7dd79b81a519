"""One server on one data directory, for all the processes that ask for it.

Two locked files in the data directory say all there is to know:

- `users.lock`: every user holds it shared. Who has it exclusively knows that there are none: the guard.
- `server.lock`: held by whoever makes the cluster or runs the server, and handed from the one to the other.
  While it is held, others wait for the server to answer; when it is free, there is no server.

The kernel drops both with their process, so that nothing here depends on anybody's good end.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self
from urllib.parse import quote

import psycopg
from psycopg import errors, pq, sql

from api.embedded import binaries, guard
from api.embedded.cluster import (
    SUPERUSER,
    clear_leftovers,
    ensure_cluster,
    make_socket_directory,
    socket_directory,
)
from api.embedded.errors import EmbeddedPostgresError, explained
from api.embedded.identity import identity_for
from api.embedded.locks import EXCLUSIVE, SHARED, open_lock, open_private, try_lock
from api.embedded.settings import options
from ledger.private_files import make_folder

START_TIMEOUT_S = 600.0  # recovery after a crash reads the log since the last checkpoint
STOP_TIMEOUT_S = 300.0  # the last checkpoint writes all that is in memory
POLL_S = 0.01
LOG_LIMIT_BYTES = 10_000_000
LOG: Final = "server.log"
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})

FIND_DATABASE: Final = "SELECT 1 FROM pg_database WHERE datname = %s"
CREATE_DATABASE: Final = "CREATE DATABASE {}"
SHOW_FSYNC: Final = "SHOW fsync"


class EmbeddedPostgres:
    """A user of the server in `data_dir`, which starts with the first user and ends with the last.

    `settings` are of whoever starts the server; a second user gets the server as it is. `durable=False`
    gives up what was written when the machine fails, for tests; a user who wants durability refuses to share
    such a server. Processes forked from a user are not users. Not for several threads at once.
    """

    def __init__(
        self, data_dir: Path, *, settings: Mapping[str, str] = NO_SETTINGS, durable: bool = True
    ) -> None:
        self.data_dir = Path(os.path.realpath(data_dir))  # by whatever link, one server
        self.log_file = self.data_dir / LOG
        self.owned = False
        """Whether this user started the server, rather than found it running."""
        self._cluster = self.data_dir / "cluster"
        self._sockets = socket_directory(self.data_dir)
        self._options = options(self._sockets, settings, durable=durable)
        self._durable = durable
        self._users: int | None = None
        self._log_start = 0
        _USERS.add(self)

    def url(self, dbname: str = "postgres") -> str:
        """For libpq; the superuser's, by Unix socket. Good as long as the server runs."""
        return f"postgresql://{SUPERUSER}@/{quote(dbname, safe='')}?host={quote(str(self._sockets), safe='')}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Returns when the server answers; `EmbeddedPostgresError` names what keeps it from answering."""
        if self._users is None:
            try:
                self._enter()
                self.ensure_running()
                self._check_durability()
            except BaseException:
                self._leave()
                raise
        return self

    def ensure_running(self) -> None:
        """Returns when the server answers; 3 ms if it does already, so that a watchdog may call it.

        The guard restarts a server that crashed, and this waits for it. If the guard is gone too, or gave
        up, this starts another.
        """
        if self._users is None:
            raise EmbeddedPostgresError("The embedded server is not in use: call start() first.")
        launched = False
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            if self._launch_if_free(again=launched):
                self.owned = launched = True
            elif self._answers():
                return
            self._pause(deadline, "The embedded server does not answer")

    def stop(self) -> None:
        """Leaves the server. Returns when it has ended, if this was its last user, else at once."""
        if not self._leave():
            return
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self._is_free():
            self._pause(deadline, "The embedded server does not stop")

    def ensure_database(self, name: str) -> None:
        """Creates the database unless it is there; two users may do so at once."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute(FIND_DATABASE, [name]).fetchone():
                return
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):  # the other one was first
                connection.execute(sql.SQL(CREATE_DATABASE).format(sql.Identifier(name)))

    def _enter(self) -> None:
        with explained("use the data directory"):
            make_folder(self.data_dir)
            self._users = open_lock(self.data_dir / "users.lock")
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while not try_lock(self._users, SHARED):  # the guard has it: its last user left, it is stopping
                self._pause(deadline, "The embedded server does not stop")

    def _leave(self) -> bool:
        """Whether this was the last user. Two who leave in the same instant may both say no."""
        if self._users is None:
            return False
        users, self._users, self.owned = self._users, None, False
        # neither lock to be had: the guard was quicker
        last = try_lock(users, EXCLUSIVE) or not try_lock(users, SHARED)
        os.close(users)
        return last

    def _is_free(self) -> bool:
        return self._with_server_lock(lambda _: None)

    def _launch_if_free(self, *, again: bool) -> bool:
        def launch(lock: int) -> None:
            if again:
                raise EmbeddedPostgresError(f"The embedded server does not start: {self._log_excerpt()}")
            self._launch(lock)

        return self._with_server_lock(launch)

    def _with_server_lock(self, action: Callable[[int], None]) -> bool:
        """Whether the lock was free; if so, `action` ran with it. A process it started may hold it on."""
        with explained("lock the data directory"):
            lock = open_lock(self.data_dir / "server.lock")
        try:
            free = try_lock(lock, EXCLUSIVE)
            if free:
                action(lock)
        finally:
            os.close(lock)
        return free

    def _launch(self, lock: int) -> None:
        programs = binaries.directory()
        with explained("start PostgreSQL"):
            identity = identity_for(self.data_dir)
            ensure_cluster(self._cluster, programs, identity, durable=self._durable)
            make_socket_directory(self._sockets, identity)
            clear_leftovers(self._cluster, self._sockets)
            users = open_lock(self.data_dir / "users.lock")  # our own is locked: the guard needs another
            log = self._open_log()
            try:
                identity.run(
                    self._guard_command(programs, users),
                    env=binaries.environment(),
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock, users),
                    start_new_session=True,  # Ctrl-C in a terminal is for the users
                )
            finally:
                os.close(users)
                os.close(log)

    def _guard_command(self, programs: Path, users: int) -> list[str]:
        python = [sys.executable, "-I", "-S", str(Path(guard.__file__).resolve())]
        postgres = [str(programs / "postgres"), "-D", str(self._cluster)]
        return [*python, str(users), str(self._sockets), *postgres, *self._options]

    def _open_log(self) -> int:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        log = open_private(self.log_file, os.O_WRONLY | os.O_APPEND)
        self._log_start = os.fstat(log).st_size
        return log

    def _log_excerpt(self) -> str:
        """What the server said of its failure since we started it."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read(100_000).decode(errors="replace").splitlines()
        telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "HINT"))]
        return " ".join(telling[:3] or lines[-3:]) + f" (all of it in {self.log_file})"

    def _answers(self) -> bool:
        # libpq's own question: yes also when all connections are taken, no while it recovers or shuts down
        return pq.PGconn.ping(f"{self.url()}&connect_timeout=5".encode()) == pq.Ping.OK

    def _check_durability(self) -> None:
        if self.owned or not self._durable:
            return
        with psycopg.connect(self.url()) as connection:
            if connection.execute(SHOW_FSYNC).fetchone() == ("off",):
                raise EmbeddedPostgresError(
                    f"The server on {self.data_dir} runs with fsync off for another process: stop that first."
                )

    def _pause(self, deadline: float, trouble: str) -> None:
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"{trouble}: see {self.log_file}.")
        time.sleep(POLL_S)


_USERS: weakref.WeakSet[EmbeddedPostgres] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child would hold its parent's lock on, and with it the server, after the parent left."""
    for server in _USERS:
        users, server._users, server.owned = server._users, None, False  # noqa: SLF001  # this module's own
        if users is not None:
            os.close(users)


os.register_at_fork(after_in_child=_forget_in_child)
