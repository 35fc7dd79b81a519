"""Whose things a request is about: the caller's, or for an admin those of the user that it names."""

from __future__ import annotations

from typing import Any

from litestar import Request

from api.http.auth import Principal
from ledger.errors import NotFound


def is_admin(request: Request[Principal, Any, Any]) -> bool:
    return "admin" in request.user.roles


def owner_of(request: Request[Principal, Any, Any], user_id: str | None, *, also: str = "admin") -> str:
    """The user's id. Somebody else's look like nobody's (`NotFound`) unless the caller has the role `admin`
    or `also`.
    """
    if user_id is None or user_id == request.user.id:
        return request.user.id
    if request.user.roles.isdisjoint({"admin", also}):
        raise NotFound(f"There is no user {user_id!r:.80}.")
    return user_id
