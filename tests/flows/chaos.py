"""A service, its PostgreSQL and a Stripe, each a process that can be killed and comes back where it was.

The sandbox is not the service's own child but a process beside it, as Stripe does not die with us.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg

from api.embedded import EmbeddedPostgres
from api.serve.sockets import is_free
from ledger.store import conninfo
from tests.service import ROOT, Service, alive, eventually, liberation, running_service

HOST = "127.0.0.1"
DATABASE = "liberation"
WEBHOOKS = "/api/webhooks/stripe"
SETTLE_TIMEOUT_S = 60.0
QUIET_PORTS = range(20_000, 32_000)
"""Below those that the kernel takes for outgoing connections, so that a dead process's port stays free."""

_HURRY = """
    UPDATE outbox
    SET due_at = clock_timestamp()
    WHERE delivered_at IS NULL AND parked_at IS NULL AND due_at > clock_timestamp()
"""


def quiet_port() -> int:
    # not seeded: tests that run side by side must not meet
    return next(port for port in iter(lambda: secrets.choice(QUIET_PORTS), None) if is_free(HOST, port))


class Stripe:
    """The sandbox as a process; what it knows outlives it."""

    def __init__(self, folder: Path, webhook_urls: Sequence[str]) -> None:
        folder.mkdir()
        self.port = quiet_port()
        self.url = f"http://{HOST}:{self.port}"
        self.secret = f"whsec_{secrets.token_hex(16)}"
        self._folder = folder
        self._webhook_url = webhook_urls[0]
        (folder / "secret").write_text(self.secret, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": "Bearer sk_test_sandbox"},
            timeout=30,
            trust_env=False,
        )

    def start(self) -> None:
        """Returns when it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "api.sandbox", "--port", str(self.port), "--die-with-parent",
                    "--state", str(self._folder / "state.sqlite"),
                    "--webhook-url", self._webhook_url, "--webhook-secret-file", str(self._folder / "secret"),
                ],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), (self._folder / "log").read_text(encoding="utf-8")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def close(self) -> None:
        self.kill()
        self._client.close()

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Of the sandbox itself, at `/_sandbox`."""
        answer = self._client.request(method, f"/_sandbox{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def all(self, resource: str) -> list[dict[str, Any]]:
        """Every object of a list, page after page."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self._client.get(f"/v1/{resource}", params={"limit": 100, **after}).json()
            found += page["data"]
            if not page["has_more"]:
                return found

    def balance(self) -> dict[str, int]:
        """What it holds for us, available or not, for each currency in which it ever held anything."""
        answer = self._client.get("/v1/balance").json()
        held: dict[str, int] = {}
        for one in answer["available"] + answer["pending"]:
            held[one["currency"]] = held.get(one["currency"], 0) + one["amount"]
        return held

    def deliver_at_once(self) -> bool:
        """Sends what waits for its next try. True when nothing waits."""
        waiting = self.control("GET", "/deliveries?state_is=pending") + self.control(
            "GET", "/deliveries?state_is=held"
        )
        if waiting:
            self.control("POST", "/deliveries/hold")
            self.control("POST", "/deliveries/release")
        return not waiting


class Node:
    """One service. Several share a data directory, and so the database."""

    def __init__(self, data_dir: Path, env: Mapping[str, str], port: int) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._data_dir = data_dir
        self.env = {**env, "LIBERATION_PORT": str(port)}
        self._stack = ExitStack()
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        assert self._service is not None, "it was not started"
        return self._service

    def start(self) -> None:
        """Returns when it answers."""
        self._service = self._stack.enter_context(running_service(self._data_dir, self.env))

    def kill(self) -> None:
        """All of its processes at once; the database's are not its own and end by themselves."""
        if self._service is None:
            return
        with self._stack, suppress(psutil.NoSuchProcess):
            main = psutil.Process(self._service.process.pid)
            for process in (main, *main.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._service.process.wait()


class City:
    """Everything together. `seed` decides what is killed when; `workers` is each node's."""

    def __init__(self, folder: Path, seed: int, *, nodes: int = 1, workers: int = 1) -> None:
        self.data_dir = folder / "data"
        self.random = random.Random(seed)  # noqa: S311  repeatable, no secret
        ports = [quiet_port() for _ in range(nodes)]
        self.stripe = Stripe(folder / "stripe", [f"http://{HOST}:{port}{WEBHOOKS}" for port in ports])
        env = {
            "LIBERATION_WORKERS": str(workers),
            "LIBERATION_STRIPE_API_KEY": "sk_test_sandbox",
            "LIBERATION_STRIPE_API_BASE": self.stripe.url,
            "LIBERATION_STRIPE_WEBHOOK_SECRET": self.stripe.secret,
            "LIBERATION_RATE_LIMIT_PER_MINUTE": "10000000",
            "LIBERATION_RATE_LIMIT_BURST": "1000000",
            # so that a Stripe that is slow leaves payments to the worker
            "LIBERATION_DELIVER_INLINE_TIMEOUT_S": "1",
        }
        self.nodes = [Node(self.data_dir, env, port) for port in ports]

    @property
    def node(self) -> Node:
        return self.nodes[0]

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.stripe.close)
            self.stripe.start()
            for node in self.nodes:
                stack.callback(node.kill)  # nothing is at stake any more, and it is quicker
            with ThreadPoolExecutor() as starting:
                list(starting.map(Node.start, self.nodes))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # what breaks

    def kill_service(self) -> None:
        """kill -9 of all its processes, then start it again."""
        self.node.kill()
        self.node.start()

    def kill_process(self) -> None:
        """kill -9 of one of several: one that answers requests, or the worker. The others bring it back."""

        def here() -> list[int]:
            """What was killed before may not be back."""
            found = self.node.service.processes()
            return alive([*found.apis, found.worker])

        _kill(self.random.choice(eventually(here)))

    def kill_postgres(self) -> None:
        """kill -9 of the postmaster, or of one session, which makes the postmaster end all of them."""
        postmaster = eventually(lambda: alive([self.node.service.processes().postmaster]))[0]
        sessions = [child.pid for child in psutil.Process(postmaster).children() if _is_session(child)]
        _kill(self.random.choice([postmaster, self.random.choice([*sessions, postmaster])]))

    def kill_stripe(self) -> None:
        """kill -9 of the sandbox in the middle of its requests, then start it again."""
        self.stripe.kill()
        self.stripe.start()

    def withhold_answers(self) -> None:
        """Stripe does the work and the answer does not come; the SDK asks again half a second later.
        Meanwhile a card is charged and we do not know it: there a crash hurts. `calm_stripe` ends it.
        """
        fault = {"kind": "timeout_after", "method": "POST", "probability": 0.2, "seconds": 0.2}
        self.stripe.control("POST", "/faults", {**self._always(), **fault})

    def disturb_stripe(self) -> None:
        """Cut connections before and after the work is done, answers that never come, webhooks lost, twice
        and late. `calm_stripe` ends it.
        """
        for kind, probability in (
            ("disconnect_after", 0.25), ("disconnect_before", 0.15), ("disconnect_mid_body", 0.15),
            ("timeout_after", 0.15), ("timeout_before", 0.1), ("error_after", 0.15),
        ):  # fmt: skip
            fault = {"kind": kind, "probability": probability, "seconds": 0.3, "path": "/v1/"}
            self.stripe.control("POST", "/faults", {**self._always(), **fault})
        for kind in ("drop", "duplicate", "shuffle"):
            fault = {"kind": kind, "probability": 0.2, "seconds": 1.0}
            self.stripe.control("POST", "/webhook_faults", {**self._always(), **fault})

    def calm_stripe(self) -> None:
        self.stripe.control("DELETE", "/faults")
        self.stripe.control("DELETE", "/webhook_faults")

    def _always(self) -> dict[str, Any]:
        return {"times": None, "seed": self.random.getrandbits(32)}

    # how it ends

    def settle(self, *, catch_up: bool = True) -> None:
        """Returns when everything is up and nothing is left to be done, with `catch_up` lost webhooks too.

        Time goes by faster: what waits for its next try, or for the lease of a dead process, is due at once.
        """
        with self.database() as conn:
            self._settled(conn)
            if not catch_up:
                return
            caught_up = liberation("stripe", "catch-up", "--json", data_dir=self.data_dir, env=self.node.env)
            assert caught_up.returncode == 0, caught_up.stderr
            self._settled(conn)

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """As its owner. Holding it keeps the server running."""
        with self.database_url() as url, psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
            yield conn

    @contextmanager
    def database_url(self) -> Iterator[str]:
        with EmbeddedPostgres(self.data_dir / "postgres") as server:
            yield server.url(DATABASE)

    def _settled(self, conn: psycopg.Connection[Any]) -> None:
        seen: list[int] = []

        def twice() -> bool:
            """At the same position: what was delivered meanwhile has led to nothing new."""
            seen.append(self._quiet_at(conn))
            return seen[-1] > 0 and seen[-2:] == [seen[-1]] * 2

        eventually(twice, SETTLE_TIMEOUT_S)

    def _quiet_at(self, conn: psycopg.Connection[Any]) -> int:
        """The position of a ledger where nothing waits; 0 when something does."""
        delivered = self.stripe.deliver_at_once()
        with suppress(httpx.TransportError):
            health = self.node.service.health()
            lags = [one["lag_events"] for one in health.get("projections", {}).values()]
            if delivered and lags and not any(lags) and not health["effects_waiting"]:
                return int(health["position"])
            conn.execute(_HURRY)
        return 0


def _kill(pid: int) -> None:
    assert pid > 0, "0 would be everybody here"
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_session(process: psutil.Process) -> bool:
    """Of a client, by the title that PostgreSQL gives it: `postgres: user database …`."""
    with suppress(psutil.NoSuchProcess):
        return f" {DATABASE} " in " ".join(process.cmdline())
    return False
