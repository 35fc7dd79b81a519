"""Stripe: whether it answers, takes the key, and lets it read all that the service reads."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import stripe

from api.clock import ahead_s
from api.doctor.clock import compared
from api.doctor.finding import Finding, ok, unreached, worrying, wrong
from api.settings import Settings
from api.stripe.client import STRIPE_VERSION
from api.stripe.payments.lookup import patiently

READ: Final = (
    "payment_intents", "setup_intents", "charges", "refunds", "disputes", "customers", "payment_methods",
    "subscriptions", "invoices", "invoice_payments", "credit_notes", "products", "prices", "payouts",
    "transfers", "balance_transactions", "events",
)  # fmt: skip
"""What the service reads, as the lists at Stripe are called."""
WRITTEN: Final = (
    "payment_intents", "setup_intents", "refunds", "customers", "payment_methods", "subscriptions",
    "invoices", "credit_notes", "products", "prices", "transfers",
)  # fmt: skip
"""What it changes, which cannot be tried without changing something."""
ENDPOINTS: Final = "webhook_endpoints"
"""Read by `doctor` alone."""
_PERMISSION = re.compile(r"'((?:rak_)?[a-z_]+_(?:read|write))'")
_KEYS = "https://dashboard.stripe.com/apikeys"


class Probe(msgspec.Struct, frozen=True):
    """What came of one list: its headers, or the error. `ahead_s` is how far our clock is ahead."""

    name: str
    headers: Mapping[str, str] = {}
    error: stripe.StripeError | None = None
    ahead_s: float | None = None


async def probe_all(client: stripe.StripeClient) -> list[Probe]:
    """One object of each list."""
    return list(await asyncio.gather(*(_probe(client, name) for name in (*READ, ENDPOINTS))))


async def _probe(client: stripe.StripeClient, name: str) -> Probe:
    sent = time.time()
    try:
        answer: Any = await patiently(lambda: client.raw_request_async("get", f"/v1/{name}", limit=1))
    except stripe.StripeError as error:
        return Probe(name, error=error)
    headers = {key.lower(): value for key, value in answer.headers.items()}
    return Probe(name, headers, ahead_s=ahead_s(headers.get("date", ""), sent, time.time()))


def examine(settings: Settings, probes: list[Probe]) -> list[Finding]:
    """All checks that need no more than the probes."""
    answered = reached(probes)
    if answered.level == "wrong":
        return [answered]
    taken = key(settings, probes)
    if taken.level == "wrong":
        return [answered, taken]
    ahead = [one.ahead_s for one in probes if one.ahead_s is not None]
    return [
        answered,
        taken,
        address(settings),
        permissions(probes),
        version(probes),
        compared("clock.stripe", "Stripe", min(ahead, key=abs, default=None)),
    ]


def reached(probes: list[Probe]) -> Finding:
    away = [one.error for one in probes if one.error is not None and _is_away(one.error)]
    if not away:
        return ok("stripe", "Stripe answers.")
    said = f"Stripe does not answer ({type(away[0]).__name__})."
    todo = "See https://status.stripe.com, and whether this machine may call https://api.stripe.com."
    if len(away) < len(probes):
        return worrying("stripe", f"Stripe answers only some calls ({type(away[0]).__name__}).", todo)
    return unreached("stripe", said, todo)


def key(settings: Settings, probes: list[Probe]) -> Finding:
    mode = "live mode: real money moves" if settings.live else "test mode: no money moves"
    if any(isinstance(one.error, stripe.AuthenticationError) for one in probes):
        todo = f"Set LIBERATION_STRIPE_API_KEY to one of {_KEYS}; this one may have been rolled."
        return wrong("stripe.key", "Stripe refuses the key.", todo)
    if settings.live and not settings.stripe_api_key.startswith("rk_"):
        said = f"Stripe takes the key, which is of {mode}, and may do everything in the account."
        return worrying("stripe.key", said, f"Make a restricted key at {_KEYS}.")
    return ok("stripe.key", f"Stripe takes the key, which is of {mode}.")


def address(settings: Settings) -> Finding:
    """Of what is taken for Stripe; a key given to somebody else is spent."""
    if not settings.stripe_api_base:
        return ok("stripe.address", "Stripe's own address is used.")
    host = urlsplit(settings.stripe_api_base).hostname
    said = f"Stripe is called at {host}, and not at its own address"
    if settings.live:
        todo = "Unset LIBERATION_STRIPE_API_BASE, unless it is a proxy of yours."
        return worrying("stripe.address", f"{said}: a live key goes there.", todo)
    return ok("stripe.address", f"{said}.")


def permissions(probes: list[Probe]) -> Finding:
    """All that are missing, at once."""
    refused = [one for one in probes if isinstance(one.error, stripe.PermissionError)]
    check, names = "stripe.permissions", [f"{one.name}{_permission(one.error)}" for one in refused]
    todo = f"Give the key these permissions at {_KEYS}: read {', '.join(names)}."
    if any(one.name != ENDPOINTS for one in refused):
        return wrong(check, f"The key may not read {', '.join(names)}: payments would stay unknown.", todo)
    if refused:
        said = (
            "The key may not read webhook endpoints, so that they cannot be checked; the service needs not."
        )
        return worrying(check, said, todo)
    return ok(
        check,
        "The key may read all that the service reads. Not tried, as it would change something: it must write "
        f"{', '.join(WRITTEN)}.",
    )


def version(probes: list[Probe]) -> Finding:
    """Pinned by a header of each call, and told in each answer."""
    found = {version for one in probes if (version := one.headers.get("stripe-version"))}
    if found - {STRIPE_VERSION}:
        said = f"Stripe answers in version {', '.join(sorted(found))}, and {STRIPE_VERSION} was asked for."
        return wrong("stripe.version", said, "See what stands between and changes the Stripe-Version header.")
    return ok("stripe.version", f"Every call asks for version {STRIPE_VERSION}, whatever the account's is.")


def none(settings: Settings) -> Finding:
    """Without a key."""
    if settings.stripe_api_base:
        todo = "Set LIBERATION_STRIPE_API_KEY, or unset LIBERATION_STRIPE_API_BASE."
        return wrong("stripe", "LIBERATION_STRIPE_API_BASE is set without a key.", todo)
    return ok("stripe", "No key is set: the service starts a sandbox of its own, and no money moves.")


def _is_away(error: stripe.StripeError) -> bool:
    refusals = (stripe.AuthenticationError, stripe.PermissionError, stripe.InvalidRequestError)
    return not isinstance(error, refusals)


def _permission(error: stripe.StripeError | None) -> str:
    """As Stripe calls it, where its words tell."""
    named = _PERMISSION.search(str(error))
    return f" ({named[1]})" if named else ""
