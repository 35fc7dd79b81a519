"""Flows run against the sandbox, as the effects do."""

from tests.api.stripe.conftest import bench, client, sandbox, world

__all__ = ["bench", "client", "sandbox", "world"]
