"""Events: what happened, newest first, for 30 days. https://docs.stripe.com/api/events"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, invalid
from api.sandbox.lists import CreatedListParams, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Text, given, retrieve
from api.sandbox.transaction import Transaction

MOST_TYPES = 20


class Listing(CreatedListParams, frozen=True, kw_only=True):
    type: Text = UNSET
    types: list[str] | UnsetType = UNSET
    delivery_success: bool | UnsetType = UNSET


def listing(tx: Transaction, params: Listing) -> Object:
    """`type` may end in a wildcard: `charge.*`."""
    kind = given(params.type)
    types = params.types if isinstance(params.types, list) else []
    if kind and types:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    if len(types) > MOST_TYPES:
        raise invalid(f"types can have at most {MOST_TYPES} names; this has {len(types)}.", param="types")
    exact = types or ([kind] if kind and not kind.endswith("*") else [])
    link = ("event.type", exact[0]) if len(exact) == 1 else None
    prefix = kind[:-1] if kind and kind.endswith("*") else ""

    def matches(event: Object) -> bool:
        if (exact and event["type"] not in exact) or not event["type"].startswith(prefix):
            return False
        if isinstance(params.delivery_success, bool):
            return params.delivery_success == (tx.world.deliveries.open_for(event["id"]) == 0)
        return True

    return page(tx, "event", "/v1/events", params, link=link, matches=matches)


def present(tx: Transaction, event: Object) -> Object:
    if not event["pending_webhooks"]:
        return event
    return {**event, "pending_webhooks": tx.world.deliveries.open_for(event["id"])}


RESOURCE = Resource(
    kind="event",
    routes=(
        Route("GET", "/v1/events", listing, Listing, connected=True),
        retrieve("event", "/v1/events/{id}", "id", connected=True),
    ),
    linked=("type",),
    present=present,
)
