"""The market in which courses are bought, for what their instructors have of it."""

from __future__ import annotations

from tests.api.enrolments.conftest import ann, market
from tests.api.stripe.conftest import bench, client, sandbox

__all__ = ["ann", "bench", "client", "market", "sandbox"]
