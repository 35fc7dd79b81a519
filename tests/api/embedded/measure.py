"""Prints the figures of docs/decisions/0003: `PYTHONPATH=. python tests/api/embedded/measure.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil

from api.embedded import EmbeddedPostgres

ROUNDS = 9

OWNER = """
import sys
from pathlib import Path
from api.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1])).start()
print(flush=True)
sys.stdin.read()
"""


def timed(action: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def postmaster(server: EmbeddedPostgres) -> psutil.Process:
    pid_file = server.data_dir / "cluster" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))


def gone(process: psutil.Process) -> None:
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)


def cold(base: Path) -> float:
    server = EmbeddedPostgres(Path(tempfile.mkdtemp(dir=base)))
    taken = timed(server.start)
    server.stop()
    return taken


def crash(server: EmbeddedPostgres) -> float:
    with server:  # anew, as a server that crashes again and again is restarted ever later
        process = postmaster(server)
        process.send_signal(signal.SIGKILL)
        gone(process)
        return timed(server.ensure_running)


def orphan(server: EmbeddedPostgres) -> float:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(server.data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        process = postmaster(server)
        owner.kill()
        return timed(lambda: gone(process))


def memory(server: EmbeddedPostgres) -> tuple[int, float]:
    """Processes, the guard too, and MB: proportional set size, which counts shared pages once."""
    guard = postmaster(server).parent()
    assert guard is not None
    taken = []
    for process in [guard, *guard.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # the connection of a moment ago
            taken.append(process.memory_full_info().pss)
    return len(taken), sum(taken) / 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        show("cold start", [cold(base) for _ in range(ROUNDS)])
        server = EmbeddedPostgres(base / "warm")
        server.start()
        server.stop()
        starts, stops = zip(*[(timed(server.start), timed(server.stop)) for _ in range(ROUNDS)], strict=True)
        show("warm start", starts)
        show("stop", stops)
        with server:
            show("ensure_running, all well", [timed(server.ensure_running) for _ in range(ROUNDS)])
            processes, megabytes = memory(server)
            show_line(f"idle: {processes} processes, {megabytes:.0f} MB")
        show("kill -9 of the postmaster to the next answer", [crash(server) for _ in range(ROUNDS)])
        show("kill -9 of the only user to no server", [orphan(server) for _ in range(ROUNDS)])


def show(what: str, taken_ms: list[float] | tuple[float, ...]) -> None:
    """The median, the least and the most."""
    show_line(f"{what}: {median(taken_ms):.0f} ms ({min(taken_ms):.0f} to {max(taken_ms):.0f})")


def show_line(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
