"""A whole service whose instructor has sold a course long enough ago to be paid for it.

The sandbox begins in the past, as it does for the demonstration, and is at the present when tests begin.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from api.sandbox.clock import ClockSetting
from api.sandbox.state import CLOCK, State
from api.serve.sandbox import Files
from ledger.earnings.terms import HOLD
from tests.flows import market
from tests.service import Service, eventually, running_service

LONG_AGO = HOLD + timedelta(days=3)
DUE_MINOR = 3_430
"""70 % of 49.00."""


@contextmanager
def running_with_a_sale(
    data: Path, env: Mapping[str, str] | None = None, *, user: str = market.AUTHOR
) -> Iterator[Service]:
    """`DUE_MINOR` US cents of it are available to `user`, who has no connected account."""
    data.mkdir(parents=True)
    _put_sandbox_back(Files(data))
    with running_service(data, env) as service:
        sold = market.buy(service, market.course(service, user), "usr_early")
        assert sold.status_code == 201, sold.text
        eventually(service.settled)
        moved = service.client.post(
            f"{service.sandbox_url}/_sandbox/clock/set", json={"now": int(time.time()), "frozen": False}
        )
        assert moved.status_code == 200, moved.text
        eventually(service.settled)
        eventually(lambda: _available(service, user) == DUE_MINOR)
        yield service


def can_be_paid(service: Service, user: str = market.AUTHOR) -> None:
    """Has a connected account, and finished its onboarding."""
    opened = service.post("/api/instructor/account", {"country": "US"}, user=user, role="instructor")
    assert opened.status_code == 201, opened.text
    at_stripe = opened.json()["stripe_account_id"]
    service.client.post(f"{service.sandbox_url}/_sandbox/accounts/{at_stripe}/onboard", json={})
    refreshed = service.post("/api/instructor/account/refresh", {}, user=user, role="instructor")
    assert refreshed.json()["can_be_paid"], refreshed.text


def pay(service: Service, user: str = market.AUTHOR) -> None:
    can_be_paid(service, user)
    paid = service.post("/api/payouts", {"currency": "usd"}, user=user, role="instructor")
    assert paid.status_code == 201, paid.text
    eventually(lambda: service.get("/api/payouts", user_id=user)["items"])


def _put_sandbox_back(files: Files) -> None:
    files.webhook_secret()
    state = State(files.state, seed="paid")
    try:
        setting = ClockSetting(offset_s=-int(LONG_AGO.total_seconds()))
        state.store.set_meta(CLOCK, msgspec.json.encode(setting).decode())
    finally:
        state.close()


def _available(service: Service, user: str) -> int:
    totals = service.get("/api/instructor/earnings", user_id=user)["totals"]
    return sum(one["available_minor"] for one in totals)
