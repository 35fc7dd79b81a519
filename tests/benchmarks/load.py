"""A load on loopback: many keep-alive connections, each sends its next request when it has its answer.

Small enough to leave most of two cores to the service: a parsed answer costs a few microseconds. Runs
as a process of its own (`python -m tests.benchmarks.load`), reads a `Plan` from standard input and writes
a `Result` to standard output.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import msgspec

from tests.benchmarks.measure import percentile


class Plan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`{n}` in path, headers and body becomes a number that no other request has; `{value}` in headers one of
    `values`, in turn.
    """

    url: str
    paths: list[str]
    method: str = "GET"
    headers: dict[str, str] = {}
    values: tuple[str, ...] = ("",)
    body: str = ""
    connections: int
    requests: int
    first: int = 0
    every_s: float = 0.0
    """Each connection sends a request every so often, however long the last one took; 0: at once after it."""


class Result(msgspec.Struct, kw_only=True):
    """Latencies in milliseconds, of all requests."""

    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p95_ms: float
    p99_ms: float
    slowest_ms: float

    @property
    def per_second(self) -> float:
        return sum(self.statuses.values()) / self.seconds


class _Run:
    """What all connections share: the requests that are left, and what came of those that are done."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.host = urlsplit(plan.url).netloc
        self.next = plan.first
        self.end = plan.first + plan.requests
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.open = plan.connections
        self._begun = 0
        self.done = asyncio.Event()

    def request(self) -> bytes | None:
        """The next request's bytes, or None when all were sent."""
        if self.next >= self.end:
            return None
        n, plan = str(self.next), self.plan
        self.next += 1
        path = plan.paths[self.next % len(plan.paths)]
        lines = [f"{plan.method} {path} HTTP/1.1", f"host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in plan.headers.items()]
        body = plan.body.replace("{n}", n)
        if body:
            lines += ["content-type: application/json", f"content-length: {len(body.encode())}"]
        head = "\r\n".join([*lines, "", ""])
        value = plan.values[self.next % len(plan.values)]
        return head.replace("{n}", n).replace("{value}", value).encode() + body.encode()

    def stagger(self) -> float:
        """So that connections with a rhythm do not all begin at once."""
        self._begun += 1
        return self.plan.every_s * (self._begun / self.plan.connections - 1)

    def closed(self) -> None:
        self.open -= 1
        if not self.open:
            self.done.set()


class _Client(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._missing = -1
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + self._run.stagger()
        self._next()

    def _next(self) -> None:
        every = self._run.plan.every_s
        if not every:
            self._send()
            return
        self._due += every
        self._loop.call_at(self._due, self._send)

    def _send(self) -> None:
        request = self._run.request()
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self._buffer = b""
        self._run.latencies.append(time.perf_counter() - self._sent)
        self._run.statuses[head[9:12].decode()] += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._run.statuses["lost"] += 1
        self._run.closed()


async def run(plan: Plan) -> Result:
    """Opens all connections, sends all requests, waits for all answers."""
    state = _Run(plan)
    parts = urlsplit(plan.url)
    loop = asyncio.get_running_loop()
    assert parts.hostname, f"{plan.url} names no host"
    assert parts.port, f"{plan.url} names no port"
    host, port = parts.hostname, parts.port
    start = time.perf_counter()
    await asyncio.gather(
        *(loop.create_connection(lambda: _Client(state), host, port) for _ in range(plan.connections))
    )
    await state.done.wait()
    seconds = time.perf_counter() - start
    values = sorted(latency * 1000 for latency in state.latencies) or [0.0]
    return Result(
        seconds=seconds,
        statuses=dict(state.statuses),
        p50_ms=percentile(values, 0.5),
        p95_ms=percentile(values, 0.95),
        p99_ms=percentile(values, 0.99),
        slowest_ms=values[-1],
    )


async def run_apart(plan: Plan) -> Result:
    """`run` in a process of its own, so that the service keeps its interpreter to itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.load",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate(msgspec.json.encode(plan))
    assert process.returncode == 0, "the load failed; its words are above"
    return msgspec.json.decode(output, type=Result)


if __name__ == "__main__":
    result = asyncio.run(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)))
    sys.stdout.buffer.write(msgspec.json.encode(result))
