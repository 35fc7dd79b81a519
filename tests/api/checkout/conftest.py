"""The application with the sandbox as its Stripe, and buyers who collect no cards."""

from __future__ import annotations

import pytest

from tests.api.checkout.pages import Pages
from tests.api.enrolments.conftest import Market, ann, bench, client, market, sandbox

__all__ = ["ann", "bench", "client", "market", "sandbox"]


@pytest.fixture
def pages(market: Market) -> Pages:
    return Pages(market)
