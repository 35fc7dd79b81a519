"""Payments and refunds over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.api.conftest import OpenApp
from tests.api.support import Caller, FakeStripe, Running, problem, until


async def test_a_card_is_charged_and_the_payment_can_be_read(app: Running, student: Caller) -> None:
    answer = await student.pay(amount_minor=1250, description="Course")
    assert answer.status_code == 201, answer.text
    payment = answer.json()
    assert payment["status"] == "succeeded"
    assert (payment["amount_minor"], payment["captured_minor"], payment["currency"]) == (1250, 1250, "usd")
    assert answer.headers["location"] == f"/api/payments/{payment['payment_id']}"

    position = answer.headers["ledger-position"]
    read = await student.get(answer.headers["location"], headers={"Ledger-Position": position})
    assert read.status_code == 200, read.text
    assert {**read.json(), **payment} == read.json()
    assert int(read.headers["ledger-position"]) >= int(position)
    assert [fact["type"] for fact in read.json()["history"]][:2] == [
        "payments.initiated.v1",
        "payments.succeeded.v1",
    ]
    assert read.json()["settlement"] is None, "fees are the platform's business"


async def test_a_currency_is_taken_in_either_case_and_answered_in_lower_case(student: Caller) -> None:
    assert (await student.pay(currency="EUR")).json()["currency"] == "eur"


@pytest.mark.parametrize(
    ("method", "shown", "remedy"),
    [("pm_funds", "insufficient_funds", "other_card"), ("pm_stolen", "generic_decline", "contact_bank")],
)
async def test_a_decline_says_what_to_do_and_never_that_a_card_is_stolen(
    student: Caller, method: str, shown: str, remedy: str
) -> None:
    answer = await student.pay(method)
    assert answer.status_code == 402
    body = problem(answer)
    assert (body["code"], body["decline_code"], body["remedy"]) == ("card_declined", shown, remedy)
    assert body["retry_same_card"] is False
    assert body["payment"]["status"] == "failed"
    assert body["payment"]["failure"]["decline_code"] == shown
    assert "stolen" not in answer.text.replace("pm_stolen", "")


async def test_an_admin_sees_the_issuers_true_reason_and_the_settlement(
    app: Running, student: Caller, admin: Caller
) -> None:
    declined = (await student.pay("pm_stolen")).json()["payment"]["payment_id"]
    paid = (await student.pay()).json()["payment_id"]
    await app.projected()
    assert (await admin.get(f"/api/payments/{declined}")).json()["failure"]["decline_code"] == "stolen_card"
    settlement = (await admin.get(f"/api/payments/{paid}")).json()["settlement"]
    assert (settlement["fee_minor"], settlement["net_minor"]) == (66, 1184)


@pytest.mark.parametrize(("method", "status"), [("pm_slow", "processing"), ("pm_unknown", "unknown")])
async def test_what_is_not_decided_yet_is_202(student: Caller, method: str, status: str) -> None:
    answer = await student.pay(method)
    assert (answer.status_code, answer.json()["status"]) == (202, status)


async def test_a_payment_that_needs_its_cardholder_hands_out_the_secret_and_stores_it_nowhere(
    app: Running, student: Caller
) -> None:
    first = await student.pay("pm_action", key="3ds")
    assert first.status_code == 202
    action = first.json()["next_action"]
    assert action["client_secret"].endswith("_secret")
    assert action["redirect_url"] == "https://bank.example/3ds"

    again = await student.pay("pm_action", key="3ds")
    assert again.status_code == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["payment_id"] == first.json()["payment_id"]
    assert again.json()["next_action"]["client_secret"].startswith("secret_again_")

    async with app.services.reading() as connection:
        rows = await (await connection.execute("SELECT body, headers FROM idempotency_keys")).fetchall()
        facts = await (await connection.execute("SELECT data::text FROM event_log")).fetchall()
    assert "secret" not in str(rows)
    assert "secret" not in str(facts)


async def test_a_slow_stripe_leaves_the_payment_to_be_looked_at_later(
    open_app: OpenApp, stripe: FakeStripe
) -> None:
    app = await open_app(deliver_inline_timeout_s=0.05)
    stripe.hold = asyncio.Event()
    answer = await app.caller("usr_1", "student").pay()
    assert (answer.status_code, answer.json()["status"]) == (202, "initiated")

    stripe.hold.set()

    async def charged() -> bool:
        read = await app.caller("usr_1", "student").get(answer.headers["location"])
        return read.status_code == 200 and read.json()["status"] == "succeeded"

    await until(charged)
    assert stripe.charges == 1


async def test_the_outbox_row_of_a_delivered_payment_is_done(app: Running, student: Caller) -> None:
    await student.pay()

    async def done() -> bool:
        async with app.services.reading() as connection:
            query = """
                SELECT count(*)
                FROM outbox
                WHERE kind = 'payments.create_payment_intent' AND delivered_at IS NOT NULL
            """
            row = await (await connection.execute(query)).fetchone()
        return row == (1,)

    await until(done)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"amount_minor": 0}, "/amount_minor"),
        ({"amount_minor": 2**63}, "/amount_minor"),
        ({"amount_minor": "12"}, "/amount_minor"),
        ({"currency": "dollars"}, "/currency"),
        ({"payment_method": "4242424242424242"}, "/payment_method"),
        ({"description": "a\0b"}, "/description"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_a_body_that_cannot_be_is_refused_at_the_field(
    refusing: Running, refused: Caller, body: dict[str, object], pointer: str
) -> None:
    head = await refusing.services.store.head()
    answer = await refused.pay(**{"amount_minor": 100, **body})  # type: ignore[arg-type]  # wrong on purpose
    assert answer.status_code == 422, answer.text
    assert [each["pointer"] for each in problem(answer)["errors"]] == [pointer]
    assert await refusing.services.store.head() == head


async def test_a_currency_that_does_not_exist_is_refused(refused: Caller) -> None:
    answer = await refused.pay(currency="xqq")
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid_currency")


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        (49, "usd", "at least 0.50 USD"),
        (29, "GBP", "at least 0.30 GBP"),
        (49, "jpy", "at least 50 JPY"),
        (100_000_000, "eur", "at most 999999.99 EUR"),
        (1_001, "kwd", "a multiple of 0.010 KWD"),
        (550, "isk", "a multiple of 1.00 ISK"),
    ],
)
async def test_an_amount_that_stripe_does_not_charge_is_refused_before_stripe_is_asked(
    refusing: Running, refused: Caller, amount: int, currency: str, why: str
) -> None:
    head = await refusing.services.store.head()
    answer = await refused.pay(amount_minor=amount, currency=currency, save_payment_method=True)
    body = problem(answer)
    assert (answer.status_code, body["code"]) == (422, "invalid_amount")
    assert [each["pointer"] for each in body["errors"]] == ["/amount_minor"]
    assert why in body["detail"]
    assert await refusing.services.store.head() == head, "Stripe was not asked for a customer either"


async def test_the_least_amount_is_charged_and_a_part_of_it_given_back(student: Caller) -> None:
    paid = await student.pay(amount_minor=50)
    assert paid.status_code == 201
    assert (await student.refund(paid.json()["payment_id"], amount_minor=1)).status_code == 201


async def test_where_stripe_alone_knows_the_minimum_its_refusal_is_no_decline(
    app: Running, student: Caller
) -> None:
    answer = await student.pay("pm_too_small", key="k", amount_minor=1, currency="clp")
    body = problem(answer)
    assert (answer.status_code, body["code"]) == (422, "invalid_amount")
    assert "below Stripe's minimum" in body["detail"]
    assert [each["pointer"] for each in body["errors"]] == ["/amount_minor"]
    assert (body["payment"]["status"], body["payment"]["failure"]["code"]) == ("failed", "amount_too_small")
    again = await student.pay("pm_too_small", key="k", amount_minor=1, currency="clp")
    assert (again.status_code, again.json()) == (422, answer.json())


async def test_a_refund_in_two_parts(app: Running, student: Caller) -> None:
    payment_id = (await student.pay(amount_minor=1000)).json()["payment_id"]
    part = await student.refund(payment_id, amount_minor=400)
    assert part.status_code == 201, part.text
    assert (part.json()["status"], part.json()["amount_minor"]) == ("succeeded", 400)
    rest = await student.refund(payment_id)
    assert (rest.status_code, rest.json()["amount_minor"]) == (201, 600)

    await app.projected()
    payment = (await student.get(f"/api/payments/{payment_id}")).json()
    assert (payment["refund_status"], payment["refunded_minor"]) == ("full", 1000)
    assert [refund["amount_minor"] for refund in payment["refunds"]] == [400, 600]

    more = await student.refund(payment_id)
    assert (more.status_code, problem(more)["code"]) == (409, "already_refunded")


async def test_a_refund_of_more_than_is_left_conflicts(student: Caller) -> None:
    payment_id = (await student.pay(amount_minor=1000)).json()["payment_id"]
    answer = await student.refund(payment_id, amount_minor=1001)
    assert (answer.status_code, problem(answer)["code"]) == (409, "refund_exceeds_remainder")


async def test_a_refund_that_the_bank_does_not_take_is_a_conflict_that_says_so(student: Caller) -> None:
    payment_id = (await student.pay("pm_bank_fails_refund")).json()["payment_id"]
    answer = await student.refund(payment_id)
    assert answer.status_code == 409, answer.text
    body = problem(answer)
    assert body["code"] == "refund_failed"
    assert "expired" in body["detail"]
    assert body["refund"]["status"] == "failed"


async def test_after_thirty_days_only_an_admin_refunds_and_must_say_why(
    student: Caller, admin: Caller, stripe: FakeStripe
) -> None:
    payment_id = (await student.pay()).json()["payment_id"]
    stripe.offset = timedelta(days=31)
    late = await student.refund(payment_id)
    assert (late.status_code, problem(late)["code"]) == (409, "refund_window_closed")
    wordless = await admin.refund(payment_id)
    assert (wordless.status_code, problem(wordless)["code"]) == (422, "note_required")
    assert (await admin.refund(payment_id, note="The course was withdrawn")).status_code == 201


async def test_somebody_elses_payment_looks_like_none(
    app: Running, student: Caller, other: Caller, admin: Caller
) -> None:
    payment_id = (await student.pay()).json()["payment_id"]
    await app.projected()
    for unknown in (payment_id, "pay_" + "0" * 32, "pay_\0", "nonsense"):
        answer = await other.get(f"/api/payments/{unknown}".replace("\0", "%00"))
        assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
    refund = await other.refund(payment_id)
    assert refund.status_code == 404
    assert (await admin.get(f"/api/payments/{payment_id}")).status_code == 200


async def test_saved_cards_live_at_stripe(
    app: Running, student: Caller, other: Caller, stripe: FakeStripe
) -> None:
    assert (await student.get("/api/payment-methods")).json() == {"items": []}
    saved = await student("POST", "/api/payment-methods", key="card", json={"payment_method": "pm_visa_1"})
    assert saved.status_code == 201, saved.text
    card = {"payment_method": "pm_visa_1", "type": "card"}
    card_shown = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    assert saved.json() == {**card, "card": card_shown}
    assert (await student.get("/api/payment-methods")).json()["items"] == [saved.json()]
    assert (await other.get("/api/payment-methods")).json() == {"items": []}
    async with app.services.reading() as connection:
        facts = await (await connection.execute("SELECT data::text FROM event_log")).fetchall()
    assert "4242" not in str(facts)

    assert (await other("DELETE", "/api/payment-methods/pm_visa_1")).status_code == 404
    assert (await student("DELETE", "/api/payment-methods/pm_visa_1")).status_code == 204
    assert stripe.attached == {}
    assert (await student("DELETE", "/api/payment-methods/pm_visa_1")).status_code == 404
    assert stripe.customers == 1


async def test_a_card_that_stripe_does_not_know_cannot_be_saved(student: Caller) -> None:
    answer = await student("POST", "/api/payment-methods", key="k", json={"payment_method": "pm_missing"})
    assert (answer.status_code, problem(answer)["errors"][0]["pointer"]) == (422, "/payment_method")


async def test_a_payment_that_waits_is_canceled_by_its_owner_or_an_admin(
    student: Caller, admin: Caller, other: Caller
) -> None:
    waits = (await student.pay("pm_action")).json()["payment_id"]
    address = f"/api/payments/{waits}/cancel"
    stranger = await other("POST", address, key="theirs", json={})
    assert problem(stranger)["code"] == "not_found", "as one that does not exist"
    asked = await admin("POST", address, key="for-them", json={})
    assert (asked.status_code, asked.json()["status"]) == (202, "requires_action")
    seen = {"Ledger-Position": asked.headers["ledger-position"]}
    facts = (await student.get(f"/api/payments/{waits}", headers=seen)).json()["history"]
    assert facts[-1]["type"] == "payments.cancel_requested.v1"


@pytest.mark.parametrize(
    ("method", "words"),
    [("pm_unknown", "not known yet"), ("pm_slow", "cannot call it off"), ("pm_funds", "does not wait")],
)
async def test_what_does_not_wait_is_not_canceled_and_the_answer_says_why(
    student: Caller, method: str, words: str
) -> None:
    made = (await student.pay(method)).json()
    payment_id = made.get("payment_id") or made["payment"]["payment_id"]
    refused = await student("POST", f"/api/payments/{payment_id}/cancel", key="no", json={})
    assert (refused.status_code, problem(refused)["code"]) == (409, "payment_not_cancelable")
    assert words in problem(refused)["detail"]
