"""What stands on a receipt, and that both of its forms say it."""

from __future__ import annotations

import re
import zlib
from base64 import a85decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from api.lettering import LettersMissing
from api.organisations.branding import Brand
from api.receipts import page, pdf
from api.receipts.content import Receipt, ReceiptCredit, ReceiptLine, period, sums

JANUARY, FEBRUARY = datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)
LINE = ReceiptLine(description="1 of pro", period_start=JANUARY, period_end=FEBRUARY, amount_minor=840)
RECEIPT = Receipt(
    number=42,
    reference="LIB-0042",
    seller=("Liberation", "Berlin"),
    customer=("Łukasz & Ольга", "usr_1"),
    paid_at=JANUARY,
    currency="usd",
    lines=(LINE,),
    tax_minor=160,
    total_minor=1_000,
    charged_minor=1_000,
)


def receipt(**changes: Any) -> Receipt:
    return msgspec.structs.replace(RECEIPT, **changes)


def told(one: Receipt) -> list[tuple[str, str]]:
    return [(each.label, each.amount) for each in sums(one)]


def test_the_sums_of_a_receipt() -> None:
    assert told(RECEIPT) == [
        ("Subtotal", "8.40 USD"),
        ("Tax", "1.60 USD"),
        ("Total", "10.00 USD"),
        ("Paid by card on 2026-01-31", "10.00 USD"),
    ]


def test_what_came_out_of_the_customers_credit_and_what_was_given_back() -> None:
    credits_ = (
        ReceiptCredit(number="C-000001", credited_at=FEBRUARY, amount_minor=300),
        ReceiptCredit(number="C-000002", credited_at=FEBRUARY, amount_minor=200),
    )
    shown = told(receipt(tax_minor=0, charged_minor=900, credits=credits_))
    assert shown == [
        ("Total", "10.00 USD"),
        ("From credit", "1.00 USD"),
        ("Paid by card on 2026-01-31", "9.00 USD"),
        ("Credit note C-000001 of 2026-02-28", "-3.00 USD"),
        ("Credit note C-000002 of 2026-02-28", "-2.00 USD"),
        ("Total less credit notes", "5.00 USD"),
    ]


def test_of_a_payment_refunds_and_what_a_bank_took_stand_below_it() -> None:
    given = (
        ReceiptCredit(kind="refund", credited_at=FEBRUARY, amount_minor=300),
        ReceiptCredit(kind="refund", credited_at=FEBRUARY, amount_minor=100, on_its_way=True),
        ReceiptCredit(kind="dispute", credited_at=FEBRUARY, amount_minor=600),
    )
    of_payment = receipt(about="Payment", reference="pay_1", credits=given)
    assert of_payment.name == "P-000042"
    assert told(of_payment)[2:] == [
        ("Total", "10.00 USD"),
        ("Paid on 2026-01-31", "10.00 USD"),
        ("Refund of 2026-02-28", "-3.00 USD"),
        ("Refund asked for on 2026-02-28, on its way", "-1.00 USD"),
        ("Taken back by the cardholder's bank, disputed on 2026-02-28", "-6.00 USD"),
        ("Total less what was given back", "0.00 USD"),
    ]


def test_a_receipt_without_periods_has_no_column_for_them() -> None:
    at_once = receipt(lines=(ReceiptLine(description="Greek", amount_minor=840),))
    assert "Period" in page.render(RECEIPT).decode()
    assert "Period" not in page.render(at_once).decode()
    drawn = [len(re.findall(rb"Tj", streams(pdf.render(one)))) for one in (RECEIPT, at_once)]
    assert drawn[0] > drawn[1]


@pytest.mark.parametrize(
    ("currency", "shown"), [("jpy", "1000 JPY"), ("eur", "10.00 EUR"), ("kwd", "1.000 KWD")]
)
def test_an_amount_has_its_currencys_decimals(currency: str, shown: str) -> None:
    assert ("Total", shown) in told(receipt(currency=currency))
    assert shown in page.render(receipt(currency=currency)).decode()


def test_a_line_of_one_instant_has_no_span() -> None:
    assert period(LINE) == "2026-01-31 \N{EN DASH} 2026-02-28"
    assert period(msgspec.structs.replace(LINE, period_end=JANUARY)) == "2026-01-31"


def test_what_is_told_is_no_markup() -> None:
    evil = receipt(
        customer=("<script>alert(1)</script> & <b>",),
        lines=(msgspec.structs.replace(LINE, description="<img src=x>"),),
    )
    shown = page.render(evil).decode()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown
    assert pdf.render(evil).startswith(b"%PDF-")


def test_no_letter_of_a_receipt_is_left_out() -> None:
    nameless = receipt(customer=("王小明", "usr_1"))
    with pytest.raises(LettersMissing, match=r"CJK.*as a page"):
        pdf.render(nameless)
    assert "王小明" in page.render(nameless).decode()


def test_the_policy_allows_the_pages_one_style() -> None:
    style = re.search(r"<style>(.*?)</style>", page.render(RECEIPT).decode(), re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.policy(RECEIPT)
    assert "style=" not in page.render(RECEIPT).decode()


def test_the_brand_of_the_customers_organisation_stands_above_the_seller_in_its_colours() -> None:
    brand = Brand(name="<b>Acme", text_colour="#ffffff", background_colour="#1f4e79")
    branded = receipt(brand=brand)
    shown = page.render(branded).decode()
    assert '<p class="brand">&lt;b&gt;Acme</p>' in shown
    assert ".brand { color: #ffffff; background: #1f4e79; }" in shown
    assert "Liberation" in shown
    style = re.search(r"<style>(.*?)</style>", shown, re.DOTALL)
    assert style is not None
    assert b64encode(sha256(style[1].encode()).digest()).decode() in page.policy(branded)
    assert page.policy(branded) != page.policy(RECEIPT)
    assert pdf.render(branded) != pdf.render(RECEIPT)


def test_a_long_receipt_goes_on_to_further_pages_and_holds_its_fonts() -> None:
    many = pdf.render(receipt(lines=(LINE,) * 80))
    assert pages(many) > 1
    assert pages(pdf.render(RECEIPT)) == 1
    assert many.count(b"/FontFile2") == 2, "a reader needs no font of its own"


def test_the_pdf_draws_every_amount() -> None:
    drawn = len(re.findall(rb"Tj", streams(pdf.render(RECEIPT))))
    less = len(re.findall(rb"Tj", streams(pdf.render(receipt(tax_minor=0)))))
    assert drawn == less + 4, "subtotal and tax, each with its amount"


def pages(body: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", body))


def streams(body: bytes) -> bytes:
    """What is drawn on the pages."""
    found = re.findall(rb"/ASCII85Decode /FlateDecode \].*?stream\r?\n(.*?)endstream", body, re.DOTALL)
    return b"".join(zlib.decompress(a85decode(b"<~" + each.strip(), adobe=True)) for each in found)
