"""Invoices that somebody makes by hand, and the invoice items of a customer without a subscription."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

DAY_S = 86_400
MONTH_S = 28 * DAY_S  # from 31 January to 28 February


@pytest.fixture
def item(client: stripe.StripeClient) -> Any:
    def make(customer: str, amount: int = 700, **changes: Any) -> Any:
        params: Any = {"customer": customer, "amount": amount, "currency": "usd"} | changes
        return client.v1.invoice_items.create(params)

    return make


@pytest.fixture
def invoice(client: stripe.StripeClient) -> Any:
    """A draft with all that waits."""

    def make(customer: str, **changes: Any) -> Any:
        params: Any = {"customer": customer, "pending_invoice_items_behavior": "include"} | changes
        return client.v1.invoices.create(params)

    return make


def test_an_invoice_takes_what_waits_and_is_paid(
    client: stripe.StripeClient, customer: Any, item: Any, invoice: Any, seen: Any
) -> None:
    owner = customer()
    waits = item(owner, description="Setup")
    item(owner, -200)
    assert client.v1.invoices.create({"customer": owner}).total == 0
    seen()
    made = invoice(owner, metadata={"a": "b"}, description="By hand")
    assert (made.status, made.billing_reason, made.parent, made.total) == ("draft", "manual", None, 500)
    assert [line.description for line in made.lines.data] == ["Setup", ""]
    assert client.v1.invoice_items.retrieve(waits.id).invoice == made.id
    assert client.v1.invoices.finalize_invoice(made.id).status == "open"
    paid = client.v1.invoices.pay(made.id)
    assert (paid.status, paid.amount_paid, paid.to_dict()["metadata"]) == ("paid", 500, {"a": "b"})
    assert seen() == [
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    note = client.v1.credit_notes.create({"invoice": made.id, "amount": 100, "refund_amount": 100})
    assert note.type == "post_payment"


def test_items_of_a_draft_are_added_changed_and_deleted(
    client: stripe.StripeClient, customer: Any, item: Any, invoice: Any
) -> None:
    owner = customer()
    draft = invoice(owner)
    one, other = item(owner, invoice=draft.id), item(owner, 100, invoice=draft.id)
    changed = client.v1.invoice_items.update(one.id, {"amount": 900, "description": "More"})
    assert (changed.amount, changed.invoice) == (900, draft.id)
    assert client.v1.invoices.retrieve(draft.id).total == 1_000
    assert client.v1.invoice_items.delete(other.id).deleted
    now = client.v1.invoices.finalize_invoice(draft.id)
    assert [(line.amount, line.description) for line in now.lines.data] == [(900, "More")]
    for refused in (
        lambda: client.v1.invoice_items.update(one.id, {"amount": 1}),
        lambda: client.v1.invoice_items.delete(one.id),
        lambda: item(owner, invoice=draft.id),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="draft"):
            refused()


def test_a_draft_is_deleted_and_what_was_on_it_waits_again(
    client: stripe.StripeClient, subscribe: Any, item: Any, invoice: Any, seen: Any
) -> None:
    made = subscribe()
    waits = item(made["customer"])
    draft = invoice(made["customer"])
    seen()
    assert client.v1.invoices.delete(draft.id).deleted
    assert seen() == ["invoice.deleted"]
    assert client.v1.invoice_items.retrieve(waits.id).invoice is None
    assert invoice(made["customer"]).total == 700
    with pytest.raises(stripe.InvalidRequestError, match="void this one"):
        client.v1.invoices.delete(made["latest_invoice"]["id"])
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
        client.v1.invoices.retrieve(draft.id)


def test_an_invoice_is_sent_to_be_paid_within_days(
    client: stripe.StripeClient, customer: Any, item: Any, invoice: Any, frozen: int, seen: Any
) -> None:
    owner = customer()
    item(owner)
    sent: Any = {"collection_method": "send_invoice"}
    with pytest.raises(stripe.InvalidRequestError, match="days_until_due"):
        invoice(owner, **sent)
    draft = invoice(owner, **sent, days_until_due=7)
    assert client.v1.invoices.send_invoice(draft.id).status == "open"
    assert draft.due_date == frozen + 7 * DAY_S
    assert seen()[-2:] == ["invoice.finalized", "invoice.sent"]
    assert client.v1.invoices.list({"collection_method": "send_invoice"}).data[0].id == draft.id
    assert client.v1.invoices.mark_uncollectible(draft.id).status == "uncollectible"
    automatic = invoice(owner)
    with pytest.raises(stripe.InvalidRequestError, match="send_invoice"):
        client.v1.invoices.send_invoice(automatic.id)


def test_one_that_advances_by_itself_is_collected_after_an_hour(
    client: stripe.StripeClient, customer: Any, item: Any, invoice: Any, frozen: int, control: Any
) -> None:
    owner = customer()
    item(owner)
    draft = invoice(owner, auto_advance=True)
    assert draft.automatically_finalizes_at == frozen + 3_600
    control.post("/clock/advance", seconds=3_599)
    assert client.v1.invoices.retrieve(draft.id).status == "draft"
    control.post("/clock/advance", seconds=1)
    assert client.v1.invoices.retrieve(draft.id).status == "paid"


def test_one_that_is_deleted_or_whose_customer_is_advances_no_more(
    client: stripe.StripeClient, customer: Any, item: Any, invoice: Any, frozen: int, control: Any
) -> None:
    owner, gone = customer(), customer()
    item(gone)
    client.v1.invoices.delete(invoice(owner, auto_advance=True).id)
    draft = invoice(gone, auto_advance=True)
    client.v1.customers.delete(gone)
    control.post("/clock/advance", seconds=3_600)
    assert client.v1.invoices.retrieve(draft.id).status == "draft"


def test_an_invoice_of_a_subscription_takes_its_items_and_leaves_it_alone(
    client: stripe.StripeClient, subscribe: Any, item: Any, invoice: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    owner, subscription = made["customer"], made["id"]
    item(owner, 300, subscription=subscription)
    loose = item(owner, 50)
    draft = invoice(owner, subscription=subscription)
    paid = client.v1.invoices.pay(draft.id).to_dict()
    assert (paid["total"], paid["parent"]["subscription_details"]["subscription"]) == (300, subscription)
    now = client.v1.subscriptions.retrieve(subscription)
    assert (now.latest_invoice, now.status) == (made["latest_invoice"]["id"], "active")
    control.post("/clock/advance", seconds=MONTH_S)
    renewal = client.v1.invoices.list({"subscription": subscription}).data[0]
    assert (renewal.total, client.v1.invoice_items.retrieve(loose.id).invoice) == (2_050, renewal.id)


def test_an_item_is_of_a_price(client: stripe.StripeClient, customer: Any, invoice: Any, price: Any) -> None:
    owner = customer()
    product = client.v1.products.create({"name": "Badge"}).id
    once = client.v1.prices.create({"product": product, "currency": "eur", "unit_amount": 250}).id
    made = client.v1.invoice_items.create({"customer": owner, "pricing": {"price": once}, "quantity": 2})
    assert (made.amount, made.currency) == (500, "eur")
    assert (invoice(owner).currency, invoice(owner).total) == ("eur", 0)
    with pytest.raises(stripe.InvalidRequestError, match="one_time"):
        client.v1.invoice_items.create({"customer": owner, "pricing": {"price": price()}})
    with pytest.raises(stripe.InvalidRequestError, match="amount"):
        client.v1.invoice_items.create({"customer": owner})
