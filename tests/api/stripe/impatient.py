"""A client that gives up soon, but only on an answer that a fault holds back: a busy machine is not one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from stripe import StripeClient

from api.sandbox.server import Sandbox
from api.stripe.client import STRIPE_VERSION, TIMEOUT_S, HttpClient
from api.stripe.contact import Contact

GIVES_UP_AFTER_S = 0.5


class Impatient(HttpClient):
    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(aiohttp.ClientTimeout(total=TIMEOUT_S), Contact())
        self._faults = sandbox.state.faults

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        held = any(
            fault.kind.startswith("timeout") and fault.meets(method.upper(), urlsplit(url).path)
            for fault in self._faults.asked()
        )
        self._timeout = aiohttp.ClientTimeout(total=GIVES_UP_AFTER_S if held else TIMEOUT_S)
        return await super().request_async(method, url, headers, post_data)


@asynccontextmanager
async def impatient(sandbox: Sandbox) -> AsyncIterator[StripeClient]:
    """Without the SDK's own retries, so that each fault gets through to us."""
    http = Impatient(sandbox)
    try:
        yield StripeClient(
            sandbox.api_key,
            http_client=http,
            stripe_version=STRIPE_VERSION,
            max_network_retries=0,
            base_addresses={"api": sandbox.url, "files": sandbox.url},
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]  # untyped in the SDK
