from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import stripe


def at(year: int, month: int, day: int, hour: int) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


def period(subscription: Any) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def test_paid_at_once(client: stripe.StripeClient, subscribe: Any, frozen: int, seen: Any) -> None:
    made = subscribe(metadata={"user": "1"})
    assert made["status"] == "active"
    assert period(made) == (frozen, at(2027, 2, 28, 10))
    invoice = made["latest_invoice"]
    assert (invoice["status"], invoice["amount_paid"], invoice["billing_reason"]) == (
        "paid",
        2_000,
        "subscription_create",
    )
    assert invoice["parent"]["subscription_details"]["subscription"] == made["id"]
    line = invoice["lines"]["data"][0]
    assert line["period"] == {"start": frozen, "end": at(2027, 2, 28, 10)}
    assert line["parent"]["subscription_item_details"]["proration"] is False
    payment = invoice["payments"]["data"][0]
    intent = client.v1.payment_intents.retrieve(
        payment["payment"]["payment_intent"], {"expand": ["latest_charge.balance_transaction"]}
    ).to_dict()
    assert intent["latest_charge"]["balance_transaction"]["net"] == 2_000 - 58 - 30
    listed = client.v1.invoice_payments.list({"invoice": invoice["id"]}).data
    assert [found.id for found in listed] == [payment["id"]]
    assert seen() == [
        "invoice.created",
        "customer.subscription.created",
        "invoice.finalized",
        "invoice.paid",
        "customer.subscription.updated",
        "invoice.payment_succeeded",
    ]


def test_what_an_invoice_names_is_expanded(client: stripe.StripeClient, subscribe: Any) -> None:
    made = subscribe(expand=["items.data.price.product", "latest_invoice.lines.data.subscription"])
    assert made["items"]["data"][0]["price"]["product"]["name"] == "Pro"
    assert made["latest_invoice"]["lines"]["data"][0]["subscription"]["id"] == made["id"]
    paths = ["payments.data.payment.payment_intent", "parent.subscription_details.subscription"]
    invoice = client.v1.invoices.retrieve(made["latest_invoice"]["id"], {"expand": paths}).to_dict()
    assert invoice["payments"]["data"][0]["payment"]["payment_intent"]["status"] == "succeeded"
    assert invoice["parent"]["subscription_details"]["subscription"]["status"] == "active"
    intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]["id"]
    found = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}, "expand": ["data.invoice"]}
    ).to_dict()
    assert [payment["invoice"]["id"] for payment in found["data"]] == [invoice["id"]]


def test_months_keep_the_anchor_day(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    ends = [at(2027, 2, 28, 10), at(2027, 3, 31, 10), at(2027, 4, 30, 10), at(2027, 5, 31, 10)]
    for start, end in pairwise(ends):
        control.post("/clock/set", now=start, frozen=True)
        renewed = client.v1.subscriptions.retrieve(made["id"]).to_dict()
        assert period(renewed) == (start, end)
    invoices = client.v1.invoices.list({"subscription": made["id"]}).data
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle"] * 3 + [
        "subscription_create"
    ]
    assert {invoice.status for invoice in invoices} == {"paid"}
    numbers = [str(invoice.number).rpartition("-")[2] for invoice in invoices]
    assert numbers == ["0004", "0003", "0002", "0001"]
    assert invoices[0].created == ends[2]


def test_a_declined_renewal_is_paid_later(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe()
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": made["customer"]}).id
    client.v1.subscriptions.update(made["id"], {"default_payment_method": bad})
    seen()
    control.post("/clock/set", now=at(2027, 2, 28, 10), frozen=True)
    assert seen() == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    failed = client.v1.subscriptions.retrieve(made["id"])
    assert failed.status == "past_due"
    invoice = client.v1.invoices.retrieve(str(failed.latest_invoice))
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("open", 1, None)
    with pytest.raises(stripe.CardError) as caught:
        client.v1.invoices.pay(invoice.id)
    assert caught.value.code == "card_declined"
    assert client.v1.invoices.retrieve(invoice.id).attempt_count == 1
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": made["customer"]}).id
    key: Any = {"idempotency_key": "retry-1"}
    paid = client.v1.invoices.pay(invoice.id, {"payment_method": good}, key)
    assert paid.status == "paid"
    assert client.v1.invoices.pay(invoice.id, {"payment_method": good}, key).id == paid.id
    assert client.v1.subscriptions.retrieve(made["id"]).status == "active"
    intent = str(client.v1.invoice_payments.list({"invoice": invoice.id}).data[0].payment.payment_intent)
    charges = client.v1.charges.list({"payment_intent": intent}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed", "failed"]
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(invoice.id)


def test_canceled_at_the_end_of_the_period_and_at_once(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    made, other = subscribe(), subscribe()
    ending = client.v1.subscriptions.update(made["id"], {"cancel_at_period_end": True})
    assert ending.cancel_at == period(made)[1]
    client.v1.subscriptions.update(made["id"], {"cancel_at_period_end": False})
    client.v1.subscriptions.update(made["id"], {"cancel_at_period_end": True})
    canceled = client.v1.subscriptions.cancel(other["id"], {"cancellation_details": {"comment": "bye"}})
    assert (canceled.status, canceled.ended_at) == ("canceled", frozen)
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        client.v1.subscriptions.cancel(other["id"])
    control.post("/clock/set", now=at(2027, 2, 28, 10), frozen=True)
    ended = client.v1.subscriptions.retrieve(made["id"])
    assert (ended.status, ended.ended_at) == ("canceled", period(made)[1])
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert seen().count("customer.subscription.deleted") == 2
    assert client.v1.subscriptions.list({"customer": made["customer"]}).data == []
    assert len(client.v1.subscriptions.list({"customer": made["customer"], "status": "all"}).data) == 1
