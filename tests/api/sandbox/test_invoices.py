from __future__ import annotations

from typing import Any

import pytest
import stripe

from api.sandbox import Sandbox, Settings

DAY_S = 86_400
MONTH_S = 28 * DAY_S  # from 31 January to 28 February


@pytest.fixture
def unpaid(client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any) -> Any:
    """A past due subscription with its open invoice."""
    made = subscribe()
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": made["customer"]}).id
    client.v1.subscriptions.update(made["id"], {"default_payment_method": bad})
    control.post("/clock/advance", seconds=MONTH_S)
    found = client.v1.subscriptions.retrieve(made["id"], {"expand": ["latest_invoice"]}).to_dict()
    assert found["status"] == "past_due"
    return found


def test_an_invoice_is_voided_or_written_off(client: stripe.StripeClient, unpaid: Any, seen: Any) -> None:
    invoice = unpaid["latest_invoice"]["id"]
    seen()
    written_off = client.v1.invoices.mark_uncollectible(invoice)
    assert (written_off.status, client.v1.subscriptions.retrieve(unpaid["id"]).status) == (
        "uncollectible",
        "active",
    )
    assert client.v1.invoices.void_invoice(invoice).status == "void"
    assert [kind for kind in seen() if kind.startswith("invoice.")] == [
        "invoice.marked_uncollectible",
        "invoice.voided",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="void"):
        client.v1.invoices.pay(invoice)
    listed = client.v1.invoices.list({"customer": unpaid["customer"], "status": "void"}).data
    assert [found.id for found in listed] == [invoice]
    assert client.v1.invoices.line_items.list(invoice).data[0].amount == 2_000


