"""A small stateful Stripe for development, tests and the demo. See docs/sandbox.md."""

from __future__ import annotations

from api.sandbox.app import LiveKeyError, create_app, refuse_live_key
from api.sandbox.server import Sandbox, ensure_endpoint, running_sandbox
from api.sandbox.settings import Settings
from api.sandbox.state import State

__all__ = [
    "LiveKeyError",
    "Sandbox",
    "Settings",
    "State",
    "create_app",
    "ensure_endpoint",
    "refuse_live_key",
    "running_sandbox",
]
