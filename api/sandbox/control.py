"""Controls of the sandbox itself, at /_sandbox; docs/sandbox.md shows each with curl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import Router

if TYPE_CHECKING:
    from api.sandbox.state import State


def control_router(_state: State) -> Router:
    return Router("/_sandbox", route_handlers=[])
