from __future__ import annotations

from typing import Any

import pytest
import stripe

HOUR_S = 3_600
DAY_S = 86_400
MONTH_S = 28 * DAY_S  # from 31 January to 28 February


def change(subscription: Any, price: str, **more: Any) -> Any:
    return {"items": [{"id": subscription["items"]["data"][0]["id"], "price": price}], **more}


def price_of(subscription: Any) -> str:
    return str(subscription["items"]["data"][0]["price"]["id"])


def amounts(invoice: Any) -> list[tuple[int, bool]]:
    return [
        (line["amount"], line["parent"]["subscription_item_details"]["proration"])
        for line in invoice["lines"]["data"]
    ]


@pytest.fixture
def preview(client: stripe.StripeClient) -> Any:
    def of(subscription: Any, **details: Any) -> Any:
        params: Any = {"subscription": subscription["id"], "subscription_details": details}
        return client.v1.invoices.create_preview(params).to_dict()

    return of


@pytest.mark.parametrize("elapsed", [0, 1, 10 * DAY_S + 7, MONTH_S - 1])
def test_an_upgrade_is_prorated_by_the_second_as_previewed(
    client: stripe.StripeClient,
    subscribe: Any,
    price: Any,
    preview: Any,
    frozen: int,
    control: Any,
    elapsed: int,
) -> None:
    made = subscribe()
    control.post("/clock/set", now=frozen + elapsed, frozen=True)
    wish = change(made, price(5_000), proration_behavior="always_invoice", proration_date=frozen + elapsed)
    seen = preview(made, **wish)
    control.post("/clock/advance", seconds=min(5, MONTH_S - elapsed - 1))
    wish |= {"payment_behavior": "pending_if_incomplete", "expand": ["latest_invoice"]}
    updated = client.v1.subscriptions.update(made["id"], wish).to_dict()
    left = MONTH_S - elapsed
    credit, charge = (int(full * left / MONTH_S + 0.5) for full in (2_000, 5_000))
    invoice = updated["latest_invoice"]
    assert amounts(seen) == amounts(invoice) == [(-credit, True), (charge, True)]
    assert seen["total"] == invoice["total"] == charge - credit
    assert invoice["lines"]["data"][0]["period"] == {"start": frozen + elapsed, "end": frozen + MONTH_S}
    assert (price_of(updated), updated["pending_update"]) == (price(5_000), None)
    assert updated["items"]["data"][0]["current_period_start"] == frozen
    assert invoice["status"] == "paid"


