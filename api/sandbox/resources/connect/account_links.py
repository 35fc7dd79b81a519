"""Links that take the owner of a connected account to Stripe. https://docs.stripe.com/api/account_links"""

from __future__ import annotations

import secrets
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from msgspec import UNSET

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Text, given
from api.sandbox.resources.connect.access import own
from api.sandbox.transaction import Transaction

LASTS_S = 300
ADD = """
INSERT INTO account_links (token, account, return_url, refresh_url, expires_at)
VALUES (?, ?, ?, ?, ?)
"""
FIND = "SELECT account, return_url, refresh_url, expires_at, opened FROM account_links WHERE token = ?"
OPEN = "UPDATE account_links SET opened = 1 WHERE token = ?"
FINISH = "DELETE FROM account_links WHERE token = ?"


class Link(NamedTuple):
    """`opened` once it was followed: it takes nobody to Stripe a second time."""

    account: str
    return_url: str
    refresh_url: str
    expires_at: int
    opened: int


class Create(Params, frozen=True, kw_only=True):
    account: str
    type: Literal["account_onboarding", "account_update"]
    collect: Literal["currently_due", "eventually_due"] = "currently_due"
    refresh_url: Text = UNSET
    return_url: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    account = own(tx, params.account)
    if params.type == "account_update":
        raise invalid(
            "You cannot create `account_update` type Account Links for this account: its owner has access to "
            "the Express Dashboard. Use account_onboarding.",
            param="type",
        )
    for name, url in (("refresh_url", params.refresh_url), ("return_url", params.return_url)):
        _check_url(name, given(url))
    token = secrets.token_urlsafe(12)
    expires_at = tx.now + LASTS_S
    urls = (given(params.return_url) or "", given(params.refresh_url) or "")
    tx.write(ADD, (token, account["id"], *urls, expires_at))
    return {
        "object": "account_link",
        "created": tx.now,
        "expires_at": expires_at,
        "url": f"{tx.world.base_url}/_sandbox/onboarding/{token}",
    }


def _check_url(name: str, url: str | None) -> None:
    parts = urlsplit(url or "")
    if url is None:
        raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Not a valid URL", code="url_invalid", param=name)


def find(tx: Transaction, token: str) -> Link | None:
    rows = tx.store.rows(FIND, (token,))
    return Link(*rows[0]) if rows else None


RESOURCE = Resource(
    kind="account_link",
    routes=(Route("POST", "/v1/account_links", create, Create),),
)
