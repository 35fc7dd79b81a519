"""What moves a balance beside charges: top-ups, reserves, fees, corrections, payouts below zero."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

DAY_S = 86_400


def listed(client: stripe.StripeClient) -> list[tuple[str, str, str, int]]:
    """Oldest first."""
    found = client.v1.balance_transactions.list({"limit": 100}).data[::-1]
    return [(one.type, one.reporting_category, one.balance_type, one.net) for one in found]


def available(client: stripe.StripeClient) -> int:
    return client.v1.balance.retrieve().available[0].amount


def test_a_top_up_arrives_and_can_be_taken_back(client: stripe.StripeClient, control: Any) -> None:
    topup = client.v1.topups.create({"amount": 5_000, "currency": "usd", "description": "for payouts"})
    assert (topup.status, topup.balance_transaction) == ("pending", None)
    assert available(client) == 0
    control.post("/clock/advance", seconds=2 * DAY_S)
    arrived = client.v1.topups.retrieve(topup.id, {"expand": ["balance_transaction"]})
    assert arrived.status == "succeeded"
    assert isinstance(arrived.balance_transaction, stripe.BalanceTransaction)
    assert available(client) == 5_000
    assert client.v1.balance_transactions.list({"source": topup.id}).data[0].net == 5_000
    control.post(f"/topups/{topup.id}/end", outcome="reversed")
    assert available(client) == 0
    assert listed(client) == [
        ("topup", "topup", "payments", 5_000),
        ("topup_reversal", "topup_reversal", "payments", -5_000),
    ]
    told = [event.type for event in client.v1.events.list().data[::-1] if event.type.startswith("topup.")]
    assert told == ["topup.created", "topup.succeeded", "topup.reversed"]


def test_a_top_up_that_fails_or_is_canceled_moves_nothing(client: stripe.StripeClient, control: Any) -> None:
    first, second = (client.v1.topups.create({"amount": 100, "currency": "usd"}) for _ in range(2))
    failed = control.post(f"/topups/{first.id}/end", outcome="failed")
    assert (failed["status"], failed["failure_code"]) == ("failed", "insufficient_funds")
    assert client.v1.topups.cancel(second.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        client.v1.topups.cancel(second.id)
    control.post("/clock/advance", seconds=2 * DAY_S)
    assert listed(client) == []
    assert [one.id for one in client.v1.topups.list({"status": "failed"}).data] == [first.id]
    updated = client.v1.topups.update(first.id, {"metadata": {"why": "bank"}}).to_dict()
    assert updated["metadata"] == {"why": "bank"}


def test_a_reserve_is_two_movements_of_two_balances(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    pay("pm_card_bypassPending")
    control.post("/balance/reserve", amount=1_000)
    assert available(client) == 8_680
    assert control.http.post("/balance/reserve", json={"amount": -1_001}).status_code == 400
    control.post("/balance/reserve", amount=-600)
    assert available(client) == 9_280
    assert listed(client)[1:] == [
        ("reserve_hold", "risk_reserved_funds", "payments", -1_000),
        ("reserve_hold", "risk_reserved_funds", "risk_reserved", 1_000),
        ("reserve_release", "risk_reserved_funds", "payments", 600),
        ("reserve_release", "risk_reserved_funds", "risk_reserved", -600),
    ]


def test_a_balance_below_zero_is_made_good_by_the_bank(client: stripe.StripeClient, control: Any) -> None:
    control.post("/balance/fee", amount=700, description="Billing: Radar")
    control.post("/balance/adjust", amount=200)
    assert available(client) == -500
    payout = control.post("/payouts")
    assert payout["amount"] == -500
    assert available(client) == 0
    control.post("/clock/advance", seconds=2 * DAY_S)
    assert client.v1.payouts.retrieve(payout["id"]).status == "paid"
    assert listed(client) == [
        ("stripe_fee", "fee", "payments", -700),
        ("adjustment", "other_adjustment", "payments", 200),
        ("payout", "payout", "payments", 500),
    ]


def test_a_payout_fails_for_a_reason_of_stripes(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    pay("pm_card_bypassPending")
    payout = client.v1.payouts.create({"amount": 100, "currency": "usd"})
    refused = control.http.post(
        f"/payouts/{payout.id}/end", json={"outcome": "failed", "failure_code": "bad_mood"}
    )
    assert refused.status_code == 400
    assert "account_closed" in refused.text
    failed = control.post(f"/payouts/{payout.id}/end", outcome="failed", failure_code="declined")
    assert failed["failure_message"] == "The bank has declined this transfer."
