"""`source` and test tokens, as snippets have them that are older than payment methods, and what requests that
name no version may ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from api.sandbox import Sandbox


@pytest.fixture
def raw(client: stripe.StripeClient) -> Any:
    def call(method: str, path: str, **params: Any) -> Any:
        return client.deserialize(client.raw_request(method, path, **params), api_mode="V1").to_dict()

    return call


@pytest.fixture
def unversioned(sandbox: Sandbox) -> Iterator[Any]:
    """POST that names no version."""
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    with httpx.Client(base_url=f"{sandbox.url}/v1", headers=headers) as http:

        def post(path: str, **params: Any) -> Any:
            answer = http.post(path, data=params)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield post


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


def test_a_customer_has_a_discount_for_what_has_none_of_its_own(
    client: stripe.StripeClient, unversioned: Any, price: Any, raw: Any
) -> None:
    coupons: Any = client.v1.coupons.create
    tenth, half = (coupons({"percent_off": off, "duration": "forever"}).id for off in (10, 50))
    customer = unversioned("/customers", coupon=tenth, source="tok_visa")["id"]

    def pays(**more: Any) -> Any:
        params: Any = {"customer": customer, "items": [{"price": price()}], "expand": ["latest_invoice"]}
        return client.v1.subscriptions.create(params | more).to_dict()["latest_invoice"]["amount_paid"]

    assert pays() == 1_800
    assert pays(discounts=[{"coupon": half}]) == 1_000
    assert unversioned(f"/customers/{customer}", coupon=half)["discount"]["source"]["coupon"] == half
    assert types(client)[-1] == "customer.discount.updated"
    assert raw("get", f"/v1/customers/{customer}/discount")["source"]["coupon"] == half
    assert raw("delete", f"/v1/customers/{customer}/discount")["deleted"]
    assert (types(client)[-1], pays()) == ("customer.discount.deleted", 2_000)
    with pytest.raises(stripe.InvalidRequestError, match="No such discount"):
        raw("get", f"/v1/customers/{customer}/discount")
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: coupon"):
        raw("post", f"/v1/customers/{customer}", coupon=half)


def test_a_discount_of_once_or_of_months_leaves_its_customer(
    client: stripe.StripeClient, unversioned: Any, frozen: int, control: Any
) -> None:
    once = client.v1.coupons.create({"amount_off": 300, "currency": "usd", "duration": "once"}).id
    customer = unversioned("/customers", coupon=once, source="tok_visa")["id"]
    item: Any = {"customer": customer, "amount": 1_000, "currency": "usd"}
    client.v1.invoice_items.create(item)
    made: Any = {"customer": customer, "pending_invoice_items_behavior": "include"}
    draft = client.v1.invoices.create(made)
    assert (draft.total, client.v1.customers.retrieve(customer).discount) == (700, None)
    client.v1.invoice_items.create(item | {"invoice": draft.id, "amount": 500})
    assert client.v1.invoices.retrieve(draft.id).total == 1_200
    month: Any = {"percent_off": 10, "duration": "repeating", "duration_in_months": 1}
    monthly = client.v1.coupons.create(month).id
    assert unversioned(f"/customers/{customer}", coupon=monthly)["discount"]["end"] > frozen
    control.post("/clock/advance", seconds=28 * 86_400)
    assert client.v1.customers.retrieve(customer).discount is None


def test_without_a_version_codes_name_their_coupon_and_intents_are_of_cards(
    client: stripe.StripeClient, unversioned: Any, raw: Any
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    assert unversioned("/promotion_codes", coupon=coupon)["promotion"]["coupon"] == coupon
    paid = unversioned(
        "/payment_intents", amount=700, currency="usd", payment_method="pm_card_visa", confirm="true"
    )
    assert (paid["status"], paid["payment_method_types"]) == ("succeeded", ["card"])
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        raw(
            "post",
            "/v1/payment_intents",
            amount=700,
            currency="usd",
            payment_method="pm_card_visa",
            confirm="true",
        )


def test_a_portal_is_configured_and_leads_back_to_its_default(client: stripe.StripeClient) -> None:
    configurations = client.v1.billing_portal.configurations
    features: Any = {"subscription_cancel": {"enabled": True}}
    made = configurations.create({"features": features, "default_return_url": "https://example.org/"})
    assert made.features.subscription_cancel.enabled
    assert configurations.update(made.id, {"active": False, "name": "Plain"}).name == "Plain"
    assert [one.id for one in configurations.list({"active": False}).data] == [made.id]
    customer = client.v1.customers.create({}).id
    sessions: Any = client.v1.billing_portal.sessions.create
    assert sessions({"customer": customer}).return_url is None
    back = sessions({"customer": customer, "configuration": made.id}).return_url
    assert back == "https://example.org/"
    unknown: Any = {"features": {"telepathy": {"enabled": True}}}
    with pytest.raises(stripe.InvalidRequestError, match="telepathy"):
        configurations.create(unknown)
