"""Invoices that are paid otherwise than by their default payment; charges that settle in another currency."""

from __future__ import annotations

from typing import Any

import pytest
import stripe


@pytest.fixture
def open_invoice(client: stripe.StripeClient, subscribe: Any) -> Any:
    """Of 20.00, which nobody tried to charge."""
    made = subscribe(payment_behavior="default_incomplete", expand=["latest_invoice"])
    return made["latest_invoice"]


def charge(client: stripe.StripeClient, invoice: Any, amount: int, **more: Any) -> str:
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": invoice["customer"]}).id
    params = {"amount": amount, "currency": "usd", "customer": invoice["customer"], "payment_method": card}
    return client.v1.payment_intents.create({**params, "payment_method_types": ["card"], **more}).id  # type: ignore[typeddict-item]  # any of them


def test_an_invoice_is_marked_as_paid_elsewhere(
    client: stripe.StripeClient, open_invoice: Any, seen: Any
) -> None:
    seen()
    paid = client.v1.invoices.pay(open_invoice["id"], {"paid_out_of_band": True, "expand": ["payments"]})
    assert (paid.status, paid.amount_paid_off_stripe, paid.amount_remaining) == ("paid", 2_000, 0)
    assert [one.status for one in paid.payments.data] == ["canceled"]  # type: ignore[union-attr]  # it was expanded
    assert "invoice.paid" in seen()
    assert (
        client.v1.subscriptions.retrieve(
            open_invoice["parent"]["subscription_details"]["subscription"]
        ).status
        == "active"
    )


def test_payments_that_are_attached_pay_their_parts(client: stripe.StripeClient, open_invoice: Any) -> None:
    first = charge(client, open_invoice, 500)
    client.v1.invoices.attach_payment(open_invoice["id"], {"payment_intent": first})
    client.v1.payment_intents.confirm(first)
    partly = client.v1.invoices.retrieve(open_invoice["id"])
    assert (partly.status, partly.amount_paid, partly.amount_remaining) == ("open", 500, 1_500)
    done = charge(client, open_invoice, 400, confirm=True)
    client.v1.invoices.attach_payment(open_invoice["id"], {"payment_intent": done})
    with pytest.raises(stripe.InvalidRequestError, match="more than what remains"):
        client.v1.invoices.attach_payment(
            open_invoice["id"], {"payment_intent": charge(client, open_invoice, 1_200)}
        )
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": open_invoice["customer"]}).id
    paid = client.v1.invoices.pay(open_invoice["id"], {"payment_method": card, "expand": ["payments"]})
    assert (paid.status, paid.amount_paid) == ("paid", 2_000)
    assert sorted((one.amount_paid or 0, one.is_default) for one in paid.payments.data) == [  # type: ignore[union-attr]  # it was expanded
        (400, False),
        (500, False),
        (1_100, True),
    ]


def test_a_payment_of_all_that_remains_ends_the_default_one(
    client: stripe.StripeClient, open_invoice: Any
) -> None:
    whole = charge(client, open_invoice, 2_000, confirm=True)
    paid = client.v1.invoices.attach_payment(
        open_invoice["id"], {"payment_intent": whole, "expand": ["payments"]}
    )
    assert paid.status == "paid"
    statuses = {one.status for one in client.v1.invoice_payments.list({"invoice": paid.id}).data}
    assert statuses == {"canceled", "paid"}


def test_credit_that_is_given_by_hand_pays_what_comes(client: stripe.StripeClient, subscribe: Any) -> None:
    customer = client.v1.customers.create().id
    given = client.v1.customers.balance_transactions.create(
        customer, {"amount": -2_500, "currency": "usd", "description": "Sorry"}
    )
    assert (given.type, given.ending_balance, given.description) == ("adjustment", -2_500, "Sorry")
    made = subscribe(customer=customer, expand=["latest_invoice"])
    invoice = made["latest_invoice"]
    assert (made["status"], invoice["amount_due"]) == ("active", 0)
    assert (invoice["starting_balance"], invoice["ending_balance"]) == (-2_500, -500)


def test_a_currency_settles_at_the_rate_of_the_day(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    control.post("/rates", currency="eur", settles_in="usd", rate=1.35)
    made = pay(currency="eur", amount=10_000, confirm=True)
    control.post("/rates", currency="eur", settles_in="usd", rate=1.4)
    client.v1.refunds.create({"payment_intent": made["id"]})
    booked = client.v1.balance_transactions.list().data[::-1]
    assert [(one.amount, one.currency, one.exchange_rate) for one in booked] == [
        (13_500, "usd", 1.35),
        (-14_000, "usd", 1.4),
    ]
    assert booked[0].fee == 432
    assert control.post("/rates", currency="eur") == {}
