"""Invoices, receipts, credit notes and what finance asks, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.message import Origin
from tests.api.conftest import OpenApp
from tests.api.support import Caller, FakeStripe, Running, problem
from tests.ledger.subscription_examples import STRIPE_INVOICE, invoice_snapshot

STRIPE = Origin(actor="stripe", roles=frozenset({"system", "admin"}))


async def invoice_of(app: Running, caller: Caller, tier: str = "pro", **body: Any) -> str:
    """The id of the first invoice of a new subscription."""
    await caller.subscribe(tier, **body)
    await app.projected()
    listed = await caller.get("/api/invoices?limit=1")
    return str(listed.json()["items"][0]["invoice_id"])


async def credit(caller: Caller, invoice_id: str, *, key: str = "credit", **body: Any) -> Any:
    content = {"note": "asked for", **body}
    return await caller("POST", f"/api/invoices/{invoice_id}/credit", key=key, json=content)


async def test_an_invoice_with_all_that_happened_to_it(app: Running, student: Caller, admin: Caller) -> None:
    invoice_id = await invoice_of(app, student)
    answer = await student.get(f"/api/invoices/{invoice_id}")
    assert answer.status_code == 200, answer.text
    invoice = answer.json()
    assert (invoice["status"], invoice["total_minor"], invoice["receipt_number"]) == ("paid", 999, 1)
    assert [line["amount_minor"] for line in invoice["lines"]] == [999]
    assert [(each["status"], each["amount_minor"]) for each in invoice["payments"]] == [("succeeded", 999)]
    assert [fact["type"] for fact in invoice["history"]] == [
        "invoices.finalized.v1",
        "invoices.paid.v1",
        "invoices.settled.v1",
    ]
    assert (invoice["settlement"], invoice["revenue"]) == (None, None)
    seen = (await admin.get(f"/api/invoices/{invoice_id}")).json()
    assert (seen["settlement"]["net_minor"], seen["revenue"]["deferred_minor"]) == (940, 999)


async def test_a_failed_attempt_says_what_to_do_and_when_the_next_one_is(
    app: Running, student: Caller
) -> None:
    invoice_id = await invoice_of(app, student, payment_method="pm_funds")
    invoice = (await student.get(f"/api/invoices/{invoice_id}")).json()
    assert (invoice["status"], invoice["attempts"], invoice["receipt_number"]) == ("open", 1, None)
    assert invoice["failure"]["remedy"] == "other_card"
    failed = invoice["payments"][0]
    assert (failed["status"], failed["retry_at"]) == ("failed", invoice["next_retry_at"])
    receipt = await student.get(f"/api/invoices/{invoice_id}/receipt")
    assert (receipt.status_code, problem(receipt)["code"]) == (409, "no_receipt")


async def pay(caller: Caller, invoice_id: str, key: str = "pay") -> Any:
    return await caller("POST", f"/api/invoices/{invoice_id}/pay", key=key, json={})


async def test_an_open_invoice_is_paid_again_when_its_customer_asks(
    app: Running, student: Caller, other: Caller
) -> None:
    invoice_id = await invoice_of(app, student, payment_method="pm_funds")
    assert (await pay(other, invoice_id)).status_code == 404
    declined = await pay(student, invoice_id)
    assert declined.status_code == 402, declined.text
    assert problem(declined)["failure"]["remedy"] == "other_card"
    assert problem(declined)["invoice"]["attempts"] == 2
    await student.wish("payment-method", method="PUT", payment_method="pm_ok")
    paid = await pay(student, invoice_id, "again")
    assert (paid.status_code, paid.json()["invoice"]["receipt_number"]) == (200, 1)
    assert (await student.get("/api/subscriptions/current")).json()["tier"] == "pro"
    over = await pay(student, invoice_id, "once more")
    assert (over.status_code, problem(over)["code"]) == (409, "invoice_not_open")


async def test_an_invoice_that_waits_for_its_cardholder_hands_out_the_secret(
    app: Running, student: Caller
) -> None:
    invoice_id = await invoice_of(app, student, payment_method="pm_action")
    head = await app.services.store.head()
    waiting = await pay(student, invoice_id)
    assert waiting.status_code == 202, waiting.text
    assert waiting.json()["next_action"]["client_secret"] == f"secret_again_{invoice_id}"
    assert await app.services.store.head() == head, "the card is not charged again"
    async with app.services.reading() as connection:
        rows = await (await connection.execute("SELECT body FROM idempotency_keys")).fetchall()
    assert "secret" not in str(rows)


async def test_pages_of_a_growing_list_join_without_gap(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    for _ in range(3):
        await invoice_of(app, student)
        await student.wish("cancel", at_once=True)
    first = (await student.get("/api/invoices?limit=2")).json()
    await invoice_of(app, student)
    rest = (await student.get(f"/api/invoices?limit=2&cursor={first['next_cursor']}")).json()
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [each["receipt_number"] for each in first["items"] + rest["items"]] == [3, 2, 1]


async def test_lists_and_receipts_are_the_owners(
    app: Running, student: Caller, other: Caller, admin: Caller
) -> None:
    invoice_id = await invoice_of(app, student)
    assert (await other.get("/api/invoices")).json()["items"] == []
    assert (await other.get("/api/invoices?user_id=usr_student")).status_code == 404
    assert len((await admin.get("/api/invoices?user_id=usr_student&status=paid")).json()["items"]) == 1
    assert (await admin.get("/api/invoices?status=open")).json()["items"] == []
    for path in (f"/api/invoices/{invoice_id}", f"/api/invoices/{invoice_id}/receipt"):
        assert (await other.get(path)).status_code == 404
    for nothing in ("in_0", "nonsense", "in_%00"):
        assert (await admin.get(f"/api/invoices/{nothing}")).status_code == 404


async def test_a_receipt_is_a_pdf_to_keep(open_app: OpenApp) -> None:
    app = await open_app(seller="Liberation GmbH\nHauptstraße 1\nVAT DE123")
    student = app.caller("usr_student", "student")
    invoice_id = await invoice_of(app, student)
    answer = await student.get(f"/api/invoices/{invoice_id}/receipt")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="receipt-R-000001.pdf"'
    assert answer.headers["vary"] == "Accept"
    assert answer.content.startswith(b"%PDF-")
    etag = {"If-None-Match": answer.headers["etag"]}
    assert (await student.get(f"/api/invoices/{invoice_id}/receipt", headers=etag)).status_code == 304
    await student("PUT", "/api/me", json={"name": "a\n" * 99})
    tall = await student.get(f"/api/invoices/{invoice_id}/receipt")
    assert tall.status_code == 200, "a name is one line, however it is written"


async def test_a_receipt_is_a_page_that_needs_nothing_else(open_app: OpenApp, admin: Caller) -> None:
    app = await open_app(seller="Liberation <GmbH>\nHauptstraße 1")
    student = app.caller("usr_student", "student")
    await student("PUT", "/api/me", json={"name": "Ada <Lovelace>"})
    invoice_id = await invoice_of(app, student)
    path, html = f"/api/invoices/{invoice_id}/receipt", {"Accept": "text/html"}
    answer = await student.get(path, headers=html)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-disposition"] == 'inline; filename="receipt-R-000001.html"'
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "style-src 'sha256-" in policies[0]
    page = answer.text
    for told in ("R-000001", "9.99 USD", "Hauptstraße 1", "Liberation &lt;GmbH&gt;", "Ada &lt;Lovelace&gt;"):
        assert told in page, told
    await student("DELETE", "/api/me")
    assert "Ada" not in (await student.get(path, headers=html)).text, "no fact has the name"
    assert "R-000001" in (await admin.get(path, headers=html)).text


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/pdf"),
        ("application/pdf, text/html;q=0.9", "application/pdf"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
    ],
)
async def test_the_receipt_is_what_the_caller_takes(
    app: Running, student: Caller, accept: str, media_type: str
) -> None:
    path = f"/api/invoices/{await invoice_of(app, student)}/receipt"
    assert (await student.get(path, headers={"Accept": accept})).headers["content-type"] == media_type
    refused = await student.get(path, headers={"Accept": "image/png"})
    assert (refused.status_code, problem(refused)["code"]) == (406, "not_acceptable")


async def test_a_trial_has_an_invoice_and_no_receipt_and_leaves_no_gap(
    app: Running, student: Caller, other: Caller
) -> None:
    free = await invoice_of(app, student, trial=True)
    receipt = await student.get(f"/api/invoices/{free}/receipt")
    assert (receipt.status_code, problem(receipt)["code"]) == (409, "no_receipt")
    paid = await invoice_of(app, other)
    assert (await other.get(f"/api/invoices/{paid}")).json()["receipt_number"] == 1


async def test_a_credit_note_gives_back_and_the_receipt_shows_it(
    app: Running, student: Caller, admin: Caller
) -> None:
    invoice_id = await invoice_of(app, student)
    answer = await credit(admin, invoice_id, amount_minor=400)
    assert answer.status_code == 201, answer.text
    note = answer.json()
    assert (note["status"], note["credit_note_number"], note["amount_minor"]) == ("credited", 1, 400)
    again = await credit(admin, invoice_id, amount_minor=400)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == note

    invoice = (await student.get(f"/api/invoices/{invoice_id}")).json()
    assert (invoice["total_minor"], invoice["credited_minor"]) == (999, 400)
    assert invoice["credit_notes"] == [note]
    page = (await student.get(f"/api/invoices/{invoice_id}/receipt", headers={"Accept": "text/html"})).text
    for told in ("9.99 USD", "Credit note C-000001", "-4.00 USD", "5.99 USD"):
        assert told in page, told

    more = await credit(admin, invoice_id, amount_minor=600, key="more")
    assert (more.status_code, problem(more)["code"]) == (409, "credit_exceeds_remainder")
    rest = await credit(admin, invoice_id, key="rest")
    assert (rest.status_code, rest.json()["amount_minor"]) == (201, 599)


async def test_what_was_given_back_is_not_taken_off_an_upgrade_and_the_invoice_says_what_is_left(
    app: Running, student: Caller, admin: Caller
) -> None:
    invoice_id = await invoice_of(app, student)
    await credit(admin, invoice_id, amount_minor=400)
    await app.projected()
    invoice = (await student.get(f"/api/invoices/{invoice_id}")).json()
    assert (invoice["creditable_minor"], invoice["taken_minor"]) == (599, 0)
    asked = {"tier": "enterprise", "interval": "year"}
    preview = (await student("POST", "/api/subscriptions/preview", json=asked)).json()
    assert preview["unused_minor"] == 599
    stale = asked | {"proration_at": preview["proration_at"], "expected_minor": 99_000 - 999}
    refused = await student("PUT", "/api/subscriptions/update", key="stale", json=stale)
    assert (refused.status_code, problem(refused)["code"]) == (409, "preview_mismatch")
    told = asked | {name: preview[name] for name in ("proration_at", "expected_minor")}
    assert (await student("PUT", "/api/subscriptions/update", key="up", json=told)).status_code == 200


async def test_what_was_paid_elsewhere_is_found_once_and_only_as_far_as_it_is_open(
    app: Running, admin: Caller
) -> None:
    snapshot = invoice_snapshot(charge_id="", charged_minor=0, balance_transaction=None, off_stripe_minor=999)
    await app.services.store.handle(snapshot, STRIPE)
    await app.projected()
    path = f"/api/invoices/{STRIPE_INVOICE}"

    async def find(key: str, **changes: Any) -> Any:
        body = {"amount_minor": 400, "reference": "SEPA 1", "received_on": "2026-02-01", **changes}
        return await admin("POST", f"{path}/off-stripe-payments", key=key, json=body)

    report = (await admin.get("/api/revenue/receivables")).json()
    assert report["users"] == [{"user_id": snapshot.user_id, "currency": "usd", "total_minor": 999}]
    [total] = report["totals"]
    assert (total["account_minor"], total["users_minor"], total["total_minor"]) == (999, 999, 0)
    early = await find("early", received_on="2026-01-01")
    assert (early.status_code, problem(early)["code"]) == (422, "invalid_off_stripe_payment")
    first, again = await find("one"), await find("one")
    assert (first.status_code, first.json()["revenue"]["receivable_minor"]) == (200, 599), first.text
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    more = await find("more", amount_minor=600)
    assert (more.status_code, problem(more)["code"]) == (409, "off_stripe_payment_exceeds_open")
    [listed] = (await admin.get("/api/invoices?receivable=true")).json()["items"]
    assert listed["invoice_id"] == STRIPE_INVOICE
    rest = await find("more", amount_minor=599)
    assert (rest.status_code, rest.json()["revenue"]["receivable_minor"]) == (200, 0)
    await app.projected()
    assert (await admin.get("/api/invoices?receivable=true")).json()["items"] == []
    assert (await admin.get("/api/revenue/receivables")).json()["users"] == []
    receipt = (await admin.get(f"{path}/receipt", headers={"Accept": "application/json"})).json()
    assert (receipt["charged_minor"], receipt["off_stripe_minor"]) == (0, 999)


async def test_a_credit_needs_a_reason_and_an_admin(app: Running, student: Caller, admin: Caller) -> None:
    invoice_id = await invoice_of(app, student)
    wordless = await credit(admin, invoice_id, note=" ")
    assert (wordless.status_code, problem(wordless)["code"]) == (422, "invalid_credit")
    assert (await credit(student, invoice_id)).status_code == 403
    assert (await credit(admin, "in_unknown", key="other")).status_code == 404


async def test_a_credit_that_stripe_refuses_is_a_conflict_that_says_so(
    app: Running, student: Caller, admin: Caller
) -> None:
    invoice_id = await invoice_of(app, student)
    refused = await credit(admin, invoice_id, note="refuse")
    assert refused.status_code == 409
    assert (problem(refused)["code"], problem(refused)["credit_note"]["status"]) == (
        "credit_failed",
        "failed",
    )
    assert (await credit(admin, invoice_id, key="again")).status_code == 201


async def test_what_finance_asks_ties_to_the_books(
    app: Running, student: Caller, other: Caller, admin: Caller, service: Caller, stripe: FakeStripe
) -> None:
    start = stripe.now() - timedelta(seconds=1)
    invoice_id = await invoice_of(app, student)
    await other.subscribe("enterprise", interval="year")
    await credit(admin, invoice_id, amount_minor=99)
    await app.projected()

    mrr = (await service.get("/api/revenue/mrr")).json()
    assert mrr["totals"] == [{"currency": "usd", "subscriptions": 2, "mrr_minor": 999 + 8_250}]
    before = await admin.get("/api/revenue/mrr", params={"at": start.isoformat()})
    assert before.json()["items"] == []

    today = {"from": f"{start:%Y-%m-%dT00:00:00Z}"}
    deferred = (await service.get("/api/revenue/deferred", params=today)).json()["items"]
    assert [(one["billed_minor"], one["credited_minor"], one["closing_minor"]) for one in deferred] == [
        (99_999, 99, 99_900)
    ]
    accounts = (await service.get("/api/ledger/accounts")).json()["items"]
    books = {account["account"]: account["balance_minor"] for account in accounts}
    assert books["2000"] == -deferred[0]["closing_minor"]

    await asyncio.gather(student.wish("cancel", at_once=True))
    await app.projected()
    paying = stripe.now() - timedelta(milliseconds=1)
    churn = await admin.get("/api/revenue/churn", params={"from": paying.isoformat()})
    assert churn.status_code == 200, churn.text
    backwards = {"from": datetime(2026, 2, 1, tzinfo=UTC).isoformat(), "to": "2026-01-01T00:00:00Z"}
    wrong = await admin.get("/api/revenue/churn", params=backwards)
    assert (wrong.status_code, problem(wrong)["errors"][0]["parameter"]) == (422, "from")
    left_out = await admin.get("/api/revenue/churn")
    assert (left_out.status_code, left_out.json()["detail"]) == (422, "from: is required.")
    assert problem(left_out)["errors"] == [{"detail": "is required", "parameter": "from"}]


async def test_churn_counts_who_paid_and_left(
    app: Running, student: Caller, other: Caller, admin: Caller, stripe: FakeStripe
) -> None:
    await student.subscribe()
    await other.subscribe()
    stripe.offset = timedelta(days=1)
    start = stripe.now()
    stripe.offset = timedelta(days=2)
    await student.wish("cancel", at_once=True)
    await app.projected()
    stripe.offset = timedelta(days=3)
    churn = (await admin.get("/api/revenue/churn", params={"from": start.isoformat()})).json()["items"]
    assert [(one["customers_at_start"], one["customers_lost"], one["mrr_lost_minor"]) for one in churn] == [
        (2, 1, 999)
    ]
    assert churn[0]["customer_churn_bp"] == 5_000
