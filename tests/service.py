"""Runs the service as a process of its own, for tests that kill it and for benchmarks.

with running_service(tmp_path / "data") as service:
    answer = service.post("/api/payments/process", {...}, user="usr_1")
    os.kill(service.processes().sandbox, signal.SIGKILL)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from api.http.auth import mint
from api.settings import Settings

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.02


def environment(data_dir: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without its settings, with a free port and a quiet limit on requests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIBERATION_")}
    ours = {"LIBERATION_DATA_DIR": str(data_dir), "LIBERATION_PORT": "0", "PYTHONPATH": str(ROOT)}
    return {**kept, **ours, **(env or {})}


def liberation(
    *arguments: str, data_dir: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        env=environment(data_dir, env),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def eventually(probe: Callable[[], T], timeout_s: float = 30.0) -> T:
    """The first answer of `probe` that is true; an assertion fails when none is in time."""
    deadline = time.monotonic() + timeout_s
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{probe} did not come true"
        time.sleep(POLL_S)
    return found


@dataclass(frozen=True)
class Processes:
    """Ids. `apis` is empty where the main process answers itself; 0 is none."""

    main: int
    sandbox: int
    worker: int
    apis: Sequence[int]
    postmaster: int

    def all(self) -> list[int]:
        return [pid for pid in (self.main, self.sandbox, self.worker, *self.apis, self.postmaster) if pid]


@dataclass(frozen=True)
class Service:
    url: str
    sandbox_url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path
    settings: Settings
    client: httpx.Client = field(repr=False)

    def credential(self, user: str, *roles: str) -> str:
        return mint(self.settings, user, roles or ("student",))

    def get(self, path: str, *, user: str = "usr_admin", role: str = "admin", **params: str) -> Any:
        """The decoded answer; anything but 200 fails."""
        headers = {"Authorization": f"Bearer {self.credential(user, role)}"}
        answer = self.client.get(self.url + path, headers=headers, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(
        self, path: str, body: Any, *, user: str = "usr_1", role: str = "student", key: str = ""
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.credential(user, role)}",
            "Idempotency-Key": key or uuid.uuid4().hex,
        }
        return self.client.post(self.url + path, json=body, headers=headers)

    def pay(self, amount_minor: int = 1000, *, card: str = "pm_card_visa", key: str = "") -> httpx.Response:
        body = {"amount_minor": amount_minor, "currency": "usd", "payment_method": card}
        return self.post("/api/payments/process", body, key=key)

    def health(self) -> Any:
        return self.client.get(self.url + "/readyz").json()

    def settled(self) -> bool:
        """Every webhook is delivered and applied, and everything is projected."""
        pending = self.client.get(f"{self.sandbox_url}/_sandbox/deliveries", params={"state_is": "pending"})
        health = self.health()
        lags = [projection["lag_events"] for projection in health["projections"].values()]
        return pending.json() == [] and health["effects_waiting"] == 0 and not any(lags)

    def processes(self) -> Processes:
        found: dict[str, list[int]] = {"sandbox": [], "api": [], "worker": []}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            kind = _kind(child)
            if kind in found:
                found[kind].append(child.pid)
        first = {kind: (pids or [0])[0] for kind, pids in found.items()}
        return Processes(
            self.process.pid, first["sandbox"], first["worker"], tuple(found["api"]), self._postmaster()
        )

    def _postmaster(self) -> int:
        file = self.data_dir / "postgres" / "cluster" / "postmaster.pid"
        try:
            return int(file.read_text(encoding="utf-8").split()[0])
        except (OSError, IndexError):
            return 0

    def events(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and answers with the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)


def alive(pids: Sequence[int]) -> list[int]:
    """Zombies are dead: their parent only has not noticed."""
    return [pid for pid in pids if psutil.pid_exists(pid) and _status(pid) != psutil.STATUS_ZOMBIE]


@contextmanager
def running_service(
    data_dir: Path,
    env: Mapping[str, str] | None = None,
    *,
    command: Sequence[str] = ("serve",),
    log: Path | None = None,
) -> Iterator[Service]:
    """Ready for requests. Ended with SIGTERM if it still runs; a test looks at the exit code by `stop`.

    `log` is where it writes its log if that is not standard output, as with the demo.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    stem = data_dir.parent / f"{data_dir.name}-{uuid.uuid4().hex[:6]}"
    out, err = stem.with_suffix(".out"), stem.with_suffix(".err")
    log = log or out
    already = log.stat().st_size if log.exists() else 0
    settings = Settings(data_dir=data_dir)
    with (
        out.open("wb") as stdout,
        err.open("wb") as stderr,
        httpx.Client(timeout=60, trust_env=False) as client,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *command],
            env=environment(data_dir, env),
            cwd=data_dir.parent,
            stdout=stdout,
            stderr=stderr,
        )
        try:
            ready = _await_ready(process, log, already, err)
            yield Service(ready["url"], ready["sandbox_url"], data_dir, process, log, settings, client)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(STOP_TIMEOUT_S)


def _await_ready(process: subprocess.Popen[bytes], log: Path, already: int, err: Path) -> dict[str, str]:
    def ready() -> dict[str, str] | None:
        assert process.poll() is None, f"exit code {process.returncode}: {err.read_text(encoding='utf-8')}"
        new = log.read_bytes()[already:] if log.exists() else b""
        lines = [line for line in new.splitlines() if b'"service_ready"' in line and line.endswith(b"}")]
        return json.loads(lines[0]) if lines else None

    found = eventually(ready, START_TIMEOUT_S)
    assert found is not None
    return found


def _kind(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
    if "api.sandbox" in command:
        return "sandbox"
    return command[command.index("api.serve.child") + 1] if "api.serve.child" in command else ""


def _status(pid: int) -> str:
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE
