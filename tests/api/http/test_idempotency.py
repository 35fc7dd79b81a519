"""The same request any number of times, at once, after a crash, in two processes: one deed and one answer."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import pytest
from litestar import Response

from api.http import idempotency
from api.http.idempotency import CLAIM, Claim, purge
from ledger.ids import new_id
from ledger.message import Origin
from ledger.payments.commands import InitiatePayment
from tests.api.conftest import OpenApp
from tests.api.support import Caller, FakeStripe, Running, problem, until


async def test_twenty_at_once_charge_once_and_get_the_same_answer(
    student: Caller, stripe: FakeStripe
) -> None:
    answers = await asyncio.gather(*(student.pay(key="same") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("idempotent-replayed") for answer in answers].count("true") == 19
    assert len({answer.headers["ledger-position"] for answer in answers}) == 1
    assert stripe.charges == 1


async def test_a_later_repeat_gets_the_first_answer(student: Caller, stripe: FakeStripe) -> None:
    first = await student.pay("pm_funds", key="k")
    again = await student.pay("pm_funds", key="k")
    assert again.status_code == first.status_code == 402
    assert again.content == first.content
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert stripe.charges == 1


async def test_the_same_key_with_another_body_is_refused(student: Caller, stripe: FakeStripe) -> None:
    await student.pay(key="k", amount_minor=100)
    other = await student.pay(key="k", amount_minor=200)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_mismatch")
    assert stripe.charges == 1


async def test_spaces_and_the_case_of_a_currency_make_no_other_body(student: Caller) -> None:
    first = await student.pay(key="k", currency="usd")
    headers = {"Content-Type": "application/json"}
    body = b'{ "payment_method": "pm_ok", "currency": "USD",\n "amount_minor": 1250 }'
    again = await student("POST", "/api/payments/process", key="k", content=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)


async def test_a_key_is_required_and_bounded(student: Caller) -> None:
    missing = await student("POST", "/api/payments/process", json={})
    assert (missing.status_code, problem(missing)["code"]) == (400, "idempotency_key_missing")
    too_long = await student.pay(key="k" * 256)
    assert too_long.status_code == 422
    assert (await student.pay(key="k" * 255)).status_code == 201


async def test_a_key_is_the_callers_own(student: Caller, other: Caller, stripe: FakeStripe) -> None:
    mine, theirs = await student.pay(key="k"), await other.pay(key="k")
    assert mine.json()["payment_id"] != theirs.json()["payment_id"]
    assert stripe.charges == 2


async def test_what_a_version_before_recorded_under_an_id_drawn_anew_is_repeated_as_it_was(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    scope = f"{student.user_id}\0POST\0/api/payments/process\0k"
    recorded = InitiatePayment(
        command_id=f"api:{sha256(scope.encode()).hexdigest()}",
        effective_at=app.services.now(),
        payment_id=new_id("pay"),
        user_id=student.user_id,
        amount_minor=1250,
        currency="usd",
        payment_method_id="pm_ok",
    )
    await app.services.store.handle(recorded, Origin(actor=student.user_id, roles=frozenset({"student"})))
    again = await student.pay(key="k")
    assert (again.status_code, again.json()["payment_id"]) == (201, recorded.payment_id)
    other = await student.pay(key="k", amount_minor=1300)
    assert problem(other)["code"] == "idempotency_mismatch"
    assert stripe.charges == 1


async def test_a_key_that_is_forgotten_still_stands_for_what_it_did(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    first = await student.pay(key="k")
    async with app.services.reading() as connection:
        await purge(connection, days=0)
    other = await student.pay(key="k", amount_minor=1300)
    assert problem(other)["code"] == "idempotency_mismatch"
    again = await student.pay(key="k")
    assert (again.status_code, again.json()["payment_id"]) == (201, first.json()["payment_id"])
    assert stripe.charges == 1


async def test_a_final_refusal_is_an_answer_too(student: Caller) -> None:
    payment_id = (await student.pay()).json()["payment_id"]
    assert (await student.refund(payment_id)).status_code == 201
    first = await student.refund(payment_id, key="k")
    again = await student.refund(payment_id, key="k")
    assert (first.status_code, problem(first)["code"]) == (409, "already_refunded")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_what_was_over_is_not_done_to_what_began_since(student: Caller) -> None:
    """The late repeat of a cancellation that was refused."""
    await student.subscribe()
    await student.wish("cancel", at_once=True)
    over = await student.wish("cancel", key="k", at_once=True)
    assert (over.status_code, problem(over)["code"]) == (409, "subscription_ended")
    assert (await student.subscribe()).status_code == 201
    again = await student.wish("cancel", key="k", at_once=True)
    assert (again.content, again.headers["idempotent-replayed"]) == (over.content, "true")
    current = (await student.get("/api/subscriptions/current")).json()
    assert current["subscription"]["status"] == "active"


async def test_a_refusal_because_of_what_is_under_way_is_not_kept(
    open_app: OpenApp, stripe: FakeStripe
) -> None:
    app = await open_app(deliver_inline_timeout_s=0.05)
    student = app.caller("usr_1", "student")
    await student.subscribe()
    stripe.hold = asyncio.Event()
    waits = await student.wish("cancel", key="end")
    assert waits.status_code == 202
    refused = await student.wish("pause", key="k")
    assert (refused.status_code, problem(refused)["code"]) == (409, "request_in_progress")
    stripe.hold.set()
    await asyncio.gather(*app.services.submitter.under_way)
    paused = await student.wish("pause", key="k")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused"), "the same key does the work"
    known = await student.wish("cancel", key="end")
    assert known.status_code == 200, "202 was no result, and is not repeated either"
    assert known.headers["idempotent-replayed"] == "true"


async def test_what_was_missing_is_given_and_the_same_request_is_done(student: Caller) -> None:
    missing = await student.wish("pause", key="k")
    assert missing.status_code == 404
    await student.subscribe()
    assert (await student.wish("pause", key="k")).status_code == 200
    refused = await student.wish("update", method="PUT", key="k", tier="free")
    assert refused.status_code == 422
    active = await student.wish("resume")
    assert active.status_code == 200
    again = await student.wish("update", method="PUT", key="k", tier="pro")
    assert problem(again)["code"] == "same_plan", "another body under the key"


@pytest.mark.parametrize("age", ["new", "expired"])
async def test_a_key_claims_nothing_for_a_body_that_is_wrong(
    app: Running, student: Caller, stripe: FakeStripe, age: str
) -> None:
    """By its shape, by the rules, or beside what the key did before."""
    if age == "expired":
        done = await student.pay(key="k", amount_minor=1300)
        async with app.services.reading() as connection:
            await purge(connection, days=0)
    for wrong in ({"amount_minor": "much"}, {"amount_minor": 1}, {"amount_minor": 1300, "currency": "xxx"}):
        refused = await student.pay(key="k", **wrong)
        assert refused.status_code == 422, refused.text
    if age == "expired":
        other = await student.pay(key="k", amount_minor=5000)
        assert (other.status_code, problem(other)["code"]) == (422, "idempotency_mismatch")
    async with app.services.reading() as connection:
        assert await (await connection.execute("SELECT FROM idempotency_keys")).fetchall() == []
    right = await student.pay(key="k", amount_minor=1300)
    assert right.status_code == 201, right.text
    assert age == "new" or right.json() == done.json()
    assert stripe.charges == 1


async def test_a_lost_answer_is_made_again_from_the_ledger_without_charging_again(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    """What a crash between the charge and the stored answer leaves behind."""
    first = await student.pay(key="k")
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    again = await student.pay(key="k")
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    mismatch = await student.pay(key="other", amount_minor=55)
    assert mismatch.status_code == 201
    assert stripe.charges == 2


async def test_the_ledger_itself_refuses_another_body_when_the_stored_answer_is_lost(
    app: Running, student: Caller
) -> None:
    await student.pay(key="k", amount_minor=100)
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    other = await student.pay(key="k", amount_minor=200)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_mismatch")


async def test_a_claim_of_a_process_that_died_is_taken_over(app: Running, student: Caller) -> None:
    first = await student.pay(key="k")
    async with app.services.reading() as connection:
        # as it was before the answer was stored; no session has this id
        await connection.execute("UPDATE idempotency_keys SET status = NULL, claimed_by = 0")
    again = await student.pay(key="k")
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_claim_of_a_process_that_died_bars_no_other_body(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    """It had done nothing, or the ledger would know."""
    await student.pay(key="k", amount_minor=1400)
    async with app.services.reading() as connection:
        other = "UPDATE idempotency_keys SET status = NULL, claimed_by = 0, digest = %s"
        await connection.execute(other, (b"of another body",))
        [(claim_id,)] = await (await connection.execute("SELECT id FROM idempotency_keys")).fetchall()
        found = await app.services.idempotency._batcher.ask(
            CLAIM, Claim(bytes(claim_id), b"of mine", "usr_1")
        )
        assert found.mine, "it is free"
        row = await (await connection.execute("SELECT digest FROM idempotency_keys")).fetchone()
        assert row == (b"of mine",), "who waits for it in another process has the same body"
        await connection.execute(other, (b"of another body",))
    assert (await student.pay(key="k", amount_minor=1400)).status_code == 201
    wrong = await student.pay(key="k", amount_minor=1500)
    assert (wrong.status_code, problem(wrong)["code"]) == (422, "idempotency_mismatch")
    assert stripe.charges == 1


async def test_two_processes_answer_alike(open_app: OpenApp, stripe: FakeStripe) -> None:
    one, two = await open_app(), await open_app()
    stripe.hold = asyncio.Event()
    first = asyncio.create_task(one.caller("usr_1", "student").pay(key="k"))

    async def claimed() -> bool:
        async with one.services.reading() as connection:
            found = await (await connection.execute("SELECT FROM idempotency_keys")).fetchall()
        return len(found) == 1

    await until(claimed)
    second = asyncio.create_task(two.caller("usr_1", "student").pay(key="k"))
    stripe.hold.set()
    assert (await first).json() == (await second).json()
    assert (await second).headers["idempotent-replayed"] == "true"
    assert stripe.charges == 1


async def test_a_duplicate_that_waits_too_long_is_told_to_come_back(
    open_app: OpenApp, stripe: FakeStripe
) -> None:
    app = await open_app(idempotency_wait_s=0.05)
    student = app.caller("usr_1", "student")
    stripe.hold = asyncio.Event()
    first = asyncio.create_task(student.pay(key="k"))

    async def started() -> bool:
        return bool(app.services.submitter.under_way)

    await until(started)
    second = await student.pay(key="k")
    assert (second.status_code, problem(second)["code"]) == (409, "idempotency_in_flight")
    assert second.headers["retry-after"] == "1"
    stripe.hold.set()
    assert (await first).status_code == 201


async def test_an_answer_above_500_is_not_kept(app: Running, student: Caller, stripe: FakeStripe) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    whole, stripe.deliver_now = stripe.deliver_now, broken  # type: ignore[method-assign, assignment]  # to break it
    failed = await student.pay(key="k")
    assert failed.status_code == 500
    assert "secret" not in failed.text
    stripe.deliver_now = whole  # type: ignore[method-assign]  # mended
    assert (await student.pay(key="k")).status_code == 201
    assert stripe.charges == 1


async def test_an_answer_that_cannot_be_kept_bars_no_repeat(
    app: Running, student: Caller, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_response: object) -> None:
        raise RuntimeError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "_answer", broken)
        assert (await student.pay(key="k")).status_code == 500
    again = await student.pay(key="k")
    assert again.status_code == 201, "it is known to be done, and answered at once"
    assert stripe.charges == 1


async def test_an_answer_that_says_no_status_has_its_routes(
    app: Running, student: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = idempotency._attempt

    async def quiet(request: Any, work: idempotency.Work, command_id: str) -> Response[Any]:
        async def without(same: str) -> Response[Any]:
            return Response((await work(same)).content)

        return await attempt(request, without, command_id)

    monkeypatch.setattr(idempotency, "_attempt", quiet)
    first, again = await student.pay(key="k"), await student.pay(key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"


async def test_old_answers_are_forgotten(app: Running, student: Caller, stripe: FakeStripe) -> None:
    first = await student.pay(key="k")
    async with app.services.reading() as connection:
        assert await purge(connection, 7) == 0
        await connection.execute("UPDATE idempotency_keys SET claimed_at = now() - interval '8 days'")
        assert await purge(connection, 7) == 1
    assert (await student.pay(key="k")).json() == first.json()
    assert stripe.charges == 1