def test_prorations_wait_for_the_next_invoice(
    client: stripe.StripeClient, subscribe: Any, price: Any, preview: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    control.post("/clock/advance", seconds=14 * DAY_S)
    client.v1.subscriptions.update(made["id"], change(made, price(5_000)))
    assert len(client.v1.invoice_items.list({"customer": made["customer"], "pending": True}).data) == 2
    upcoming = preview(made)
    assert amounts(upcoming) == [(-1_000, True), (2_500, True), (5_000, False)]
    control.post("/clock/advance", seconds=14 * DAY_S)
    invoice = client.v1.invoices.list({"subscription": made["id"]}).data[0].to_dict()
    assert amounts(invoice) == amounts(upcoming)
    assert (invoice["billing_reason"], invoice["amount_paid"]) == ("subscription_cycle", 6_500)
    assert (invoice["period_start"], invoice["period_end"]) == (frozen, frozen + MONTH_S)
    assert client.v1.invoice_items.list({"customer": made["customer"], "pending": True}).data == []


def test_a_downgrade_without_proration_and_one_that_leaves_credit(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, control: Any
) -> None:
    silent, credited = subscribe(amount=5_000), subscribe(amount=5_000)
    client.v1.subscriptions.update(silent["id"], change(silent, price(2_000), proration_behavior="none"))
    control.post("/clock/advance", seconds=14 * DAY_S)
    client.v1.subscriptions.update(
        credited["id"], change(credited, price(2_000), proration_behavior="always_invoice")
    )
    assert client.v1.customers.retrieve(credited["customer"]).balance == -1_500
    control.post("/clock/advance", seconds=14 * DAY_S)
    paid = [client.v1.invoices.list({"subscription": made["id"]}).data[0] for made in (silent, credited)]
    assert [invoice.amount_paid for invoice in paid] == [2_000, 500]
    assert (paid[1].starting_balance, paid[1].ending_balance) == (-1_500, 0)
    booked = client.v1.customers.balance_transactions.list(credited["customer"]).data
    assert [found.amount for found in booked] == [1_500, -1_500]


def test_another_interval_begins_a_period_now(
    client: stripe.StripeClient, subscribe: Any, price: Any, preview: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    control.post("/clock/advance", seconds=7 * DAY_S)
    wish = change(made, price(20_000, "year"))
    seen = preview(made, **wish)
    wish |= {"expand": ["latest_invoice"]}
    updated = client.v1.subscriptions.update(made["id"], wish).to_dict()
    assert amounts(seen) == amounts(updated["latest_invoice"]) == [(-1_500, True), (20_000, False)]
    item = updated["items"]["data"][0]
    assert updated["billing_cycle_anchor"] == item["current_period_start"] == frozen + 7 * DAY_S
    assert item["current_period_end"] == frozen + (7 + 365) * DAY_S
    control.post("/clock/advance", seconds=60 * DAY_S)
    assert len(client.v1.invoices.list({"subscription": made["id"]}).data) == 2


def test_an_anchor_of_now_and_one_in_the_future(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, control: Any
) -> None:
    made = subscribe(billing_cycle_anchor=frozen + 15 * DAY_S + 12 * HOUR_S)
    whole = 31 * DAY_S  # from 15 January to 15 February
    assert made["latest_invoice"]["total"] == int(2_000 * 15.5 * DAY_S / whole + 0.5)
    control.post("/clock/advance", seconds=15 * DAY_S + 12 * HOUR_S)
    assert client.v1.invoices.list({"subscription": made["id"]}).data[0].total == 2_000
    control.post("/clock/advance", seconds=14 * DAY_S)
    wish: Any = {"billing_cycle_anchor": "now", "expand": ["latest_invoice"]}
    again = client.v1.subscriptions.update(made["id"], wish).to_dict()
    assert amounts(again["latest_invoice"]) == [(-1_000, True), (2_000, False)]


def test_an_upgrade_waits_until_it_is_paid(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe()
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": made["customer"]}).id
    client.v1.subscriptions.update(made["id"], {"default_payment_method": bad})
    seen()
    wish = change(
        made,
        price(5_000),
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
        expand=["latest_invoice"],
    )
    waiting = client.v1.subscriptions.update(made["id"], wish).to_dict()
    pending = waiting["pending_update"]
    assert (waiting["status"], price_of(waiting)) == ("active", price(2_000))
    assert pending["expires_at"] == frozen + 23 * HOUR_S
    assert pending["subscription_items"][0]["price"]["id"] == price(5_000)
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": made["customer"]}).id
    client.v1.invoices.pay(waiting["latest_invoice"]["id"], {"payment_method": good})
    applied = client.v1.subscriptions.retrieve(made["id"]).to_dict()
    assert (price_of(applied), applied["pending_update"]) == (price(5_000), None)
    kinds = seen()
    assert kinds.count("customer.subscription.pending_update_applied") == 1
    assert "invoice.payment_failed" in kinds


def test_an_unpaid_upgrade_expires(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe("pm_card_visa")
    ask = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": made["customer"]})
    client.v1.subscriptions.update(made["id"], {"default_payment_method": ask.id})
    wish = change(
        made, price(5_000), proration_behavior="always_invoice", payment_behavior="pending_if_incomplete"
    )
    waiting = client.v1.subscriptions.update(made["id"], wish)
    assert waiting.pending_update is not None
    assert "invoice.payment_action_required" in seen()
    control.post("/clock/advance", seconds=23 * HOUR_S)
    expired = client.v1.subscriptions.retrieve(made["id"], {"expand": ["latest_invoice"]}).to_dict()
    assert (expired["pending_update"], price_of(expired)) == (None, price(2_000))
    assert (expired["status"], expired["latest_invoice"]["status"]) == ("active", "void")
    assert "customer.subscription.pending_update_expired" in seen()
    refused: Any = {**wish, "metadata": {"a": "b"}}
    with pytest.raises(stripe.InvalidRequestError, match="supported params"):
        client.v1.subscriptions.update(made["id"], refused)


def test_an_upgrade_that_must_be_paid_leaves_no_trace(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int, seen: Any
) -> None:
    made = subscribe()
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": made["customer"]}).id
    client.v1.subscriptions.update(made["id"], {"default_payment_method": bad})
    seen()
    wish = change(made, price(5_000), proration_behavior="always_invoice")
    strict: Any = {**wish, "payment_behavior": "error_if_incomplete"}
    with pytest.raises(stripe.CardError):
        client.v1.subscriptions.update(made["id"], strict)
    assert price_of(client.v1.subscriptions.retrieve(made["id"]).to_dict()) == price(2_000)
    assert seen() == []
    allowed = client.v1.subscriptions.update(made["id"], wish).to_dict()
    assert (allowed["status"], price_of(allowed)) == ("past_due", price(5_000))


def test_a_cancellation_gives_back_what_was_not_used(
    client: stripe.StripeClient, subscribe: Any, preview: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    control.post("/clock/advance", seconds=14 * DAY_S)
    seen = preview(made, cancel_now=True)
    canceled = client.v1.subscriptions.cancel(made["id"], {"prorate": True, "invoice_now": True})
    invoice = client.v1.invoices.retrieve(str(canceled.latest_invoice))
    assert seen["total"] == invoice.total == -1_000
    assert client.v1.customers.retrieve(made["customer"]).balance == -1_000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        preview(made)
    assert caught.value.code == "invoice_upcoming_none"


def test_a_preview_of_a_new_subscription_keeps_nothing(
    client: stripe.StripeClient, customer: Any, price: Any, control: Any, seen: Any
) -> None:
    owner = customer("")
    seen()
    objects = len(client.v1.events.list({"limit": 100}).data)
    details: Any = {"items": [{"price": price(2_000)}]}
    shown = client.v1.invoices.create_preview({"customer": owner, "subscription_details": details})
    assert (shown.total, shown.amount_due, shown.parent) == (2_000, 2_000, None)
    assert client.v1.subscriptions.list({"customer": owner, "status": "all"}).data == []
    assert client.v1.invoices.list({"customer": owner}).data == []
    assert len(client.v1.events.list({"limit": 100}).data) == objects + 1  # the price


def correction(product: str, amount: int, start: int, end: int) -> Any:
    return {
        "price_data": {"currency": "usd", "product": product, "unit_amount": amount},
        "discountable": False,
        "metadata": {"why": "paid back"},
        "period": {
            "start": {"type": "timestamp", "timestamp": start},
            "end": {"type": "timestamp", "timestamp": end},
        },
    }


def test_an_item_of_ones_own_goes_on_the_invoice_of_the_change_as_previewed(
    client: stripe.StripeClient, subscribe: Any, price: Any, frozen: int
) -> None:
    made = subscribe()
    product = made["items"]["data"][0]["price"]["product"]
    wish = change(made, price(5_000), proration_behavior="always_invoice", proration_date=frozen)
    item: Any = {"amount": 700, "currency": "usd", "period": {"start": frozen, "end": frozen + MONTH_S}}
    asked: Any = {"subscription": made["id"], "subscription_details": wish, "invoice_items": [item]}
    seen = client.v1.invoices.create_preview(asked)
    wish |= {
        "payment_behavior": "pending_if_incomplete",
        "expand": ["latest_invoice"],
        "add_invoice_items": [correction(product, 700, frozen, frozen + MONTH_S)],
    }
    updated = client.v1.subscriptions.update(made["id"], wish).to_dict()
    lines = updated["latest_invoice"]["lines"]["data"]
    assert [line["amount"] for line in lines] == [700, -2_000, 5_000]
    assert updated["latest_invoice"]["total"] == seen.total == 3_700
    own = lines[0]
    assert (own["metadata"], own["parent"]["type"]) == ({"why": "paid back"}, "invoice_item_details")
    assert own["period"] == {"start": frozen, "end": frozen + MONTH_S}
    kept = client.v1.invoice_items.retrieve(own["parent"]["invoice_item_details"]["invoice_item"])
    assert (kept.invoice, kept.amount, kept.proration) == (updated["latest_invoice"]["id"], 700, False)


def test_an_item_of_ones_own_waits_for_the_next_invoice(
    client: stripe.StripeClient, subscribe: Any, control: Any, frozen: int
) -> None:
    made = subscribe()
    customer = made["customer"]
    asked: Any = {"customer": customer, "subscription": made["id"], "amount": -300, "currency": "usd"}
    client.v1.invoice_items.create(asked)
    product = made["items"]["data"][0]["price"]["product"]
    more: Any = {"add_invoice_items": [correction(product, 50, frozen, frozen + DAY_S)]}
    client.v1.subscriptions.update(made["id"], more)
    assert [one.amount for one in client.v1.invoice_items.list({"pending": True}).data] == [50, -300]
    control.post("/clock/advance", seconds=MONTH_S)
    (renewal, _) = client.v1.invoices.list({"subscription": made["id"]}).data
    assert (renewal.total, renewal.status) == (1_750, "paid")
    wrong: Any = {**asked, "currency": "eur"}
    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        client.v1.invoice_items.create(wrong)
