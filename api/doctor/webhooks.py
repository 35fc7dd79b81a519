"""Whether Stripe tells us: the endpoint, its secret, and what came of late."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import stripe

from api.doctor.finding import Finding, bad, ok, worrying, wrong
from api.settings import Settings, SettingsError
from api.stripe.objects import UnexpectedAnswer
from api.webhooks.endpoint import WEBHOOK_PATH, Endpoint, address, find

_MAKE: Final = "liberation stripe webhook-endpoint --create"
_UPDATE: Final = "liberation stripe webhook-endpoint --update"
_LATELY: Final = """
    SELECT count(*) FILTER (WHERE NOT caught_up), count(*) FILTER (WHERE caught_up)
    FROM webhooks WHERE received_at > clock_timestamp() - interval '1 day'
"""


def reached_at(settings: Settings) -> Finding:
    """Whether Stripe could call it there, also while Stripe cannot be asked."""
    try:
        url = address("", settings)
    except SettingsError as error:
        return wrong("webhooks.address", str(error), "Correct LIBERATION_PUBLIC_URL.")
    if not url:
        return ok(
            "webhooks.address", "LIBERATION_PUBLIC_URL is not set: where Stripe reaches us is not known here."
        )
    return ok("webhooks.address", f"Stripe reaches us at {url}.")


async def endpoints(client: stripe.StripeClient, settings: Settings) -> list[Finding]:
    """Ours, by its address, or by its path where LIBERATION_PUBLIC_URL is not set."""
    try:
        url = address("", settings)
        found = await find(client, url)
        of_accounts = await find(client, url, connect=True)
    except SettingsError:
        return []  # `webhooks.address` has said it
    except stripe.PermissionError:
        return []  # `stripe.permissions` has said it
    except (stripe.StripeError, UnexpectedAnswer) as error:
        said = f"The endpoints at Stripe could not be looked at ({type(error).__name__})."
        return [worrying("webhooks.endpoint", said, "Run this again.")]
    return [*compare(found, url, live=settings.live), *of_connected(of_accounts)]


def of_connected(found: list[Endpoint]) -> list[Finding]:
    """The endpoint for connected accounts, which only a platform needs that pays instructors."""
    if found:
        return [finding for endpoint in found for finding in of_endpoint(endpoint)]
    said = "No endpoint tells of connected accounts. Where instructors are paid, make one: "
    return [ok("webhooks.connect", f"{said}{_MAKE} --connect.")]


def compare(found: list[Endpoint], url: str, *, live: bool) -> list[Finding]:
    check, where = "webhooks.endpoint", url or f"…{WEBHOOK_PATH}"
    if not found:
        said = f"No endpoint at Stripe has the address {where}: payments are heard of only by catching up."
        return [bad(check, said, f"{_MAKE}{'' if url else ' --url https://…'}", live=live)]
    findings = [finding for endpoint in found for finding in of_endpoint(endpoint)]
    if len(found) > 1:
        said = f"{len(found)} endpoints at Stripe have the address {where}: each tells of every event."
        findings.append(worrying(check, said, "Delete all but one in Stripe's dashboard."))
    if not url:
        said = f"{found[0].url} was found by its path alone."
        findings.append(ok(check, f"{said} With LIBERATION_PUBLIC_URL set, the whole address is compared."))
    return findings


def of_endpoint(endpoint: Endpoint) -> list[Finding]:
    update = f"{_UPDATE} --url {endpoint.url}{' --connect' if endpoint.connect else ''}"
    return [_state(endpoint, update), _version(endpoint), _types(endpoint, update)]


def _state(endpoint: Endpoint, update: str) -> Finding:
    if endpoint.enabled:
        return ok("webhooks.endpoint", f"Stripe tells {endpoint.url} of events.")
    said = f"{endpoint.url} is {endpoint.status} at Stripe: payments are heard of only by catching up."
    return wrong("webhooks.endpoint", said, update)


def _version(endpoint: Endpoint) -> Finding:
    if endpoint.pinned:
        return ok("webhooks.version", "Events come in the version that is read here.")
    version = endpoint.api_version or "the account's default version, which somebody may change"
    return worrying(
        "webhooks.version",
        f"Events come in {version}. They are taken as hints, so that most of them do.",
        f"An endpoint's version stays: delete {endpoint.id} in Stripe's dashboard, then {_MAKE}.",
    )


def _types(endpoint: Endpoint, update: str) -> Finding:
    if endpoint.missing:
        said = f"The endpoint lacks event types: {', '.join(endpoint.missing)}."
        return wrong("webhooks.events", said, update)
    if endpoint.superfluous:
        said = "The endpoint has superfluous event types, which cost a fetch each and say nothing new: "
        return worrying("webhooks.events", f"{said}{', '.join(endpoint.superfluous)}.", update)
    return ok("webhooks.events", "The endpoint has exactly the event types that are needed.")


def secret(settings: Settings) -> Finding:
    """Whether it is set; whether it is the right one is not to be had from Stripe."""
    check = "webhooks.secret"
    if not settings.stripe_api_key:
        return ok(check, "The sandbox brings its own.")
    if not settings.stripe_webhook_secret:
        todo = f"Set LIBERATION_STRIPE_WEBHOOK_SECRET, or make the endpoint anew: {_MAKE}."
        return wrong(check, "No webhook secret is set: the service does not start.", todo)
    return ok(
        check,
        "A secret is set. Stripe shows it only once, so that whether it is the endpoint's cannot be asked: "
        "with another one, events would come by catching up alone.",
    )


def deliveries(conn: psycopg.Connection[Any]) -> Finding:
    """What the last day's events say of address and secret."""
    check = "webhooks.deliveries"
    row = conn.execute(_LATELY).fetchone()
    delivered, caught_up = row or (0, 0)
    if caught_up and not delivered:
        said = f"Of the last day's {caught_up} events none was delivered: all were found by catching up."
        todo = (
            "See in Stripe's dashboard what the endpoint answers. 400: LIBERATION_STRIPE_WEBHOOK_SECRET is "
            "not this endpoint's. No answer: its address does not lead here."
        )
        return worrying(check, said, todo)
    if not delivered:
        return ok(check, "Stripe has sent nothing in the last day, so that address and secret are untried.")
    return ok(check, f"In the last day {delivered} events were delivered and {caught_up} caught up with.")
