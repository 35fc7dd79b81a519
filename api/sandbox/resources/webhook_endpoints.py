"""Webhook endpoints. https://docs.stripe.com/api/webhook_endpoints"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.ids import webhook_secret
from api.sandbox.lists import ListParams, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.common import Hash, Text, given, merge_metadata, sent_texts
from api.sandbox.transaction import API_VERSION, Transaction

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")


class Create(Params, frozen=True, kw_only=True):
    """`api_version` is kept and shown; what is delivered has the one that the sandbox speaks. With `connect`
    the endpoint gets the events of connected accounts instead of the platform's own.
    """

    url: str
    enabled_events: list[str]
    connect: bool = False
    api_version: Text = UNSET
    description: Text = UNSET
    metadata: Hash = UNSET


class Update(Params, frozen=True, kw_only=True):
    url: Text = UNSET
    enabled_events: list[str] | UnsetType = UNSET
    description: Text = UNSET
    disabled: bool | UnsetType = UNSET
    metadata: Hash = UNSET


def create(tx: Transaction, params: Create) -> Object:
    """Only this answer shows the secret."""
    version = given(params.api_version)
    if version is not None and not _VERSION.fullmatch(version):
        raise invalid(f"Invalid Stripe API version: {version}", param="api_version")
    return add(
        tx,
        params.url,
        params.enabled_events,
        webhook_secret(),
        connect=params.connect,
        api_version=version,
        description=given(params.description),
        metadata=merge_metadata({}, params.metadata),
    )


def add(
    tx: Transaction,
    url: str,
    events: list[str],
    secret: str,
    *,
    connect: bool = False,
    api_version: str | None = API_VERSION,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Object:
    """`api_version` None is the account's default."""
    _check(url, events)
    endpoint = tx.add(
        {
            "id": tx.new_id("we_"),
            "object": "webhook_endpoint",
            "api_version": api_version,
            "application": tx.world.ids.application if connect else None,
            "created": tx.now,
            "description": description,
            "enabled_events": events,
            "livemode": False,
            "metadata": metadata or {},
            "secret": secret,
            "status": "enabled",
            "url": url,
        }
    )
    tx.world.deliveries.endpoints_changed()
    return endpoint


def _check(url: str, events: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(
            f"Invalid URL: {url}. It must start with http:// or https://.", code="url_invalid", param="url"
        )
    if not events or "" in events:
        raise invalid('enabled_events needs at least one event type, or "*".', param="enabled_events")


def without_secret(endpoint: Object) -> Object:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def retrieve(tx: Transaction, endpoint_id: str, _: NoParams) -> Object:
    return without_secret(tx.get("webhook_endpoint", endpoint_id))


def update(tx: Transaction, endpoint_id: str, params: Update) -> Object:
    endpoint = tx.get("webhook_endpoint", endpoint_id)
    changes: Object = dict(sent_texts(params, "description"))
    changes["metadata"] = merge_metadata(endpoint["metadata"], params.metadata)
    changes["url"] = given(params.url) or endpoint["url"]
    if isinstance(params.enabled_events, list):
        changes["enabled_events"] = params.enabled_events
    if isinstance(params.disabled, bool):
        changes["status"] = "disabled" if params.disabled else "enabled"
    wanted: list[str] = changes.get("enabled_events") or endpoint["enabled_events"]
    _check(changes["url"], wanted)
    tx.world.deliveries.endpoints_changed()
    return without_secret(tx.update(endpoint, **changes))


def delete(tx: Transaction, endpoint_id: str, _: NoParams) -> Object:
    tx.get("webhook_endpoint", endpoint_id)
    tx.world.deliveries.endpoints_changed()
    return tx.replace({"id": endpoint_id, "object": "webhook_endpoint", "deleted": True})


def listing(tx: Transaction, params: ListParams) -> Object:
    found = page(tx, "webhook_endpoint", "/v1/webhook_endpoints", params)
    return {**found, "data": [without_secret(endpoint) for endpoint in found["data"]]}


RESOURCE = Resource(
    kind="webhook_endpoint",
    routes=(
        Route("POST", "/v1/webhook_endpoints", create, Create),
        Route("GET", "/v1/webhook_endpoints", listing, ListParams),
        Route("GET", "/v1/webhook_endpoints/{id}", retrieve),
        Route("POST", "/v1/webhook_endpoints/{id}", update, Update),
        Route("DELETE", "/v1/webhook_endpoints/{id}", delete),
    ),
)
