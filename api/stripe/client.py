"""One StripeClient for the process, on one pool of connections."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import stripe

from api.stripe.contact import Contact

STRIPE_VERSION = "2026-08-26.dahlia"
"""Pinned: the objects in `objects.py` are of this version."""

TIMEOUT_S = 20.0
"""For one attempt. Stripe's own default is 80, which no customer waits for; what takes longer is resolved
later by the worker, with the same idempotency key."""

LARGE_BODY = 2**19
"""A file's, in bytes: aiohttp sends what is no stream in one go."""


class HttpClient(stripe.AIOHTTPClient):
    """The SDK's client, closing a gap: a body cut or stalled in mid-stream is raised as aiohttp's own
    error past the SDK's retries. As a connection error it is retried with the same idempotency key.
    What comes of each attempt is told to `contact`.
    """

    def __init__(self, timeout: aiohttp.ClientTimeout, contact: Contact) -> None:
        super().__init__(timeout=timeout)
        self._contact = contact

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        sent = time.time()
        try:
            body, status, answered = await self._request(method, url, headers, post_data)
        except stripe.APIConnectionError:
            self._contact.failed()
            raise
        self._contact.answered(status, answered, sent, time.time())
        return body, status, answered

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if isinstance(post_data, bytes) and len(post_data) > LARGE_BODY:
            post_data = io.BytesIO(post_data)  # is sent in parts, so that others get their turn
        try:
            return await super().request_async(method, url, headers, post_data)
        except (aiohttp.ClientError, TimeoutError) as problem:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]  # untyped in the SDK
                f"Stripe's answer broke off ({type(problem).__name__})", should_retry=True
            ) from problem


@asynccontextmanager
async def open_stripe(
    api_key: str,
    *,
    api_base: str = "",
    stripe_version: str = STRIPE_VERSION,
    timeout_s: float = TIMEOUT_S,
    max_network_retries: int = 2,
    contact: Contact | None = None,
) -> AsyncIterator[stripe.StripeClient]:
    """`api_base` points the client elsewhere than Stripe, such as to the sandbox. `contact` hears of each
    answer.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(5.0, timeout_s))
    http = HttpClient(timeout, contact or Contact())
    try:
        yield stripe.StripeClient(
            api_key,
            http_client=http,
            stripe_version=stripe_version,
            max_network_retries=max_network_retries,
            base_addresses={"api": api_base, "files": api_base} if api_base else None,
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]  # untyped in the SDK
