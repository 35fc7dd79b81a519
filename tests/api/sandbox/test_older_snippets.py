"""`source` and test tokens, as snippets have them that are older than payment methods."""

from __future__ import annotations

from typing import Any

import pytest
import stripe


@pytest.fixture
def raw(client: stripe.StripeClient) -> Any:
    def call(method: str, path: str, **params: Any) -> Any:
        return client.deserialize(client.raw_request(method, path, **params), api_mode="V1").to_dict()

    return call


def types(client: stripe.StripeClient) -> list[str]:
    return [str(event.type) for event in client.v1.events.list().data][::-1]


def test_a_customer_is_made_with_a_token_and_pays_invoices_with_its_card(
    client: stripe.StripeClient,
) -> None:
    customer = client.v1.customers.create({"source": "tok_visa"})
    assert types(client) == ["customer.source.created", "customer.created"]
    product = client.v1.products.create({"name": "Pro"})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 999, "recurring": {"interval": "month"}}
    )
    made = client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    assert made.status == "active"
    [charge] = client.v1.charges.list({"customer": customer.id}).data
    assert charge.payment_method == customer.default_source


def test_sources_are_added_changed_listed_and_taken_away(client: stripe.StripeClient, raw: Any) -> None:
    customer = client.v1.customers.create({})
    path = f"/v1/customers/{customer.id}/sources"
    first, second = raw("post", path, source="tok_visa"), raw("post", path, source="tok_mastercard")
    assert (first["object"], first["brand"], first["last4"]) == ("card", "Visa", "4242")
    assert [one["id"] for one in raw("get", path)["data"]] == [second["id"], first["id"]]
    assert raw("get", f"{path}/{second['id']}") == second
    changed = raw("post", f"{path}/{first['id']}", metadata={"a": "b"})
    assert changed["metadata"] == {"a": "b"}
    assert client.v1.customers.retrieve(customer.id).default_source == first["id"]
    assert raw("delete", f"{path}/{first['id']}")["deleted"]
    assert client.v1.customers.retrieve(customer.id).default_source is None
    assert client.v1.customers.update(customer.id, {"source": "tok_amex"}).default_source
    with pytest.raises(stripe.InvalidRequestError, match="No such token"):
        raw("post", path, source="tok_nonsense")
    with pytest.raises(stripe.CardError):
        raw("post", path, source="tok_chargeDeclined")
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        raw("get", f"{path}/{first['id']}")


def test_a_charge_is_made_without_a_payment_intent(client: stripe.StripeClient) -> None:
    amount: Any = {"amount": 700, "currency": "usd"}
    charge = client.v1.charges.create(amount | {"source": "tok_visa"})
    assert (charge.status, charge.payment_intent, charge.paid) == ("succeeded", None, True)
    assert client.v1.balance_transactions.list().data[0].source == charge.id
    customer = client.v1.customers.create({"source": "tok_visa"})
    assert client.v1.charges.create(amount | {"customer": customer.id}).payment_method == (
        customer.default_source
    )
    refund = client.v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"
    with pytest.raises(stripe.CardError) as refused:
        client.v1.charges.create(amount | {"source": "tok_chargeDeclinedInsufficientFunds"})
    assert refused.value.error is not None
    assert refused.value.error.decline_code == "insufficient_funds"
    assert "charge.failed" in types(client)
    without = client.v1.customers.create({})
    with pytest.raises(stripe.CardError, match="no active card"):
        client.v1.charges.create(amount | {"customer": without.id})
    with pytest.raises(stripe.InvalidRequestError, match="source or customer"):
        client.v1.charges.create(amount)


def test_the_card_that_a_customer_is_made_with_can_be_named_as_its_default(
    client: stripe.StripeClient,
) -> None:
    settings: Any = {"default_payment_method": "pm_card_visa"}
    customer = client.v1.customers.create({"payment_method": "pm_card_visa", "invoice_settings": settings})
    [method] = client.v1.customers.payment_methods.list(customer.id).data
    assert customer.invoice_settings is not None
    assert customer.invoice_settings.default_payment_method == method.id


def test_a_product_is_deleted_while_it_has_no_price(client: stripe.StripeClient) -> None:
    gone, kept = client.v1.products.create({"name": "A"}), client.v1.products.create({"name": "B"})
    client.v1.prices.create({"product": kept.id, "currency": "usd", "unit_amount": 1})
    assert client.v1.products.delete(gone.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        client.v1.products.delete(kept.id)
    assert [one.id for one in client.v1.products.list().data] == [kept.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        client.v1.products.retrieve(gone.id)
