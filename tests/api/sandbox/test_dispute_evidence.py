from __future__ import annotations

import io
from typing import Any

import pytest
import stripe

from tests.api.sandbox.test_refunds_and_disputes import net, types

PDF = b"%PDF-1.7\r\n--not-the-boundary\r\n\r\n%%EOF\r\n"


def named(content: bytes, name: str = "receipt.pdf") -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


def upload(client: stripe.StripeClient, content: bytes = PDF, **options: Any) -> stripe.File:
    return client.v1.files.create({"purpose": "dispute_evidence", "file": named(content)}, options or None)  # type: ignore[arg-type]


@pytest.fixture
def disputed(client: stripe.StripeClient, pay: Any, control: Any) -> str:
    charge = pay()["latest_charge"]["id"]
    opened: str = control.post(f"/charges/{charge}/dispute", reason="product_not_received")["id"]
    return opened


def test_files_are_uploaded_as_the_sdk_sends_them(client: stripe.StripeClient) -> None:
    made = upload(client, idempotency_key="k")
    assert (made.filename, made.size, made.type, made.purpose) == (
        "receipt.pdf",
        len(PDF),
        "pdf",
        "dispute_evidence",
    )
    assert upload(client, idempotency_key="k").id == made.id
    with pytest.raises(stripe.IdempotencyError):
        upload(client, PDF + b"another", idempotency_key="k")
    assert client.v1.files.retrieve(made.id).size == len(PDF)
    assert [one.id for one in client.v1.files.list({"purpose": "dispute_evidence"}).data] == [made.id]


@pytest.mark.parametrize(
    ("content", "message"), [(b"MZ", "PDF, JPEG or PNG"), (b"%PDF-" + bytes(5 * 1024 * 1024), "5 MB")]
)
def test_what_is_no_evidence_is_refused(client: stripe.StripeClient, content: bytes, message: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        upload(client, content)


def test_evidence_is_staged_and_submitted_once(client: stripe.StripeClient, disputed: str) -> None:
    receipt = upload(client).id
    with pytest.raises(stripe.InvalidRequestError, match="no evidence"):
        client.v1.disputes.update(disputed, {"submit": True})
    staged = client.v1.disputes.update(
        disputed, {"evidence": {"receipt": receipt, "customer_name": "A"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert staged.evidence_details.submission_count == 0
    for wrong in ({"receipt": "file_none"}, {"customer_name": "a" * 5_001}, {"receipt_text": "a"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.disputes.update(disputed, {"evidence": wrong, "submit": False})  # type: ignore[arg-type]
    submitted = client.v1.disputes.update(disputed, {"submit": True})
    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)
    assert (submitted.evidence.receipt, submitted.evidence_details.past_due) == (receipt, False)
    with pytest.raises(stripe.InvalidRequestError, match="submitted already"):
        client.v1.disputes.update(disputed, {"evidence": {"customer_name": "B"}})


def test_evidence_has_so_many_characters_in_all(client: stripe.StripeClient, disputed: str) -> None:
    from api.sandbox.resources.disputes import LONG

    first, *rest = sorted(LONG)
    client.v1.disputes.update(
        disputed,
        {"evidence": dict.fromkeys(rest, "a" * 20_000), "submit": False},  # type: ignore[arg-type]
    )
    with pytest.raises(stripe.InvalidRequestError, match="150000"):
        client.v1.disputes.update(disputed, {"evidence": {first: "a" * 10_001}, "submit": False})  # type: ignore[arg-type]


def test_silence_loses(client: stripe.StripeClient, disputed: str, control: Any) -> None:
    control.post("/clock/advance", seconds=9 * 86_400 - 60)
    assert client.v1.disputes.retrieve(disputed).status == "needs_response"
    control.post("/clock/advance", seconds=60)
    assert client.v1.disputes.retrieve(disputed).status == "lost"
    assert types(client, "charge.dispute")[-1] == "charge.dispute.closed"


def test_a_charge_is_disputed_in_parts_and_beyond_what_is_left(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    intent = pay()
    charge = intent["latest_charge"]["id"]
    client.v1.refunds.create({"payment_intent": intent["id"], "amount": 4_000})
    first = control.post(f"/charges/{charge}/dispute", amount=9_900)
    another = {"amount": 101, "another": True}
    too_much = control.http.post(f"/charges/{charge}/dispute", json=another)
    assert (too_much.status_code, "from 1 to 100" in too_much.text) == (400, True)
    control.post(f"/charges/{charge}/dispute", amount=100, another=True)
    assert control.http.post(f"/charges/{charge}/dispute", json={"amount": 100}).status_code == 400
    assert net(client) == 9_680 - 4_000 - 11_400 - 1_600
    control.post(f"/disputes/{first['id']}/resolve", outcome="won")
    again = control.post(f"/charges/{charge}/dispute", another=True)
    assert again["amount"] == 5_900, "what is neither refunded nor taken by the other one"


@pytest.mark.parametrize(
    ("returns", "text", "kept"),
    [
        (False, "winning_evidence", 1_500),
        (True, "winning_evidence", 0),
        (True, "losing_evidence", 1_500 + 700 + 10_000),
    ],
)
def test_what_is_taken_for_a_dispute_and_given_back_of_it(
    client: stripe.StripeClient, pay: Any, control: Any, *, returns: bool, text: str, kept: int
) -> None:
    control.post("/dispute_fees", countered=700, returns_received=returns)
    opened = control.post(f"/charges/{pay()['latest_charge']['id']}/dispute")
    assert net(client) == 9_680 - 11_500, "nothing is countered yet"
    client.v1.disputes.update(opened["id"], {"evidence": {"uncategorized_text": text}})
    assert net(client) == 9_680 - kept
    over = client.v1.disputes.retrieve(opened["id"])
    fees = [-1_500 if returns else 0] if text == "winning_evidence" else []
    assert [one.fee for one in over.balance_transactions] == [1_500, *fees]
    named = client.v1.balance_transactions.list({"source": opened["id"], "type": "stripe_fee"}).data
    assert [one.net for one in named] == ([700, -700] if fees else [-700])


def test_the_fee_of_an_answer_that_waits_for_the_bank_comes_back_later(
    client: stripe.StripeClient, pay: Any, control: Any
) -> None:
    control.post("/dispute_fees", countered=700)
    opened = control.post(f"/charges/{pay()['latest_charge']['id']}/dispute")
    client.v1.disputes.update(opened["id"], {"evidence": {"product_description": "a course"}})
    assert net(client) == 9_680 - 11_500 - 700
    control.post("/dispute_fees")
    control.post(f"/disputes/{opened['id']}/resolve", outcome="won")
    assert net(client) == 9_680 - 1_500
