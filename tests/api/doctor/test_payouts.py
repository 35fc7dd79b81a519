"""Whether Stripe pays out by itself what instructors are owed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from stripe import StripeClient

from api.doctor import payouts


def platform(interval: str | None) -> Any:
    """Its account at Stripe."""
    schedule = {"interval": interval} if interval else None

    async def answer(*_: object) -> Any:
        return SimpleNamespace(data={"settings": {"payouts": {"schedule": schedule}}})

    return SimpleNamespace(raw_request_async=answer)


async def test_manual_payouts_keep_what_is_owed() -> None:
    assert (await payouts.examine(platform("manual"))).level == "ok"


async def test_automatic_payouts_are_worrying() -> None:
    daily, unsaid = await payouts.examine(platform("daily")), await payouts.examine(platform(None))
    assert (daily.level, unsaid.level) == ("worrying", "worrying")
    assert "by itself (daily)" in daily.said
    assert "make payouts manual" in daily.todo


async def test_an_account_that_stripe_does_not_show_is_not_guessed_at(client: StripeClient) -> None:
    assert (await payouts.examine(client)).level == "skipped"
