"""A course bought over HTTP: what the buyer is told, and that it is had and charged once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from ledger.effects import CreatePaymentIntent, FollowSale, StartCoursePayment
from ledger.enrolments.purchasing import RESERVATION_LASTS
from tests.api.courses import ways
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.support import Caller, problem, until

DECLINED, ASKS = "pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_threeDSecure2Required"


async def test_a_course_is_had_and_paid_with_one_request(market: Market, ann: Caller) -> None:
    bought = await ann.buy(market.course_id, expected_price_minor=4900)
    assert bought.status_code == 201, bought.text
    enrolment, payment = bought.json()["enrolment"], bought.json()["payment"]
    assert (enrolment["status"], enrolment["learner_id"], enrolment["buyer_id"]) == (
        "active",
        "usr_ann",
        "usr_ann",
    )
    assert (enrolment["amount_minor"], enrolment["currency"], enrolment["attempt"]) == (4900, "usd", 1)
    assert (payment["status"], payment["purpose"]) == ("succeeded", "course")
    assert payment["course_id"] == market.course_id
    assert payment["purpose_ref"] == f"enrolment-{market.course_id}-usr_ann"
    assert bought.headers["location"] == f"/api/payments/{enrolment['payment_id']}"
    assert await market.charged() == [4900]
    position = {"Ledger-Position": bought.headers["ledger-position"]}
    listed = (await ann.get("/api/enrolments", headers=position)).json()["items"]
    assert listed == [enrolment], "the answer is what a read says that has seen as much"


async def test_the_books_have_the_authors_share_and_the_commission(market: Market, ann: Caller) -> None:
    """Once the charge's balance transaction is known, which Stripe tells a moment later."""
    await ann.buy(market.course_id)
    expected = {f"2100 {AUTHOR}": -3430, "4030": -1470}

    async def posted() -> bool:
        held = await market.balances()
        return {name: held.get(name) for name in expected} == expected

    async with market.working():
        await market.receive()
        await until(posted)


async def test_the_same_key_again_is_the_same_purchase(market: Market, ann: Caller) -> None:
    first = await ann.buy(market.course_id, key="one")
    again = await ann.buy(market.course_id, key="one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    async with market.app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")  # as after a crash
    later = await ann.buy(market.course_id, key="one")
    assert (later.status_code, later.json()) == (201, first.json())
    assert await market.charged() == [4900]


async def test_a_purchase_that_a_restored_ledger_forgot_is_answered_by_what_stripe_has(
    market: Market, ann: Caller
) -> None:
    services, scope = market.app.services, "usr_ann\0POST\0/api/courses/purchase\0one"
    payment_id = services.id_of("pay", f"api:{sha256(scope.encode()).hexdigest()}")
    metadata = {
        "payment_id": payment_id,
        "ledger_id": services.store.ledger_id,
        "user_id": "usr_ann",
        "purpose": "course",
        "purpose_ref": f"enrolment-{market.course_id}-usr_ann",
    }
    await market.stripe.client.v1.payment_intents.create_async(
        {
            "amount": 4900,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": metadata,
        }
    )
    async with market.working():
        await market.receive()
        await market.until(ann, "active")
    again = await ann.buy(market.course_id, key="one")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json()["payment"]["payment_id"] == payment_id
    other = await ann.buy(market.course_id, key="two")
    assert problem(other)["code"] == "already_enrolled"
    assert await market.charged() == [4900]


async def test_a_free_course_is_had_at_once(market: Market, ann: Caller) -> None:
    bought = await ann.buy(await market.course(price_minor=0), None)
    assert (bought.status_code, bought.json()["payment"]) == (201, None)
    assert (bought.json()["enrolment"]["status"], bought.json()["enrolment"]["payment_id"]) == ("active", "")
    assert await market.charged() == []


async def test_a_gift_is_the_recipients_and_paid_by_the_giver(market: Market, ann: Caller) -> None:
    bought = await ann.buy(market.course_id, gift_to="usr_bob")
    assert bought.status_code == 201
    assert bought.json()["payment"]["user_id"] == "usr_ann"
    bob = await market.buyer("usr_bob")
    [enrolment] = await market.enrolments(bob)
    assert (enrolment["status"], enrolment["learner_id"], enrolment["buyer_id"]) == (
        "active",
        "usr_bob",
        "usr_ann",
    )
    assert await market.enrolments(ann) == []
    assert (await ann.buy(market.course_id)).status_code == 201, "the giver may have it as well"


async def test_a_gift_that_its_giver_never_confirms_gives_way_to_whoever_pays(
    market: Market, ann: Caller
) -> None:
    waits = await ann.buy(market.course_id, ASKS, gift_to="usr_bob", key="one")
    assert waits.status_code == 202
    bob = await market.buyer("usr_bob")
    bought = await bob.buy(market.course_id)
    assert (bought.status_code, bought.json()["enrolment"]["buyer_id"]) == (201, "usr_bob")
    again = await ann.buy(market.course_id, ASKS, gift_to="usr_bob", key="one")
    said = problem(again)
    assert (again.status_code, said["code"], "enrolment" in said) == (409, "purchase_overtaken", False)
    payment_id = waits.json()["payment"]["payment_id"]
    async with market.working():

        async def canceled() -> bool:
            await market.hurry()
            return bool((await ann.get(f"/api/payments/{payment_id}")).json()["status"] == "canceled")

        await until(canceled)
    assert await market.charged() == [4900]
    assert [one["status"] for one in await market.enrolments(bob)] == ["active"]


async def test_of_two_givers_who_have_to_confirm_the_first_to_pay_gives_it(
    market: Market, ann: Caller
) -> None:
    cleo, bob = await market.buyer("usr_cleo"), await market.buyer("usr_bob")
    assert (await ann.buy(market.course_id, ASKS, gift_to="usr_bob")).status_code == 202
    [first] = (await market.stripe.client.v1.payment_intents.list_async()).data
    assert (await cleo.buy(market.course_id, ASKS, gift_to="usr_bob", key="two")).status_code == 202
    market.bench.pass_challenge(first.id)
    async with market.working():
        await market.receive()
        await market.until(bob, "active")
    [enrolment] = await market.enrolments(bob)
    assert enrolment["buyer_id"] == "usr_ann"
    late = await cleo.buy(market.course_id, ASKS, gift_to="usr_bob", key="two")
    assert problem(late)["code"] == "purchase_overtaken"
    assert await market.charged() == [4900]


async def test_who_has_a_course_is_not_found_out_by_giving_it(market: Market, ann: Caller) -> None:
    bob = await market.buyer("usr_bob")
    await bob.buy(market.course_id)
    for somebody in ("usr_bob", "usr_nobody"):
        said = problem(await ann.buy(market.course_id, gift_to=somebody, expected_price_minor=1))
        assert said["code"] == "price_changed"
    for _ in range(12):
        refused = await ann.buy(market.course_id, gift_to="usr_bob")
        assert (refused.status_code, problem(refused)["code"]) == (409, "gift_not_possible")
    stopped = await ann.buy(market.course_id, gift_to="usr_bob")
    assert (stopped.status_code, problem(stopped)["code"]) == (429, "rate_limited")
    assert (await ann.buy(market.course_id)).status_code == 201, "one's own purchases go on"


async def test_a_declined_card_leaves_the_course_for_another_card(market: Market, ann: Caller) -> None:
    refused = await ann.buy(market.course_id, DECLINED)
    body = problem(refused)
    assert (refused.status_code, body["code"], body["remedy"]) == (402, "card_declined", "other_card")
    assert body["payment"]["failure"]["decline_code"] == "insufficient_funds"
    assert body["enrolment"]["status"] == "released"
    bought = await ann.buy(market.course_id)
    assert (bought.status_code, bought.json()["enrolment"]["attempt"]) == (201, 2)
    assert [one["status"] for one in await market.enrolments(ann)] == ["active"]
    assert await market.charged() == [4900]


async def test_who_confirms_with_their_bank_later_has_the_course(market: Market, ann: Caller) -> None:
    waits = await ann.buy(market.course_id, ASKS, key="one")
    assert (waits.status_code, waits.json()["enrolment"]["status"]) == (202, "reserved")
    payment = waits.json()["payment"]
    assert (payment["status"], bool(payment["next_action"]["client_secret"])) == ("requires_action", True)
    again = await ann.buy(market.course_id, ASKS, key="one")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json()["payment"]["next_action"]["client_secret"]
    other = problem(await ann.buy(market.course_id))
    assert (other["code"], payment["payment_id"] in other["detail"]) == ("purchase_in_progress", True)
    intent = (await market.stripe.client.v1.payment_intents.list_async()).data[0]
    market.bench.pass_challenge(intent.id)
    async with market.working():
        await market.receive()
        await market.until(ann, "active")
    done = await ann.buy(market.course_id, ASKS, key="one")
    assert (done.status_code, done.json()["enrolment"]["status"]) == (201, "active")
    assert await market.charged() == [4900]


async def test_an_answer_that_was_lost_is_looked_for_by_the_worker_alone(market: Market, ann: Caller) -> None:
    market.bench.fault("disconnect_after", "/v1/payment_intents")
    unclear = await ann.buy(market.course_id, key="one")
    assert (unclear.status_code, unclear.json()["payment"]["status"]) == (202, "unknown")
    assert unclear.json()["enrolment"]["status"] == "reserved"
    async with market.working():
        await market.until(ann, "active")
    assert (await ann.buy(market.course_id, key="one")).status_code == 201
    assert await market.charged() == [4900]


