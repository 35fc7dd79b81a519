"""The process that runs the postmaster: it alone knows when the last user left and when the server died.

A script for `python -I -S`, standard library only: `guard.py USERS SOCKETS POSTGRES ARGUMENT…`, where
USERS is an open descriptor of the users' lock, and SOCKETS the directory to clear away in the end. It
inherits the server's lock, locked, and holds it as long as it lives.

- The last user left, by `stop()` or `kill -9`: the exclusive lock on USERS is had. Fast shutdown.
- The postmaster was killed: it is started again. Here and not in the users, because one process can do it at
  once and without agreeing with others, and the users' pools only see a connection break.
- SIGTERM or SIGHUP, as when the machine shuts down: smart shutdown, so that users can finish with the
  connections they have. SIGINT: fast shutdown.
- The guard itself is killed: on Linux the kernel tells the postmaster, which shuts down fast. Elsewhere the
  next start finds and replaces it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

LAST_USER_LEFT = 0  # no signal has this number, so that both kinds of reason fit one pipe
STEADY_S = 60.0  # having run so long, the next crash is a new story
RESTARTS = 8  # in one story
DELAY_S = 0.05  # before the first restart, then twice as much each time: 12.75 s in all
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(users: int, sockets: Path, command: list[str]) -> None:
    """Lives as long as the server does."""
    if os.fork():
        os._exit(0)  # whoever started us need not wait for us, nor be our parent
    wake, waker = os.pipe()
    _listen(waker)
    postmaster = _launch(command)
    # after the first launch, so that at least that one forks from a single thread
    Thread(target=_await_last_user, args=(users, waker), daemon=True).start()
    _supervise(wake, postmaster, lambda: _launch(command))
    _clear(sockets)


def _listen(waker: int) -> None:
    """Each signal becomes a byte in the pipe, its number."""
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def _await_last_user(users: int, waker: int) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)  # kept to the end: who comes now waits until the server is gone
    os.write(waker, bytes([LAST_USER_LEFT]))


def _launch(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # the supervisor's own command
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_DIE_WITH_PARENT,  # noqa: PLW1509  # the other thread waits in the kernel, with no lock held
    )


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGINT)


_DIE_WITH_PARENT = _die_with_parent()


def _supervise(
    wake: int, postmaster: subprocess.Popen[bytes], launch: Callable[[], subprocess.Popen[bytes]]
) -> None:
    restarts, launched = 0, time.monotonic()
    while True:
        reason = os.read(wake, 1)[0]
        if reason in {LAST_USER_LEFT, signal.SIGINT}:
            postmaster.send_signal(signal.SIGINT)
            postmaster.wait()
            return
        if reason in {signal.SIGTERM, signal.SIGHUP}:
            postmaster.send_signal(signal.SIGTERM)
        if postmaster.poll() is None:
            continue
        if time.monotonic() - launched > STEADY_S:
            restarts = 0
        if not _crashed(postmaster.returncode, restarts):
            return
        time.sleep(DELAY_S * 2**restarts)
        restarts += 1
        postmaster, launched = launch(), time.monotonic()


def _crashed(returncode: int, restarts: int) -> bool:
    """Whether to start again. 0 was a shutdown. More is the postmaster's own refusal, final unless it comes
    after a crash: children of the dead one may still hold its memory for a moment.
    """
    if restarts == RESTARTS:
        return False
    return returncode < 0 or (returncode > 0 and restarts > 0)


def _clear(sockets: Path) -> None:
    try:
        for left in sockets.iterdir():
            left.unlink()
        sockets.rmdir()
    except OSError:
        pass  # the next start does it


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
