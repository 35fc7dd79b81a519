"""The application with the sandbox as its Stripe."""

from __future__ import annotations

from tests.api.enrolments.conftest import ann, bench, client, market, sandbox

__all__ = ["ann", "bench", "client", "market", "sandbox"]