@pytest.mark.parametrize("step", [StartCoursePayment, CreatePaymentIntent, FollowSale])
async def test_wherever_a_request_stops_it_says_so_and_the_worker_goes_on(
    market: Market, ann: Caller, step: type[Any]
) -> None:
    market.stripe.gateway.dies_at = step
    cut = await ann.buy(market.course_id, key="one")
    assert (cut.status_code, cut.json()["enrolment"]["status"]) == (202, "reserved")
    assert (cut.json()["payment"] is None) is (step is StartCoursePayment)
    async with market.working():
        await market.until(ann, "active")
    done = await ann.buy(market.course_id, key="one")
    assert (done.status_code, done.json()["payment"]["status"]) == (201, "succeeded")
    assert await market.charged() == [4900]


async def test_a_reservation_that_nobody_confirms_is_canceled_and_the_course_is_free_again(
    market: Market, ann: Caller
) -> None:
    await ann.buy(market.course_id, ASKS, key="one")
    assert await market.expire() == 0, "its time is not over"
    market.bench.advance(RESERVATION_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert (await market.expire(), await market.expire()) == (1, 0)
    async with market.working():
        await market.until(ann, "released")
    intent = (await market.stripe.client.v1.payment_intents.list_async()).data[0]
    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    over = await ann.buy(market.course_id, ASKS, key="one")
    assert (over.status_code, "was canceled" in problem(over)["detail"]) == (402, True)
    assert (await ann.buy(market.course_id)).status_code == 201


async def test_a_bank_that_is_at_a_payment_holds_the_course_until_it_has_answered(
    market: Market, ann: Caller
) -> None:
    waits = await ann.buy(market.course_id, "pm_usBankAccount_processing")
    payment_id = waits.json()["payment"]["payment_id"]
    assert (waits.status_code, waits.json()["payment"]["status"]) == (202, "processing")
    market.bench.advance(RESERVATION_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await market.expire() == 1
    [held] = await market.enrolments(ann)
    assert (held["status"], held["expires_at"]) == ("reserved", None), "it has no time that would be true"
    assert "until the bank has answered" in problem(await ann.buy(market.course_id))["detail"]
    refused = await ann("POST", f"/api/payments/{payment_id}/cancel", key="one", json={})
    assert (refused.status_code, problem(refused)["code"]) == (409, "payment_not_cancelable")
    assert "Stripe cannot call it off" in refused.json()["detail"]


async def test_who_thinks_better_of_it_cancels_the_payment_and_buys_with_another_card(
    market: Market, ann: Caller
) -> None:
    waits = (await ann.buy(market.course_id, ASKS)).json()["payment"]
    address = f"/api/payments/{waits['payment_id']}/cancel"
    bob = await market.buyer("usr_bob")
    assert (await bob("POST", address, key="one", json={})).status_code == 404
    canceled = await ann("POST", address, key="one", json={})
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    again = await ann("POST", address, key="one", json={})
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert [one["status"] for one in await market.enrolments(ann)] == ["released"]
    bought = await ann.buy(market.course_id)
    assert bought.status_code == 201
    paid = f"/api/payments/{bought.json()['payment']['payment_id']}/cancel"
    refused = await ann("POST", paid, key="two", json={})
    assert (refused.status_code, problem(refused)["code"]) == (409, "payment_not_cancelable")


async def test_a_purchase_that_ended_before_its_payment_says_so(market: Market, ann: Caller) -> None:
    market.stripe.gateway.dies_at = StartCoursePayment
    assert (await ann.buy(market.course_id, key="one")).status_code == 202
    market.bench.advance(RESERVATION_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await market.expire() == 1
    market.stripe.gateway.dies_at = None
    async with market.working():
        await market.until(ann, "released")
    over = await ann.buy(market.course_id, key="one")
    assert (over.status_code, problem(over)["code"]) == (409, "purchase_ended")
    assert await market.charged() == []


async def test_of_twenty_purchases_at_once_by_one_learner_one_is_charged(market: Market, ann: Caller) -> None:
    answers = await asyncio.gather(*(ann.buy(market.course_id) for _ in range(20)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 19
    refusals = {one.json()["code"] for one in answers if one.status_code == 409}
    assert refusals <= {"purchase_in_progress", "already_enrolled"}
    assert [one["status"] for one in await market.enrolments(ann)] == ["active"]
    assert await market.charged() == [4900]


async def test_fifty_learners_at_once_have_it_each(market: Market) -> None:
    learners = [await market.buyer(f"usr_{number}") for number in range(50)]
    answers = await asyncio.gather(*(one.buy(market.course_id) for one in learners))
    assert {one.status_code for one in answers} == {201}
    assert await market.charged() == [4900] * 50
    root = market.app.caller("usr_root", "admin")
    assert len(await market.enrolments(root, "?limit=100&status=active")) == 50


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"expected_price_minor": 3900}, 409, "price_changed", ""),
    ({"gift_to": "usr_ann"}, 422, "gift_to_self", "/gift_to"),
    ({"gift_to": AUTHOR}, 409, "gift_not_possible", ""),
    *(
        ({"gift_to": nobody}, 422, "invalid", "/gift_to")
        for nobody in ("\u200b", "   ", "usr_x ", "", "worker")
    ),
    ({"payment_method": None}, 422, "payment_method_required", "/payment_method"),
    ({"course_id": "crs_nowhere"}, 404, "not_found", ""),
    ({"course_id": "nonsense"}, 404, "not_found", ""),
]


@pytest.mark.parametrize(("body", "status", "code", "pointer"), REFUSED)
async def test_what_cannot_be_bought_is_refused_in_words_and_nothing_is_recorded(
    market: Market, ann: Caller, body: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    head = await market.app.services.store.head()
    refused = await ann("POST", "/api/courses/purchase", key="one", json=_body(market.course_id, body))
    said = problem(refused)
    assert (refused.status_code, said["code"]) == (status, code)
    assert [error["pointer"] for error in said.get("errors", [])] == ([pointer] if pointer else [])
    assert await market.app.services.store.head() == head


def _body(course_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {"course_id": course_id, "payment_method": "pm_card_visa", **changes}


async def test_a_price_that_changed_comes_with_the_new_one(market: Market, ann: Caller) -> None:
    said = problem(await ann.buy(market.course_id, expected_price_minor=3900))
    assert (said["price_minor"], said["to_pay_minor"], said["currency"]) == (4900, 4900, "usd")
    assert "49.00 USD" in said["detail"]


async def test_an_author_buys_no_course_of_their_own(market: Market) -> None:
    author = market.app.caller(AUTHOR, "instructor")
    assert problem(await author.buy(market.course_id))["code"] == "own_course"


async def test_what_is_had_is_not_bought_twice(market: Market, ann: Caller) -> None:
    await ann.buy(market.course_id)
    again = await ann.buy(market.course_id)
    assert (again.status_code, problem(again)["code"]) == (409, "already_enrolled")
    assert await market.charged() == [4900]


@pytest.mark.parametrize("way", [ways.DRAFT, ways.APPROVED, ways.TAKEN_DOWN])
async def test_a_course_that_is_not_published_is_there_for_nobody_who_would_buy_it(
    market: Market, ann: Caller, way: tuple[str, ...]
) -> None:
    refused = await ann.buy(await market.course(way))
    assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")


async def test_a_course_whose_author_erased_their_words_is_sold_to_nobody(
    market: Market, ann: Caller
) -> None:
    assert (await market.app.caller(AUTHOR, "instructor")("DELETE", "/api/me")).status_code == 204
    assert problem(await ann.buy(market.course_id))["code"] == "not_found"


async def test_who_had_a_course_that_is_sold_no_longer_is_told_so(market: Market, ann: Caller) -> None:
    payment_id = (await ann.buy(market.course_id)).json()["payment"]["payment_id"]
    assert (await ann.refund(payment_id)).status_code == 201
    assert (await market.app.caller(AUTHOR, "instructor")("DELETE", "/api/me")).status_code == 204
    refused = await ann.buy(market.course_id)
    assert (problem(refused)["code"], "gone" in refused.json()["detail"]) == ("course_not_for_sale", True)


async def test_a_list_shows_the_learners_own_by_status_page_by_page(market: Market, ann: Caller) -> None:
    await ann.buy(market.course_id, DECLINED)
    for _ in range(2):
        await ann.buy(await market.course(price_minor=0), None)
    assert [one["status"] for one in await market.enrolments(ann)] == ["active", "active", "released"]
    assert len(await market.enrolments(ann, "?status=released")) == 1
    first = (await ann.get("/api/enrolments?limit=2")).json()
    rest = (await ann.get(f"/api/enrolments?limit=2&cursor={first['next_cursor']}")).json()
    assert (first["has_more"], len(first["items"]), len(rest["items"])) == (True, 2, 1)
    bob, root = await market.buyer("usr_bob"), market.app.caller("usr_root", "admin")
    assert await market.enrolments(bob) == []
    assert (await bob.get("/api/enrolments?user_id=usr_ann")).status_code == 403
    assert len(await market.enrolments(root, "?user_id=usr_ann")) == 3
    assert await market.enrolments(root, "?user_id=usr_bob") == []
