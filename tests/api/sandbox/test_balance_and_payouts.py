from __future__ import annotations

from typing import Any

import pytest
import stripe

DAY_S = 86_400


def test_funds_become_available_two_days_later(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    charge = pay()["latest_charge"]
    booked = charge["balance_transaction"]
    held = booked["available_on"] - booked["created"]
    assert 2 * DAY_S <= held <= 3 * DAY_S
    assert client.v1.balance.retrieve().pending[0].amount == 9_680
    control.post("/clock/set", now=booked["available_on"])
    balance = client.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (9_680, 0)
    assert client.v1.balance_transactions.retrieve(booked["id"]).status == "available"
    assert client.v1.events.list({"type": "balance.available"}).data


def test_a_card_that_bypasses_the_hold(client: stripe.StripeClient, pay: Any) -> None:
    pay("pm_card_bypassPending")
    assert client.v1.balance.retrieve().available[0].amount == 9_680


def test_balance_transactions_are_filtered(client: stripe.StripeClient, pay: Any) -> None:
    first, second = pay(), pay(currency="eur")
    refund = client.v1.refunds.create({"payment_intent": first["id"], "amount": 100})

    def found(**params: Any) -> list[str]:
        return [booked.source for booked in client.v1.balance_transactions.list(params).data]  # type: ignore[arg-type,misc]

    charges = [second["latest_charge"]["id"], first["latest_charge"]["id"]]
    assert found() == [refund.id, *charges]
    assert found(type="charge") == charges
    assert found(currency="eur") == charges[:1]
    assert found(source=refund.id) == [refund.id]
    assert found(created={"gt": 2**40}) == []
    assert found(created={"gte": first["created"]}) == [refund.id, *charges]
    listed = client.v1.balance_transactions.list({"expand": ["data.source"]}).data
    assert isinstance(listed[0].source, stripe.Refund)


@pytest.mark.parametrize("currency", ["huf", "twd"])
def test_what_is_charged_in_parts_and_paid_out_in_whole_ones(
    client: stripe.StripeClient, pay: Any, control: Any, currency: str
) -> None:
    charge = pay("pm_card_bypassPending", currency=currency, amount=100_050)["latest_charge"]
    assert charge["balance_transaction"]["net"] % 100
    with pytest.raises(stripe.InvalidRequestError, match="divisible by 100"):
        client.v1.payouts.create({"amount": 10_050, "currency": currency})
    assert client.v1.payouts.create({"amount": 10_000, "currency": currency}).amount == 10_000
    control.post("/payouts", currency=currency)
    paid, _ = client.v1.payouts.list({"limit": 2}).data
    assert (paid.automatic, paid.amount % 100) == (True, 0)
    assert 0 < client.v1.balance.retrieve().available[0].amount < 100


def test_a_manual_payout(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    pay()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payouts.create({"amount": 5_000, "currency": "usd"})
    assert caught.value.code == "balance_insufficient"
    control.post("/clock/advance", seconds=3 * DAY_S)
    payout = client.v1.payouts.create({"amount": 5_000, "currency": "usd", "expand": ["destination"]})
    assert (payout.status, payout.automatic) == ("pending", False)
    assert isinstance(payout.destination, stripe.BankAccount)
    with pytest.raises(stripe.InvalidRequestError, match="automatic"):
        client.v1.balance_transactions.list({"payout": payout.id})
    control.post("/clock/advance", seconds=2 * DAY_S)
    assert client.v1.payouts.retrieve(payout.id).status == "paid"
    assert [found.id for found in client.v1.payouts.list({"status": "paid"}).data] == [payout.id]


def test_an_automatic_payout_has_members_that_sum_to_it(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    intent = pay()
    pay(currency="eur")
    control.post("/clock/advance", seconds=3 * DAY_S)
    pay()
    client.v1.refunds.create({"payment_intent": intent["id"], "amount": 1_000})
    payout = control.post("/payouts", currency="usd")
    members = client.v1.balance_transactions.list({"payout": payout["id"]}).data
    assert {member.type for member in members} == {"charge", "refund", "payout"}
    assert payout["amount"] == 8_680 == sum(member.net for member in members if member.type != "payout")
    assert control.http.post("/payouts", json={"currency": "usd"}).status_code == 400
    control.post(f"/payouts/{payout['id']}/end", outcome="paid")
    assert client.v1.payouts.retrieve(payout["id"]).reconciliation_status == "completed"


def test_the_next_automatic_payout_has_what_came_since(pay: Any, control: Any) -> None:
    pay("pm_card_bypassPending")
    first = control.post("/payouts", currency="usd")
    pay("pm_card_bypassPending", amount=5_000)
    second = control.post("/payouts", currency="usd")
    assert (first["amount"], second["amount"]) == (9_680, 4_825)


def test_a_paid_payout_can_still_fail_and_its_money_returns(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    pay("pm_card_bypassPending")
    payout = client.v1.payouts.create({"amount": 9_680, "currency": "usd"})
    control.post(f"/payouts/{payout.id}/end", outcome="in_transit")
    with pytest.raises(stripe.InvalidRequestError, match="only be canceled"):
        client.v1.payouts.cancel(payout.id)
    control.post(f"/payouts/{payout.id}/end", outcome="paid")
    control.post(f"/payouts/{payout.id}/end", outcome="failed", failure_code="no_account")
    failed = client.v1.payouts.retrieve(payout.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_code) == ("failed", "no_account")
    assert client.v1.balance.retrieve().available[0].amount == 9_680


def test_a_payout_is_canceled(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    pay("pm_card_bypassPending")
    payout = client.v1.payouts.create({"amount": 100, "currency": "usd", "metadata": {"a": "b"}})
    client.v1.payouts.update(payout.id, {"metadata": {"c": "d"}})
    assert client.v1.payouts.cancel(payout.id).status == "canceled"
    control.post("/clock/advance", seconds=3 * DAY_S)
    assert client.v1.payouts.retrieve(payout.id).status == "canceled"
    assert client.v1.balance.retrieve().available[0].amount == 9_680
