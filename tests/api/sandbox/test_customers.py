from __future__ import annotations

from typing import Any

import pytest
import stripe


def test_a_customer_lives_and_ends(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create(
        {"email": "a@example.org", "name": "A", "metadata": {"user": "1", "x": "y"}}
    )
    updated = client.v1.customers.update(customer.id, {"name": "", "metadata": {"x": "", "z": "1"}})
    assert updated.name is None
    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"user": "1", "z": "1"}
    assert [found.id for found in client.v1.customers.list({"email": "a@example.org"}).data] == [customer.id]
    assert client.v1.customers.delete(customer.id).deleted
    assert client.v1.customers.retrieve(customer.id).deleted
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 500, "currency": "usd", "customer": customer.id})
    events = client.v1.events.list({"type": "customer.*"}).data
    assert [event.type for event in events] == ["customer.deleted", "customer.updated", "customer.created"]
    assert events[1].to_dict()["data"]["previous_attributes"] == {
        "name": "A",
        "metadata": {"user": "1", "x": "y"},
    }


def test_a_method_is_attached_listed_charged_and_detached(client: stripe.StripeClient, pay: Any) -> None:
    customer = client.v1.customers.create()
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    of_customer = client.v1.customers.payment_methods.list(customer.id).data
    assert [found.id for found in listed] == [found.id for found in of_customer] == [method.id]
    assert pay(method.id, customer=customer.id)["status"] == "succeeded"
    assert pay(method.id, customer=customer.id)["status"] == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        pay(method.id)
    client.v1.payment_methods.detach(method.id)
    assert client.v1.payment_methods.list({"customer": customer.id}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(method.id)


def test_the_default_method_is_expanded_and_goes_with_its_method(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"payment_method": "pm_card_mastercard"})
    method = client.v1.customers.payment_methods.list(customer.id).data[0]
    settings: Any = {"default_payment_method": method.id}
    expand = ["invoice_settings.default_payment_method"]
    updated = client.v1.customers.update(
        customer.id, {"invoice_settings": settings, "expand": expand}
    ).to_dict()
    assert updated["invoice_settings"]["default_payment_method"]["card"]["brand"] == "mastercard"
    client.v1.payment_methods.detach(method.id)
    found = client.v1.customers.retrieve(customer.id).to_dict()
    assert found["invoice_settings"]["default_payment_method"] is None


def test_a_declining_card_cannot_be_attached_but_one_declines_later(
    client: stripe.StripeClient, pay: Any
) -> None:
    customer = client.v1.customers.create()
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id})
    method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    with pytest.raises(stripe.CardError):
        pay(method.id, customer=customer.id)


def test_a_paid_method_is_saved_for_later(client: stripe.StripeClient, pay: Any) -> None:
    customer = client.v1.customers.create()
    intent = pay(customer=customer.id, setup_future_usage="off_session")
    saved = client.v1.payment_methods.retrieve(intent["payment_method"])
    assert saved.customer == customer.id
    assert pay(saved.id, customer=customer.id, off_session=True)["status"] == "succeeded"


def test_a_method_from_a_token(client: stripe.StripeClient) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    updated = client.v1.payment_methods.update(
        method.id, {"billing_details": {"name": "A"}, "metadata": {"a": "b"}}
    )
    assert updated.billing_details.name == "A"
    with pytest.raises(stripe.InvalidRequestError, match="test tokens only"):
        client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_unheard_of"}})
