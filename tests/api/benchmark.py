"""What the layers of the API cost: `python -m tests.api.benchmark`.

Calls the application as a server does, in one process, without sockets: the same request through a bare
Litestar application and through ours. Microseconds a request, the best of several rounds.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from litestar import Litestar, get
from litestar.datastructures import State

from api import log
from api.http import access
from api.http.admission import Admission, Door
from api.http.auth import Authenticator, mint
from api.http.client_address import ClientAddresses
from api.http.context import RequestContext
from api.http.cors import Origins
from api.http.positions import Positions
from api.http.preconditions import Preconditions
from api.http.problems import HANDLERS
from api.http.ratelimit import RateLimit
from api.http.signing_keys import open_keys
from api.metrics import Metrics
from api.operations.me import Contact
from api.settings import Settings
from ledger.store.batched_queries import QueryBatcher

REQUESTS, ROUNDS = 3_000, 7


@get("/api/me", operation_id="getContact")
async def answer_only() -> Contact:
    return Contact(name="Ada")


def scope(credential: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/me",
        "raw_path": b"/api/me",
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"accept", b"*/*"),
            (b"user-agent", b"benchmark"),
            (b"authorization", f"Bearer {credential}".encode()),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


async def nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def measure(app: Any, credential: str, expected: int = 200) -> float:
    status = 0

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(REQUESTS):
            await app(scope(credential), nothing, send)
        best = min(best, (time.perf_counter() - started) / REQUESTS)
        assert status == expected, status
    return best * 1e6


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), rate_limit_per_minute=10**9, rate_limit_burst=10**9)
        log.configure(settings, io.BytesIO())
        credential = mint(settings, "usr_1", ["student"])
        plain: dict[str, Any] = {"openapi_config": None, "logging_config": None}
        door = Door(
            Authenticator(settings, open_keys(settings), _never),
            RateLimit(settings.rate_limit_per_minute, settings.rate_limit_burst),
            ClientAddresses(settings.trusted_proxies),
            Positions(_never, settings.read_your_writes_timeout_s),
            QueryBatcher(""),
        )
        inner: dict[str, Any] = {
            **plain,
            "state": State({"door": door}),
            "middleware": [Admission()],
            "guards": [access.guard],
            "before_request": Preconditions(),
            "exception_handlers": HANDLERS,
        }
        bare = await measure(Litestar([answer_only], **plain), credential)
        outer = await measure(_context(Litestar([answer_only], **plain)), credential)
        whole = await measure(_context(Litestar([answer_only], **inner)), credential)
    _print("bare Litestar", bare, 0.0)
    _print("+ id, headers, log, metrics, size", outer, outer - bare)
    _print("+ credential, rate limit, access, preconditions", whole, whole - bare)


def _context(app: Any) -> RequestContext:
    return RequestContext(app, Metrics(), lambda: 42, 1_000_000, Origins())


async def _never(*_: object) -> Any:
    raise AssertionError


def _print(name: str, total_us: float, more_us: float) -> None:
    sys.stdout.write(f"{name:50} {total_us:7.1f} µs {more_us:+7.1f} µs\n")


if __name__ == "__main__":
    asyncio.run(main())
