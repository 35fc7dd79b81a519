"""What parameters of many resources mean."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.registry import NoParams, Route
from api.sandbox.transaction import Transaction

Text = str | UnsetType
Hash = dict[str, Any] | str | UnsetType
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
_MOST_KEYS = 50
_LONGEST_KEY = 40
_LONGEST_VALUE = 500


def given(value: str | UnsetType) -> str | None:
    """None when not sent, or sent empty to clear it."""
    return value or None if isinstance(value, str) else None


def hash_or_none(value: Hash) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def address(sent: Hash) -> Object | None:
    """With all its parts, those that were not sent as None."""
    return {name: sent.get(name) for name in _ADDRESS} if isinstance(sent, dict) else None


def merge_metadata(current: dict[str, str], sent: Hash) -> dict[str, str]:
    """An empty value takes its key away, an empty hash all. https://docs.stripe.com/api/metadata"""
    if sent == "":
        return {}
    if not isinstance(sent, dict):
        return current
    for key, value in sent.items():
        if not isinstance(value, str):
            raise invalid(f"Invalid metadata: {key} must be a string.", param="metadata")
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise invalid(
                "Metadata keys can be at most 40 and values at most 500 characters.", param=f"metadata[{key}]"
            )
    merged = {key: value for key, value in (current | sent).items() if value != ""}
    if len(merged) > _MOST_KEYS:
        raise invalid("Metadata can have at most 50 keys.", param="metadata")
    return merged


def sent_texts(params: Params, *names: str) -> dict[str, str | None]:
    """Fields that were sent, with "" as None."""
    return {name: value or None for name in names if (value := getattr(params, name)) is not UNSET}


def retrieve(kind: str, path: str, param: str, *, connected: bool = False) -> Route:
    """GET of one object; `param` is what Stripe calls its id in errors."""

    def run(tx: Transaction, object_id: str, _: NoParams) -> Object:
        return tx.get(kind, object_id, param=param)

    return Route("GET", path, run, connected=connected)


def changed(before: Object, after: Object) -> Object:
    """`previous_attributes` of an update's event."""
    return {name: before.get(name) for name in after if before.get(name) != after[name]}


def amend(tx: Transaction, value: Object, changes: Object, *event_types: str) -> Object:
    """What a call asks to change; events of `event_types` follow when it changed anything."""
    amended = tx.update(value, **changes)
    if amended != value:
        for event_type in event_types:
            tx.emit(event_type, amended, changed(value, amended))
    return amended


def check_url(name: str, sent: Text) -> None:
    url = given(sent)
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(
            "Not a valid URL. URLs must begin with http:// or https://.", code="url_invalid", param=name
        )
