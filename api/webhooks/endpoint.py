"""Our webhook endpoints at Stripe, the platform's and that of its connected accounts: what each must be,
what is there, and how the one becomes the other.

https://docs.stripe.com/api/webhook_endpoints
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from stripe import StripeClient

from api.settings import Settings, SettingsError
from api.stripe.client import STRIPE_VERSION
from api.stripe.objects import parse
from api.stripe.payments.lookup import PAGE, every, patiently
from ledger.webhooks.decider import SUBSCRIBED, SUBSCRIBED_OF_ACCOUNTS

WEBHOOK_PATH = "/api/webhooks/stripe"
EVERYTHING = "*"
DESCRIPTION = "Liberation"
_DEFAULT_PORT = {"http": 80, "https": 443}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """As Stripe shows it. `api_version` is None where events come in the account's default version."""

    id: str
    url: str
    status: str
    enabled_events: list[str]
    api_version: str | None = None
    application: str | None = None
    """Named by one that hears of connected accounts."""

    @property
    def connect(self) -> bool:
        return self.application is not None

    @property
    def missing(self) -> list[str]:
        """Types that we need and are not told of."""
        if EVERYTHING in self.enabled_events:
            return []
        return [name for name in types_of(connect=self.connect) if name not in self.enabled_events]

    @property
    def superfluous(self) -> list[str]:
        return [name for name in self.enabled_events if name not in types_of(connect=self.connect)]

    @property
    def enabled(self) -> bool:
        return self.status == "enabled"

    @property
    def pinned(self) -> bool:
        """Whether its events come in the version that we read."""
        return self.api_version == STRIPE_VERSION


class _Made(msgspec.Struct, frozen=True):
    secret: str


def types_of(*, connect: bool) -> tuple[str, ...]:
    """What the endpoint for the platform needs, or for its connected accounts."""
    return SUBSCRIBED_OF_ACCOUNTS if connect else SUBSCRIBED


def differences(endpoint: Endpoint) -> list[str]:
    """In words; empty when it is as it must be."""
    version = endpoint.api_version or "the account's default"
    return [
        sentence
        for sentence, differs in (
            ("it is disabled", not endpoint.enabled),
            (f"its API version is {version}, not {STRIPE_VERSION}", not endpoint.pinned),
            (f"it lacks the event types {', '.join(endpoint.missing)}", endpoint.missing),
            (f"it has the superfluous event types {', '.join(endpoint.superfluous)}", endpoint.superfluous),
        )
        if differs
    ]


def address(base: str, settings: Settings) -> str:
    """`base`, or else `public_url`, with our path at its end if it is not there yet; empty without either.

    `SettingsError` for what Stripe could not call.
    """
    given = base or settings.public_url
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        usable = parts.scheme in _DEFAULT_PORT and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc or given.split() != [given]:
        raise SettingsError(
            f"{given} is no address of an endpoint: give one such as https://pay.example.org."
        )
    if settings.live and parts.scheme != "https":
        raise SettingsError(f"{given} is not https, and in live mode Stripe calls nothing else.")
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith(WEBHOOK_PATH) else path + WEBHOOK_PATH).geturl()


def same(one: str, other: str) -> bool:
    """Whether both are one address."""
    return _place(one) == _place(other)


def is_ours(endpoint: Endpoint, url: str) -> bool:
    """By its address, or by its path where ours is not known."""
    return same(endpoint.url, url) if url else urlsplit(endpoint.url).path.endswith(WEBHOOK_PATH)


async def find(client: StripeClient, url: str, *, connect: bool = False) -> list[Endpoint]:
    """Ours for the platform, or for its connected accounts, oldest first. Raises `stripe.StripeError` or
    `UnexpectedAnswer`, as all below.
    """
    page = await patiently(lambda: client.v1.webhook_endpoints.list_async({"limit": PAGE}))
    found = [parse(item, Endpoint) async for item in every(page)]
    return [one for one in reversed(found) if is_ours(one, url) and one.connect is connect]


async def create(client: StripeClient, url: str, *, connect: bool = False) -> tuple[Endpoint, str]:
    """The new endpoint and its secret, which Stripe never shows again."""
    params = {
        "url": url,
        "api_version": STRIPE_VERSION,
        "enabled_events": list(types_of(connect=connect)),
        "description": DESCRIPTION,
        **({"connect": True} if connect else {}),
    }
    made = await patiently(lambda: client.v1.webhook_endpoints.create_async(cast("Any", params)))
    return parse(made, Endpoint), parse(made, _Made).secret


async def update(client: StripeClient, endpoint: Endpoint) -> Endpoint:
    """Enabled, with exactly our event types; Stripe changes no endpoint's version."""
    types = list(types_of(connect=endpoint.connect))
    params: dict[str, Sequence[str] | bool] = {"enabled_events": types, "disabled": False}
    changed = await patiently(
        lambda: client.v1.webhook_endpoints.update_async(endpoint.id, cast("Any", params))
    )
    return parse(changed, Endpoint)


def _place(url: str) -> tuple[str, str | None, int | None, str, str]:
    parts = urlsplit(url)
    return (
        parts.scheme,
        parts.hostname,
        parts.port or _DEFAULT_PORT.get(parts.scheme),
        parts.path,
        parts.query,
    )
