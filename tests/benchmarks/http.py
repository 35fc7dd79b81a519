"""The service over HTTP, on loopback: reads against a bare handler, payments through the whole way."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import httpx
import psutil

from ledger.store import conninfo
from tests.benchmarks.load import Plan, Result, run_apart
from tests.benchmarks.measure import ROUNDS, Figure

SEEDED = 200
USERS = 1_000
READS = {64: 4_000, 1_000: 8_000}
PAYMENTS = {64: 1_000, 1_000: 3_000}
BODY = '{"amount_minor":1999,"currency":"usd","payment_method":"pm_card_visa","description":"Order {n}"}'


async def measure(url: str) -> list[Figure]:
    """Starts the service and a bare one on the database at `url`, both with one process."""
    async with service(url) as (address, credential, process), _bare(url) as bare:
        await pay(address, credential, connections=8, requests=SEEDED, first=0)
        paths = [f"/api/payments/{payment}" for payment in await payments(address, credential)]
        figures: list[Figure] = []
        for connections, requests in READS.items():
            ours: list[Result] = []
            theirs: list[Result] = []
            for _ in range(ROUNDS):
                ours.append(await read(address, paths, connections, requests, credential))
                theirs.append(await read(bare, paths, connections, requests))
            figures += _reads(connections, ours, theirs)
        calm = [await read(address, paths, USERS, 5 * USERS, credential, every_s=1.0) for _ in range(3)]
        figures.append(latency("GET /api/payments/{id}, 1,000 users, 1,000 reads/s", calm, goal_ms=200))
        first = SEEDED
        for connections, requests in PAYMENTS.items():
            rounds: list[Result] = []
            for _ in range(ROUNDS):
                rounds.append(await pay(address, credential, connections, requests, first))
                first += requests
            figures += _writes(connections, rounds)
        figures.append(await _at_a_pace(address, credential, first))
        memory = process.memory_info().rss / 1e6
    figures.append(Figure(name="memory of the service after all of this", value=memory, unit="MB"))
    return figures


def _reads(connections: int, ours: list[Result], theirs: list[Result]) -> list[Figure]:
    name = f"GET /api/payments/{{id}}, {connections:,} connections"
    rate = statistics.median(result.per_second for result in ours)
    bare = statistics.median(result.per_second for result in theirs)
    return [
        Figure(
            name=name,
            value=rate,
            unit="requests/s",
            baseline=f"a bare Litestar handler with the same queries: {bare:,.0f}/s",
            ratio=rate / bare,
            goal="≥ 0.7",
            met=rate / bare >= 0.7,
        ),
        latency(name, ours, goal_ms=200),
    ]


def _writes(connections: int, rounds: list[Result]) -> list[Figure]:
    name = f"POST /api/payments/process, {connections:,} connections"
    rate = statistics.median(result.per_second for result in rounds)
    return [Figure(name=name, value=rate, unit="payments/s"), latency(name, rounds, goal_ms=500)]


async def _at_a_pace(url: str, credential: str, first: int) -> Figure:
    """A thousand users who are connected at once, each of whom pays every ten seconds."""
    every_s = 10.0
    rounds: list[Result] = []
    for _ in range(3):
        rounds.append(await pay(url, credential, USERS, 2 * USERS, first, every_s))
        first += 2 * USERS
    return latency("POST /api/payments/process, 1,000 users, 100 payments/s", rounds, goal_ms=500)


def latency(name: str, rounds: list[Result], goal_ms: float) -> Figure:
    p50, p95, p99 = (
        statistics.median(getattr(result, key) for result in rounds) for key in ("p50_ms", "p95_ms", "p99_ms")
    )
    slowest = max(result.slowest_ms for result in rounds)
    return Figure(
        name=f"{name}, p95",
        value=p95,
        unit="ms",
        baseline=f"p50 {p50:,.0f}, p99 {p99:,.0f}, slowest of all {slowest:,.0f} ms",
        goal=f"< {goal_ms:.0f} ms",
        met=p95 < goal_ms,
    )


async def read(
    url: str,
    paths: list[str],
    connections: int,
    requests: int,
    credential: str = "",
    every_s: float = 0.0,
) -> Result:
    headers = {"authorization": f"Bearer {credential}"} if credential else {}
    plan = Plan(
        url=url, paths=paths, headers=headers, connections=connections, requests=requests, every_s=every_s
    )
    return all_good(await run_apart(plan), "200", requests)


async def pay(
    url: str, credential: str, connections: int, requests: int, first: int, every_s: float = 0.0
) -> Result:
    plan = Plan(
        url=url,
        paths=["/api/payments/process"],
        method="POST",
        headers={"authorization": f"Bearer {credential}", "idempotency-key": "bench-{n}"},
        body=BODY,
        connections=connections,
        requests=requests,
        first=first,
        every_s=every_s,
    )
    return all_good(await run_apart(plan), "201", requests)


def all_good(result: Result, status: str, requests: int) -> Result:
    assert result.statuses == {status: requests}, f"not all were answered {status}: {result.statuses}"
    return result


async def payments(url: str, credential: str) -> list[str]:
    """Ids of the payments made so far, once the projections show them."""
    headers = {"authorization": f"Bearer {credential}"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await client.get("/api/payments/history", params={"limit": "100", **cursor})).json()
            found += [item["payment_id"] for item in page["items"] if item["status"] == "succeeded"]
            if not page["has_more"]:
                return found
            cursor = {"cursor": page["next_cursor"]}


def cpu_s(process: psutil.Process) -> float:
    """What it took so far of the processor, which other work on the machine moves less than a clock."""
    times = process.cpu_times()
    return times.user + times.system


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def service(database_url: str, **settings: str) -> AsyncIterator[tuple[str, str, psutil.Process]]:
    """Its address, the student usr_bench's credential, and its process. `settings` are of its environment."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="liberation-bench-") as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LIBERATION_")},
            "LIBERATION_DATABASE_URL": database_url,
            "LIBERATION_DATA_DIR": folder,
            "LIBERATION_PORT": str(port),
            "LIBERATION_RATE_LIMIT_PER_MINUTE": "1000000000",
            "LIBERATION_RATE_LIMIT_BURST": "1000000000",
            "LIBERATION_LOG_LEVEL": "WARNING",
            **settings,
        }
        liberation = str(Path(sys.executable).with_name("liberation"))
        async with _process([liberation, "serve"], environment, f"http://127.0.0.1:{port}/readyz") as process:
            mint = await asyncio.create_subprocess_exec(
                liberation, "token", "--sub", "usr_bench", "--role", "student",
                env=environment, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            credential = (await mint.communicate())[0].decode().strip()
            yield f"http://127.0.0.1:{port}", credential, process


@asynccontextmanager
async def _bare(database_url: str) -> AsyncIterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "tests.benchmarks.bare", str(port), conninfo(database_url)]
    async with _process(command, dict(os.environ), f"http://127.0.0.1:{port}/"):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _process(
    command: list[str], environment: dict[str, str], probe: str
) -> AsyncIterator[psutil.Process]:
    """Runs while the block does; begins when `probe` answers anything but an error of the service's own."""
    started = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        async with httpx.AsyncClient() as client:
            while True:
                assert started.returncode is None, f"{command[0]} ended at once"
                assert time.monotonic() < deadline, f"{probe} does not answer"
                try:
                    if (await client.get(probe)).status_code < 500:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        await started.wait()
