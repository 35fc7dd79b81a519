"""Coupons, promotion codes and what they take of invoices."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

MONTH_S = 28 * 86_400  # from 31 January to 28 February


def coupon(client: stripe.StripeClient, **terms: Any) -> str:
    return client.v1.coupons.create({"duration": "forever", **terms}).id  # type: ignore[arg-type]  # any terms


def told(client: stripe.StripeClient) -> list[str]:
    """Types of all events, oldest first."""
    return [event.type for event in client.v1.events.list({"limit": 100}).data[::-1]]


def paid(client: stripe.StripeClient, subscription: str) -> list[tuple[int, int, int]]:
    """Of each invoice, oldest first: before discounts, after them, and by card."""
    found = client.v1.invoices.list({"subscription": subscription}).data[::-1]
    return [(one.subtotal, one.total, one.amount_paid) for one in found]


def test_a_coupon_of_the_whole_price_needs_no_card(client: stripe.StripeClient, subscribe: Any) -> None:
    free = coupon(client, percent_off=100)
    customer = client.v1.customers.create().id
    made = subscribe(customer=customer, discounts=[{"coupon": free}])
    assert made["status"] == "active"
    assert paid(client, made["id"]) == [(2_000, 0, 0)]
    assert "payment_intent.created" not in told(client)
    [found] = client.v1.subscriptions.retrieve(made["id"], {"expand": ["discounts.source.coupon"]}).discounts
    assert not isinstance(found, str)
    assert not isinstance(found.source.coupon, str)
    assert found.source.coupon is not None
    assert found.source.coupon.percent_off == 100


@pytest.mark.parametrize(
    ("terms", "charged"),
    [
        ({"duration": "once"}, [1_500, 2_000, 2_000]),
        ({"duration": "repeating", "duration_in_months": 2}, [1_500, 1_500, 2_000]),
        ({"duration": "forever"}, [1_500, 1_500, 1_500]),
    ],
)
def test_a_discount_lasts_as_long_as_its_coupon_says(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, terms: Any, charged: list[int]
) -> None:
    off = coupon(client, amount_off=500, currency="usd", **terms)
    made = subscribe(discounts=[{"coupon": off}])
    for _ in range(2):
        control.post("/clock/advance", seconds=31 * 86_400)
    assert [amount for _, _, amount in paid(client, made["id"])] == charged
    left = client.v1.subscriptions.retrieve(made["id"]).discounts
    assert bool(left) == (terms["duration"] == "forever")


def test_discounts_follow_each_other_and_lines_say_what_each_took(
    client: stripe.StripeClient, subscribe: Any
) -> None:
    half, off = coupon(client, percent_off=50), coupon(client, amount_off=300, currency="usd")
    made = subscribe(discounts=[{"coupon": half}, {"coupon": off}])
    [invoice] = client.v1.invoices.list({"subscription": made["id"]}).data
    assert invoice.total == 700
    assert invoice.total_discount_amounts is not None
    assert [one.amount for one in invoice.total_discount_amounts] == [1_000, 300]
    line = invoice.lines.data[0]
    assert line.discount_amounts is not None
    assert (line.amount, [one.amount for one in line.discount_amounts]) == (2_000, [1_000, 300])


def test_an_upgrade_gives_back_what_was_billed_and_charges_what_is_left_after_discounts(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, control: Any
) -> None:
    """Half of a period at half price: 5.00 back, 20.00 of 80.00 charged."""
    made = subscribe(discounts=[{"coupon": coupon(client, percent_off=50)}])
    control.post("/clock/advance", seconds=MONTH_S // 2)
    items: Any = [{"id": made["items"]["data"][0]["id"], "price": price(8_000)}]
    shown = client.v1.invoices.create_preview(
        {
            "subscription": made["id"],
            "subscription_details": {"items": items, "proration_behavior": "always_invoice"},
        }
    )
    assert [line.amount for line in shown.lines.data] == [-500, 2_000]
    client.v1.subscriptions.update(made["id"], {"items": items, "proration_behavior": "always_invoice"})
    assert paid(client, made["id"])[-1] == (1_500, 1_500, 1_500)


def test_what_is_cleared_or_deleted_gives_nothing_any_more(
    client: stripe.StripeClient, subscribe: Any
) -> None:
    half = coupon(client, percent_off=50)
    made = subscribe(discounts=[{"coupon": half}])
    assert client.v1.coupons.delete(half).deleted
    assert client.v1.subscriptions.retrieve(made["id"]).discounts, "what was given goes on"
    client.v1.subscriptions.update(made["id"], {"discounts": ""})
    assert client.v1.subscriptions.retrieve(made["id"]).discounts == []
    kinds = told(client)
    assert kinds[-3:-1] == ["coupon.deleted", "customer.discount.deleted"]
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        subscribe(discounts=[{"coupon": half}])


def test_a_promotion_code_is_redeemed_as_its_rules_say(client: stripe.StripeClient, subscribe: Any) -> None:
    half = coupon(client, percent_off=50)
    code = client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": half}, "code": "HALF", "max_redemptions": 1}
    )
    assert [one.id for one in client.v1.promotion_codes.list({"code": "half"}).data] == [code.id]
    made = subscribe(discounts=[{"promotion_code": code.id}])
    assert paid(client, made["id"]) == [(2_000, 1_000, 1_000)]
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        subscribe(discounts=[{"promotion_code": code.id}])
    first = client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": half}, "restrictions": {"first_time_transaction": True}}
    )
    with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
        subscribe(customer=made["customer"], discounts=[{"promotion_code": first.id}])


def test_a_coupon_says_what_it_takes_and_for_how_long(client: stripe.StripeClient, subscribe: Any) -> None:
    for wrong in (
        {},
        {"percent_off": 50, "amount_off": 100, "currency": "usd"},
        {"amount_off": 100},
        {"percent_off": 50, "duration": "repeating"},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            coupon(client, **wrong)
    euros = coupon(client, amount_off=100, currency="eur")
    with pytest.raises(stripe.InvalidRequestError, match="eur"):
        subscribe(discounts=[{"coupon": euros}])


def takes(invoice: stripe.Invoice) -> list[list[int]]:
    """Of each line."""
    return [[one.amount for one in line.discount_amounts or []] for line in invoice.lines.data]


def test_discounts_of_an_item_come_before_those_of_its_invoice(client: stripe.StripeClient) -> None:
    v1: Any = client.v1
    tenth, half = coupon(client, percent_off=10), coupon(client, percent_off=50)
    off = coupon(client, amount_off=280, currency="usd", duration="once")
    customer = v1.customers.create().id
    terms = {"customer": customer, "currency": "usd", "amount": 2_000}
    waits = v1.invoice_items.create({**terms, "discounts": [{"coupon": tenth}]})
    draft = v1.invoices.create(
        {"customer": customer, "pending_invoice_items_behavior": "include", "discounts": [{"coupon": off}]}
    )
    assert (draft.total, takes(draft)) == (1_520, [[200, 280]])
    v1.invoice_items.create({**terms, "invoice": draft.id, "amount": 1_000})
    assert takes(v1.invoices.retrieve(draft.id)) == [[200, 180], [100]]
    v1.invoice_items.update(waits.id, {"discounts": ""})
    changed = v1.invoices.update(draft.id, {"discounts": [{"coupon": half}]})
    assert (changed.total, takes(changed)) == (1_500, [[1_000], [500]])
    done = v1.invoices.finalize_invoice(draft.id, {"expand": ["discounts"]})
    [found] = done.discounts
    assert (found.invoice, found.subscription, found.customer) == (draft.id, None, customer)
    with pytest.raises(stripe.InvalidRequestError, match="finalized invoice"):
        v1.invoices.update(draft.id, {"discounts": ""})
    assert "customer.discount.created" not in told(client)


def test_an_invoice_of_its_own_discounts_inherits_no_other(
    client: stripe.StripeClient, subscribe: Any
) -> None:
    v1: Any = client.v1
    made = subscribe(discounts=[{"coupon": coupon(client, percent_off=50)}])
    terms = {
        "customer": made["customer"],
        "currency": "usd",
        "amount": 1_000,
        "subscription": made["id"],
    }
    v1.invoice_items.create(terms)
    draw = {
        "customer": made["customer"],
        "subscription": made["id"],
        "pending_invoice_items_behavior": "include",
    }
    bare = v1.invoices.create({**draw, "discounts": ""})
    assert (bare.total, bare.discounts) == (1_000, [])
    v1.invoices.delete(bare.id)
    assert v1.invoices.create(draw).total == 500
    with pytest.raises(stripe.InvalidRequestError, match="No such discount"):
        v1.invoices.create({**draw, "discounts": [{"discount": "di_none"}]})


def test_what_a_coupon_applies_to_is_shown_to_those_who_ask(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Pro"}).id
    limited, free = (
        coupon(client, percent_off=10, applies_to={"products": [product]}),
        coupon(client, percent_off=1),
    )
    asks: Any = {"expand": ["applies_to"]}
    assert "applies_to" not in client.v1.coupons.retrieve(limited).to_dict()
    assert client.v1.coupons.retrieve(limited, asks).to_dict()["applies_to"] == {"products": [product]}
    assert "applies_to" not in client.v1.coupons.retrieve(free, asks).to_dict()
