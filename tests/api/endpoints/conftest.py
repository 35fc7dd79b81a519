"""Receivers of webhooks in this process, and a sender that works by turns."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from api.endpoints.sender import WebhookSender
from api.endpoints.transport import Transport
from ledger.ids import new_id
from tests.api.conftest import OpenApp
from tests.api.support import FakeStripe, Running

PLENTY = timedelta(hours=30)
"""Longer than any pause between two attempts."""


class Receiver:
    """A server on this machine. `statuses` are what it answers by path, else 204; `held` paths wait for
    `release`.
    """

    def __init__(self) -> None:
        self.got: defaultdict[str, list[tuple[Mapping[str, str], bytes]]] = defaultdict(list)
        self.statuses: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.held: set[str] = set()
        self.release = asyncio.Event()
        self.came = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.got[request.path].append((dict(request.headers), await request.read()))
        self.came.set()
        if request.path in self.held:
            await self.release.wait()
        status = self.statuses.get(request.path, 204)
        return web.Response(status=status, text="" if status == 204 else "hunter2", headers=self.headers)

    async def has(self, path: str, number: int) -> None:
        """Waits until so many came."""
        while len(self.got[path]) < number:
            self.came.clear()
            await self.came.wait()

    def ids(self, path: str) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got[path]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = web.Server(receiver.answer)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    receiver.release.set()
    await runner.cleanup()


class World:
    """An application that may send to this machine, and admin's endpoints in it."""

    def __init__(self, app: Running, stripe: FakeStripe, stack: AsyncExitStack) -> None:
        self.app, self._stripe, self._stack = app, stripe, stack
        self.admin = app.caller("usr_admin", "admin")
        self.student = app.caller("usr_student", "student")

    async def sender(self, **more: Any) -> WebhookSender:
        services = self.app.services
        transport = more.pop("transport", None) or Transport(loopback=True)
        sender = WebhookSender(
            services.database_url,
            services.store,
            services.endpoint_secrets,
            transport,
            self._stripe,
            schema=services.settings.schema,
            **more,
        )
        return await self._stack.enter_async_context(sender)

    async def endpoint(self, url: str, **body: Any) -> dict[str, Any]:
        made = await self.admin(
            "POST", "/api/webhook-endpoints", key=new_id("key"), json={"url": url, **body}
        )
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.admin("POST", f"/api/webhook-endpoints/{path}", key=new_id("key"), json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def deliveries(self, endpoint_id: str, **query: Any) -> list[dict[str, Any]]:
        path = f"/api/webhook-endpoints/{endpoint_id}/deliveries"
        answer = await self.admin.get(path, params={"limit": 100, **query})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def listed(self, endpoint_id: str) -> dict[str, Any]:
        await self.app.projected()
        items = (await self.admin.get("/api/webhook-endpoints")).json()["items"]
        return next(item for item in items if item["endpoint_id"] == endpoint_id)

    async def pay(self, times: int = 1) -> None:
        for _ in range(times):
            assert (await self.student.pay()).status_code == 201

    async def deliver(self, sender: WebhookSender) -> None:
        """All that is due, to its end."""
        await self.app.projected()
        while await sender.turn() or sender.under_way:
            if sender.under_way:
                await asyncio.wait(sender.under_way)

    def wait(self, time: timedelta) -> None:
        self._stripe.offset += time


@pytest.fixture
async def world(open_app: OpenApp, stripe: FakeStripe) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(await open_app(), stripe, stack)
