"""Receipts of payments over HTTP: of what was charged alone, with what was given back since."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import OpenApp
from tests.api.support import Caller, Running, problem

HTML, JSON = {"Accept": "text/html"}, {"Accept": "application/json"}


def address(payment: Any) -> str:
    return f"/api/payments/{payment.json()['payment_id']}/receipt"


async def test_a_receipt_of_a_payment_is_a_pdf_a_page_or_json(open_app: OpenApp) -> None:
    app = await open_app(seller="Liberation GmbH\nVAT DE123")
    student = app.caller("usr_student", "student")
    await student("PUT", "/api/me", json={"name": "Ada <Lovelace>"})
    paid = await student.pay(amount_minor=1250, description="Two hours of Greek")
    printed = await student.get(address(paid))
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    assert printed.headers["content-disposition"] == 'attachment; filename="receipt-P-000001.pdf"'
    shown = (await student.get(address(paid), headers=HTML)).text
    for words in ("P-000001", "Two hours of Greek", "12.50 USD", "VAT DE123", "Ada &lt;Lovelace&gt;"):
        assert words in shown, words
    assert "Period" not in shown, "it was had at once"
    told = await student.get(address(paid), headers=JSON)
    assert told.json() | {"paid_at": ""} == {
        "receipt": "P-000001",
        "about": "Payment",
        "reference": paid.json()["payment_id"],
        "seller": ["Liberation GmbH", "VAT DE123"],
        "customer": ["Ada <Lovelace>", "usr_student"],
        "paid_at": "",
        "currency": "usd",
        "lines": [
            {
                "description": "Two hours of Greek",
                "period_start": None,
                "period_end": None,
                "amount_minor": 1250,
            }
        ],
        "tax_minor": None,
        "total_minor": 1250,
        "charged_minor": 1250,
        "off_stripe_minor": 0,
        "given_back": [],
        "left_minor": 1250,
        "brand": "",
    }
    known = {**JSON, "If-None-Match": told.headers["etag"]}
    assert (await student.get(address(paid), headers=known)).status_code == 304


async def test_after_erasure_a_receipt_names_nobody(app: Running, student: Caller, admin: Caller) -> None:
    await student("PUT", "/api/me", json={"name": "Ada Lovelace"})
    paid = await student.pay()
    await app.projected()
    assert "Ada" in (await admin.get(address(paid), headers=HTML)).text
    await student("DELETE", "/api/me")
    kept = (await admin.get(address(paid), headers=JSON)).json()
    assert (kept["receipt"], kept["customer"]) == ("P-000001", ["usr_student"])


@pytest.mark.parametrize("method", ["pm_funds", "pm_action", "pm_slow", "pm_unknown"])
async def test_what_was_not_charged_has_no_receipt_and_leaves_no_gap(
    app: Running, student: Caller, method: str
) -> None:
    tried = (await student.pay(method)).json()
    payment_id = tried.get("payment_id") or tried["payment"]["payment_id"]
    paid = await student.pay()
    await app.projected()
    refused = await student.get(f"/api/payments/{payment_id}/receipt")
    assert (refused.status_code, problem(refused)["code"]) == (409, "no_receipt")
    assert "nothing was charged" in problem(refused)["detail"]
    assert (await student.get(address(paid), headers=JSON)).json()["receipt"] == "P-000001"


async def test_what_was_given_back_stands_on_it_and_what_failed_does_not(
    app: Running, student: Caller, admin: Caller
) -> None:
    paid = await student.pay(amount_minor=1250)
    given = await admin.refund(paid.json()["payment_id"], amount_minor=400, note="asked for")
    assert given.status_code in {201, 202}
    await app.projected()
    told = (await student.get(address(paid), headers=JSON)).json()
    [refund] = told["given_back"]
    assert (refund["kind"], refund["amount_minor"], told["left_minor"]) == ("refund", 400, 850)
    assert (told["total_minor"], told["charged_minor"]) == (1250, 1250), "the receipt stays as it was"
    page = (await student.get(address(paid), headers=HTML)).text
    assert "-4.00 USD" in page
    assert "Total less what was given back" in page
    bounced = await student.pay("pm_bank_fails_refund")
    await admin.refund(bounced.json()["payment_id"], note="asked for")
    await app.projected()
    assert (await student.get(address(bounced), headers=JSON)).json()["given_back"] == []


async def test_a_receipt_is_for_who_may_see_the_payment(
    app: Running, student: Caller, other: Caller, admin: Caller
) -> None:
    paid = await student.pay()
    await app.projected()
    assert (await other.get(address(paid))).status_code == 404
    assert (await admin.get(address(paid))).status_code == 200
    refused = await student.get(address(paid), headers={"Accept": "image/png"})
    assert (refused.status_code, problem(refused)["code"]) == (406, "not_acceptable")
