"""Ten thousand events to twenty endpoints, five of which are slow, broken, gone, redirecting or within."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from api.clock import SystemClock
from api.endpoint_secrets import EndpointSecrets
from api.endpoints.sender import WebhookSender
from api.endpoints.transport import Transport
from api.settings import Settings
from ledger.endpoints.commands import CreateEndpoint
from ledger.message import Command, Origin
from ledger.payments.commands import InitiatePayment
from ledger.store import Store
from projections import live
from tests.benchmarks.measure import Figure

ADMIN = Origin(actor="usr_admin", roles=frozenset({"admin"}))
AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
EVENTS, ENDPOINTS = 10_000, 20
BAD = {"broken": 500, "gone": 410, "moved": 302}
AT_ONCE = 500


async def measure(url: str, events: int = EVENTS, endpoints: int = ENDPOINTS) -> list[Figure]:
    """`url` is the owner's, of a migrated database. Smaller numbers are for a test of this file."""
    good = endpoints - 5
    got: Counter[str] = Counter()
    done, hold = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        name = request.path.strip("/")
        if name == "slow":
            await hold.wait()
        got[name] += 1
        if name.startswith("good") and sum(got[f"good{one}"] for one in range(good)) >= events * good:
            done.set()
        return web.Response(status=BAD.get(name, 204), headers={"Location": "/inside"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    at = f"http://127.0.0.1:{runner.addresses[0][1]}"
    addresses = [f"{at}/{name}" for name in ("slow", *BAD, *(f"good{one}" for one in range(good)))]
    addresses.append("http://10.0.0.1/")
    elapsed = await _sent(url, events, addresses, (done, hold))
    await runner.cleanup()
    _check(got, events, good)
    return [
        Figure(
            name=f"{events:,} events to {endpoints} endpoints, 5 of them bad: the good ones have all",
            value=events * good / elapsed,
            unit="deliveries/s",
        )
    ]


async def _sent(
    url: str, events: int, addresses: list[str], ends: tuple[asyncio.Event, asyncio.Event]
) -> float:
    """Seconds from the sender's start until `done` is set; then what is held is let go."""
    done, hold = ends
    with tempfile.TemporaryDirectory() as folder:
        secrets = EndpointSecrets(Settings(data_dir=Path(folder)))
        projecting = live.runner(url)
        async with Store.open(url) as store:
            for number, address in enumerate(addresses):
                await store.handle(_endpoint(number, address, secrets.key_id), ADMIN)
            for first in range(0, events, AT_ONCE):
                numbers = range(first, min(first + AT_ONCE, events))
                await asyncio.gather(*(store.handle(_payment(number), ADMIN) for number in numbers))
            await asyncio.to_thread(projecting.catch_up)
            projecting.start()
            sender = WebhookSender(url, store, secrets, Transport(loopback=True), SystemClock())
            try:
                async with sender:
                    began = time.perf_counter()
                    sender.start()
                    await done.wait()
                    elapsed = time.perf_counter() - began
                    hold.set()
            finally:
                await asyncio.to_thread(projecting.stop)
    return elapsed


def _check(got: Counter[str], events: int, good: int) -> None:
    short = {name: got[name] for name in (f"good{one}" for one in range(good)) if got[name] != events}
    if short or got["inside"]:
        raise AssertionError(f"of {events} events some have {short}, and {got['inside']} went inside")


def _endpoint(number: int, address: str, key_id: str) -> Command:
    return CreateEndpoint(
        command_id=f"endpoint-{number}",
        effective_at=AT,
        endpoint_id=f"whe_{number}",
        org_id="",
        url=address,
        types=(),
        payload="full",
        ordered=False,
        key_id=key_id,
        count=0,
        most=100,
    )


def _payment(number: int) -> Command:
    return InitiatePayment(
        command_id=f"payment-{number}",
        effective_at=AT,
        payment_id=f"pay_{number:032x}",
        user_id="usr_a",
        amount_minor=1250,
        currency="usd",
        payment_method_id="pm_card_visa",
    )
