"""The service and the sandbox, as the demonstration calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from api.demo import authors, instructors, organisations
from api.http.auth import mint
from api.serve.sandbox import KEY
from api.settings import Settings
from ledger.errors import OperatorError

ADMIN = "usr_admin"
TEACHERS = frozenset({*authors.AUTHORS, *(one.user_id for one in instructors.INSTRUCTORS)})
OWNERS = frozenset(one.user_id for one in organisations.ENTERPRISES)
TTL_S = 3600
OK, CREATED, ACCEPTED, DECLINED, REFUSED = 200, 201, 202, 402, 409

Json = dict[str, Any]


class StoryFailed(OperatorError):
    """The API or the sandbox answered something that the plan does not know."""

    code = "demo"


class Api:
    """The service, as its users call it. The same history has the same idempotency keys."""

    def __init__(self, session: aiohttp.ClientSession, url: str, settings: Settings) -> None:
        self._session, self._url, self._settings = session, url, settings
        self._credentials: dict[str, str] = {}
        self._calls = 0

    async def post(
        self,
        path: str,
        user_id: str,
        body: Json,
        *expected: int,
        method: str = "POST",
        headers: Mapping[str, str] = {},
    ) -> Json:
        self._calls += 1
        sent = {
            **headers,
            "Authorization": f"Bearer {self._credential(user_id)}",
            "Idempotency-Key": f"demo-{self._calls}",
        }
        async with self._session.request(method, self._url + path, json=body, headers=sent) as response:
            return await _read(response, expected)

    async def get(self, path: str, user_id: str) -> Json:
        headers = {"Authorization": f"Bearer {self._credential(user_id)}"}
        async with self._session.get(self._url + path, headers=headers) as response:
            return await _read(response, (OK,))

    async def plan(self, user_id: str) -> Json | None:
        """The user's subscription, if there is one."""
        found: Json | None = (await self.get("/api/subscriptions/current", user_id))["subscription"]
        return found

    async def settled(self) -> bool:
        """Whether all effects are delivered and all webhooks applied, as far as the projections have come."""
        async with self._session.get(f"{self._url}/readyz") as response:
            health = await _read(response, (200,))
        lag = max((each["lag_events"] for each in health["projections"].values()), default=0)
        waiting: int = health["effects_waiting"] + health["webhooks_waiting"] + lag
        return waiting == 0

    def _credential(self, user_id: str) -> str:
        if user_id not in self._credentials:
            roles = ["admin"] if user_id == ADMIN else ["student"]
            if user_id in TEACHERS:
                roles.append("instructor")
            if user_id in OWNERS:
                roles.append("enterprise")
            self._credentials[user_id] = mint(self._settings, user_id, roles, TTL_S)
        return self._credentials[user_id]


class Stripe:
    """The sandbox: as the dashboard (`/v1`), and as banks and time (`/_sandbox`)."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self._headers = {"Authorization": f"Bearer {KEY}"}

    async def get(self, path: str, **query: str) -> Json:
        address = f"{self._url}{path}?{urlencode(query)}"
        async with self._session.get(address, headers=self._headers) as response:
            return await _read(response, (200,))

    async def post(self, path: str, form: Mapping[str, str]) -> Json:
        async with self._session.post(self._url + path, data=form, headers=self._headers) as response:
            return await _read(response, (200,))

    async def control(self, path: str, *expected: int, **body: Any) -> Json:
        async with self._session.post(f"{self._url}/_sandbox{path}", json=body) as response:
            return await _read(response, expected or (200,))

    async def delivering(self) -> bool:
        """Whether there are webhooks that are not received yet."""
        address = f"{self._url}/_sandbox/deliveries?state_is=pending&limit=1"
        async with self._session.get(address) as response:
            return bool(await response.json())


async def _read(response: aiohttp.ClientResponse, expected: tuple[int, ...]) -> Json:
    body = await response.read()
    if response.status not in expected:
        text = body[:300].decode(errors="replace")
        raise StoryFailed(f"{response.method} {response.url.path} answered {response.status}: {text}")
    answer: Json = msgspec.json.decode(body)
    return answer
