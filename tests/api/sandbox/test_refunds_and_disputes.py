from __future__ import annotations

from typing import Any

import pytest
import stripe


def net(client: stripe.StripeClient) -> int:
    return sum(booked.net for booked in client.v1.balance_transactions.list({"limit": 100}).data)


def types(client: stripe.StripeClient, prefix: str) -> list[str]:
    found = [event.type for event in client.v1.events.list({"limit": 100}).data][::-1]
    return [kind for kind in found if kind.startswith(prefix)]


def test_part_then_rest_then_no_more(client: stripe.StripeClient, pay: Any) -> None:
    intent = pay()
    first = client.v1.refunds.create(
        {"payment_intent": intent["id"], "amount": 4_000, "metadata": {"refund_id": "r"}}
    )
    rest = client.v1.refunds.create(
        {"charge": intent["latest_charge"]["id"], "reason": "requested_by_customer"}
    )
    assert (first.status, rest.amount) == ("succeeded", 6_000)
    charge = client.v1.charges.retrieve(intent["latest_charge"]["id"], {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (10_000, True)
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent["id"]})
    assert caught.value.code == "charge_already_refunded"
    assert net(client) == -320  # Stripe keeps its fee
    listed = client.v1.refunds.list(
        {"payment_intent": intent["id"], "expand": ["data.balance_transaction"]}
    ).data
    assert [refund.balance_transaction.net for refund in listed] == [-6_000, -4_000]  # type: ignore[union-attr]
    assert client.v1.refunds.list({"charge": intent["latest_charge"]["id"]}).data[0].id == rest.id
    updated = client.v1.refunds.update(first.id, {"metadata": {"note": "n"}})
    assert updated.to_dict()["metadata"] == {"refund_id": "r", "note": "n"}


def test_too_much_is_refused(client: stripe.StripeClient, pay: Any) -> None:
    intent = pay()
    client.v1.refunds.create({"payment_intent": intent["id"], "amount": 1})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": intent["id"], "amount": 10_000})


def test_a_pending_refund_succeeds_later(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    intent = pay("pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent["id"]})
    assert refund.status == "pending"
    control.post("/clock/advance", seconds=86_400)
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert types(client, "refund.") == ["refund.created", "refund.updated"]


def test_a_refund_fails_after_it_succeeded_and_the_money_returns(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    intent = pay("pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent["id"]})
    assert refund.status == "succeeded"
    control.post("/clock/advance", seconds=86_400)
    failed = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.net == 10_000
    assert types(client, "refund.")[-1] == "refund.failed"
    assert client.v1.charges.retrieve(intent["latest_charge"]["id"]).amount_refunded == 0
    again = client.v1.refunds.create({"payment_intent": intent["id"]})
    assert again.amount == 10_000


def test_a_refund_that_waits_for_the_customer_can_be_canceled(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    intent = pay("pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent["id"]})
    with pytest.raises(stripe.InvalidRequestError, match="requires_action"):
        client.v1.refunds.cancel(refund.id)
    control.post(f"/refunds/{refund.id}/end", outcome="requires_action")
    assert client.v1.refunds.cancel(refund.id).status == "canceled"
    control.post("/clock/advance", seconds=86_400)
    assert client.v1.refunds.retrieve(refund.id).status == "canceled"
    assert net(client) == 9_680


def test_a_refund_from_the_dashboard_has_no_metadata(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    charge = pay()["latest_charge"]["id"]
    made = control.post(f"/charges/{charge}/refund", amount=300)
    assert client.v1.refunds.retrieve(made["id"]).to_dict()["metadata"] == {}
    assert control.http.post(f"/charges/{charge}/refund", json={"amount": 10_000}).status_code == 400


@pytest.mark.parametrize(("outcome", "balance"), [("won", 9_680 - 1_500), ("lost", -320 - 1_500)])
def test_a_dispute_takes_the_money_and_its_end_decides(
    client: stripe.StripeClient, pay: Any, control: Any, outcome: str, balance: int
) -> None:
    charge = pay()["latest_charge"]["id"]
    opened = control.post(f"/charges/{charge}/dispute", reason="product_not_received")
    dispute = client.v1.disputes.retrieve(opened["id"], {"expand": ["charge"]})
    assert (dispute.status, dispute.reason) == ("needs_response", "product_not_received")
    assert dispute.balance_transactions[0].net == -11_500
    assert isinstance(dispute.charge, stripe.Charge)
    assert dispute.charge.disputed
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": charge})
    assert caught.value.code == "charge_disputed"
    client.v1.disputes.update(dispute.id, {"evidence": {"product_description": "a course"}})
    assert client.v1.disputes.retrieve(dispute.id).status == "under_review"
    control.post(f"/disputes/{dispute.id}/resolve", outcome=outcome)
    assert client.v1.disputes.retrieve(dispute.id).status == outcome
    assert net(client) == balance
    reinstated = ["charge.dispute.funds_reinstated"] if outcome == "won" else []
    assert types(client, "charge.dispute") == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        *reinstated,
        "charge.dispute.closed",
    ]
    assert [found.id for found in client.v1.disputes.list({"charge": charge}).data] == [dispute.id]


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_a_test_card_opens_a_dispute_that_evidence_decides(
    client: stripe.StripeClient, pay: Any, until: Any, text: str, status: str
) -> None:
    pay("pm_card_createDispute")
    dispute = until(lambda: client.v1.disputes.list().data)[0]
    decided = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    assert decided.status == status
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(dispute.id)


def test_an_inquiry_moves_no_money_until_it_escalates(
    client: stripe.StripeClient, pay: Any, control: Any, until: Any
) -> None:
    pay("pm_card_createDisputeInquiry")
    dispute = until(lambda: client.v1.disputes.list().data)[0]
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    escalated = control.post(f"/disputes/{dispute.id}/escalate")
    assert escalated["balance_transactions"][0]["net"] == -11_500
    assert client.v1.disputes.close(dispute.id).status == "lost"


def test_an_inquiry_closes(client: stripe.StripeClient, pay: Any, control: Any) -> None:
    charge = pay()["latest_charge"]["id"]
    dispute = control.post(f"/charges/{charge}/dispute", inquiry=True, amount=100)
    assert control.http.post(f"/charges/{charge}/dispute", json={}).status_code == 400
    assert control.post(f"/disputes/{dispute['id']}/resolve", outcome="won")["status"] == "warning_closed"
    assert net(client) == 9_680