def test_a_renewal_that_asks_its_holder(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any, seen: Any
) -> None:
    made = subscribe()
    ask = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": made["customer"]})
    client.v1.subscriptions.update(made["id"], {"default_payment_method": ask.id})
    seen()
    control.post("/clock/advance", seconds=MONTH_S)
    kinds = seen()
    assert "invoice.payment_action_required" in kinds
    assert "invoice.payment_failed" in kinds
    found = client.v1.subscriptions.retrieve(made["id"], {"expand": ["latest_invoice.payments"]}).to_dict()
    assert found["status"] == "past_due"
    with pytest.raises(stripe.CardError) as caught:
        client.v1.invoices.pay(found["latest_invoice"]["id"])
    assert caught.value.code == "invoice_payment_intent_requires_action"
    intent = found["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    control.post(f"/payment_intents/{intent}/authenticate", outcome="pass")
    assert client.v1.invoices.retrieve(found["latest_invoice"]["id"]).status == "paid"
    assert client.v1.subscriptions.retrieve(made["id"]).status == "active"


def test_a_card_set_up_once_renews_by_itself(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe("pm_card_authenticationRequiredOnSetup")
    intent = made["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    control.post(f"/payment_intents/{intent}/authenticate", outcome="pass")
    control.post("/clock/advance", seconds=MONTH_S)
    assert [invoice.status for invoice in client.v1.invoices.list().data] == ["paid", "paid"]


def test_a_card_turns_bad_and_good_again(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    customer = client.v1.customers.retrieve(made["customer"]).to_dict()
    card = customer["invoice_settings"]["default_payment_method"]
    control.post(f"/payment_methods/{card}/turn", into="pm_card_visa_chargeDeclinedLostCard")
    control.post("/clock/advance", seconds=MONTH_S)
    found = client.v1.subscriptions.retrieve(made["id"], {"expand": ["latest_invoice.payments"]}).to_dict()
    intent = found["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    error = client.v1.payment_intents.retrieve(intent).to_dict()["last_payment_error"]
    assert (found["status"], error["decline_code"]) == ("past_due", "lost_card")
    with pytest.raises(stripe.InvalidRequestError, match="Void the invoice"):
        client.v1.payment_intents.cancel(intent)
    control.post(f"/payment_methods/{card}/turn", into="pm_card_visa")
    assert client.v1.invoices.pay(found["latest_invoice"]["id"]).status == "paid"
    assert control.http.post(f"/payment_methods/{card}/turn", json={"into": "visa"}).status_code == 400


def test_a_deleted_customer_ends_its_subscriptions(
    client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    made = subscribe()
    client.v1.customers.delete(made["customer"])
    assert client.v1.subscriptions.retrieve(made["id"]).status == "canceled"
    control.post("/clock/advance", seconds=2 * MONTH_S)
    assert len(client.v1.invoices.list().data) == 1


def test_paused_collection(client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any) -> None:
    voided, drafted = subscribe(), subscribe()
    client.v1.subscriptions.update(voided["id"], {"pause_collection": {"behavior": "void"}})
    pause: Any = {"behavior": "keep_as_draft", "resumes_at": frozen + MONTH_S + DAY_S}
    client.v1.subscriptions.update(drafted["id"], {"pause_collection": pause})
    control.post("/clock/advance", seconds=MONTH_S + DAY_S)
    invoices = [client.v1.invoices.list({"subscription": made["id"]}).data[0] for made in (voided, drafted)]
    assert [invoice.status for invoice in invoices] == ["void", "draft"]
    assert client.v1.subscriptions.retrieve(drafted["id"]).pause_collection is None
    assert client.v1.subscriptions.retrieve(voided["id"]).status == "active"
    opened = client.v1.invoices.finalize_invoice(invoices[1].id)
    assert (opened.status, client.v1.invoices.pay(opened.id).status) == ("open", "paid")


def test_a_credit_note_refunds_and_credits(
    client: stripe.StripeClient, subscribe: Any, frozen: int, seen: Any
) -> None:
    made = subscribe()
    invoice = made["latest_invoice"]
    line = invoice["lines"]["data"][0]["id"]
    params: Any = {
        "invoice": invoice["id"],
        "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 700}],
        "refund_amount": 500,
        "credit_amount": 200,
        "reason": "order_change",
        "metadata": {"credit": "1"},
    }
    shown = client.v1.credit_notes.preview(params)
    assert (shown.total, client.v1.credit_notes.list({"invoice": invoice["id"]}).data) == (700, [])
    note = client.v1.credit_notes.create(params).to_dict()
    assert (note["type"], note["post_payment_amount"], note["number"]) == (
        "post_payment",
        700,
        f"{invoice['number']}-CN-01",
    )
    refund = client.v1.refunds.retrieve(note["refunds"][0]["refund"], {"expand": ["balance_transaction"]})
    assert refund.to_dict()["balance_transaction"]["net"] == -500
    assert client.v1.customers.retrieve(made["customer"]).balance == -200
    assert client.v1.invoices.retrieve(invoice["id"]).post_payment_credit_notes_amount == 700
    whole: Any = {"invoice": invoice["id"], "amount": 1_400, "refund_amount": 1_400}
    with pytest.raises(stripe.InvalidRequestError, match="left to credit"):
        client.v1.credit_notes.create(whole)
    whole |= {"amount": 1_300, "refund_amount": 1_200}
    with pytest.raises(stripe.InvalidRequestError, match="must equal the post payment amount"):
        client.v1.credit_notes.create(whole)
    client.v1.credit_notes.create(whole | {"refund_amount": 1_300})
    assert seen().count("credit_note.created") == 2
    with pytest.raises(stripe.InvalidRequestError, match="only void"):
        client.v1.credit_notes.void_credit_note(note["id"])
    assert client.v1.credit_notes.line_items.list(note["id"]).data[0].amount == 700
    assert client.v1.credit_notes.update(note["id"], {"memo": "sorry"}).memo == "sorry"


def test_a_credit_note_of_an_open_invoice(client: stripe.StripeClient, unpaid: Any) -> None:
    invoice = unpaid["latest_invoice"]["id"]
    note = client.v1.credit_notes.create({"invoice": invoice, "amount": 500})
    assert (note.type, client.v1.invoices.retrieve(invoice).amount_remaining) == ("pre_payment", 1_500)
    assert client.v1.credit_notes.void_credit_note(note.id).status == "void"
    assert client.v1.invoices.retrieve(invoice).amount_remaining == 2_000
    client.v1.credit_notes.create({"invoice": invoice, "amount": 500})
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": unpaid["customer"]}).id
    assert client.v1.invoices.pay(invoice, {"payment_method": good}).amount_paid == 1_500
    assert client.v1.subscriptions.retrieve(unpaid["id"]).status == "active"


def test_a_wholly_credited_invoice_is_paid(client: stripe.StripeClient, unpaid: Any) -> None:
    invoice = unpaid["latest_invoice"]["id"]
    client.v1.credit_notes.create({"invoice": invoice, "amount": 2_000})
    assert client.v1.invoices.retrieve(invoice).status == "paid"
    assert client.v1.subscriptions.retrieve(unpaid["id"]).status == "active"


def test_automatic_retries_when_they_are_asked_for(
    sandbox: Sandbox, client: stripe.StripeClient, subscribe: Any, frozen: int, control: Any
) -> None:
    normal = sandbox.state.settings
    sandbox.state.settings = Settings(
        invoice_retries_s=(DAY_S, 2 * DAY_S), after_retries="unpaid", invoice_draft_s=3_600
    )
    try:
        made = subscribe()
        bad = client.v1.payment_methods.attach(
            "pm_card_chargeCustomerFail", {"customer": made["customer"]}
        ).id
        client.v1.subscriptions.update(made["id"], {"default_payment_method": bad})
        control.post("/clock/advance", seconds=MONTH_S)
        invoice = client.v1.invoices.list({"subscription": made["id"]}).data[0]
        assert (invoice.status, invoice.automatically_finalizes_at) == ("draft", frozen + MONTH_S + 3_600)
        control.post("/clock/advance", seconds=3_600)
        seen = []
        for wait in (0, DAY_S, 2 * DAY_S):
            control.post("/clock/advance", seconds=wait)
            found = client.v1.invoices.retrieve(invoice.id)
            seen.append((found.attempt_count, found.next_payment_attempt))
        failed_at = frozen + MONTH_S + 3_600
        assert seen == [(1, failed_at + DAY_S), (2, failed_at + 3 * DAY_S), (3, None)]
        assert client.v1.subscriptions.retrieve(made["id"]).status == "unpaid"
    finally:
        sandbox.state.settings = normal
