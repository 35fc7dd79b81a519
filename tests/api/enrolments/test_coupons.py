"""A course bought with a coupon over HTTP: what is to pay, whose the discount is, and that no use is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from api.http.ratelimit import RateLimit
from ledger.coupons.decider import COUPON
from ledger.coupons.state import Coupon
from ledger.coupons.stream import stream_of
from ledger.effects import FollowCouponUse, HoldCouponUse, StartCoursePayment
from ledger.enrolments.purchasing import RESERVATION_LASTS
from ledger.ids import new_id
from tests.api.courses import ways
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.enrolments.learners import content_of, report
from tests.api.enrolments.test_purchase import ASKS, DECLINED
from tests.api.support import Caller, problem, until
from tests.ledger import coupon_examples as coupons

CODE = coupons.CODE


async def coupon(market: Market, code: str = CODE, **changes: Any) -> None:
    """20 % off all courses, borne by the instructor, unless that `changes`."""
    terms = coupons.terms(**{"scope": "platform", "scope_id": "", **changes})
    made = coupons.create(
        terms, code=code, command_id=new_id("cmd"), by_admin=True, effective_at=market.stripe.now()
    )
    await market.app.services.store.handle(made, coupons.MAKER)


async def used(market: Market, code: str = CODE) -> dict[str, int]:
    """How many of its uses stand how."""
    state: Coupon = await market.app.services.store.state(COUPON, stream_of(code))
    statuses = [use.status for use in state.uses.values()]
    return {status: statuses.count(status) for status in statuses}


async def price(caller: Caller, course_id: str, code: str = "") -> Any:
    return await caller.get(f"/api/courses/{course_id}/price" + (f"?coupon={code}" if code else ""))


# ----------------------------------------------------------------------------------------------- the price


async def test_what_is_to_pay_is_told_with_the_coupon_and_without(market: Market, ann: Caller) -> None:
    await coupon(market, borne_by="platform")
    plain = (await price(ann, market.course_id)).json()
    assert (plain["price_minor"], plain["discount_minor"], plain["to_pay_minor"]) == (4900, 0, 4900)
    told = await price(ann, market.course_id, "spring-20")
    assert told.status_code == 200
    assert told.json() == {
        "course_id": market.course_id,
        "currency": "usd",
        "price_minor": 4900,
        "discount_minor": 980,
        "tax_minor": 0,
        "tax_included": False,
        "to_pay_minor": 3920,
        "coupon": CODE,
    }, "who bears it is nothing to buyers"
    draft = await market.course(ways.DRAFT)
    assert problem(await price(ann, draft))["code"] == "not_found"
    assert (await price(ann, "crs_nowhere")).status_code == 404
    assert (await price(ann, market.course_id, "NOT%20A%20CODE")).status_code == 422


async def test_the_receipt_of_a_course_shows_its_price_and_the_discount(market: Market, ann: Caller) -> None:
    await coupon(market)
    bought = await ann.buy(market.course_id, coupon=CODE)
    await market.app.projected()
    path = f"/api/payments/{bought.json()['payment']['payment_id']}/receipt"
    told = (await ann.get(path, headers={"Accept": "application/json"})).json()
    lines = [(one["description"].split(":")[0], one["amount_minor"]) for one in told["lines"]]
    assert lines == [("Course", 4900), ("Discount", -980)]
    assert (told["total_minor"], told["charged_minor"], told["tax_minor"]) == (3920, 3920, 0)


async def test_few_codes_may_be_guessed_and_right_ones_cost_nothing(market: Market, ann: Caller) -> None:
    await coupon(market)
    await coupon(market, "OVER", max_uses=1)
    await ann.buy(await market.course(), coupon="OVER")
    for _ in range(20):
        assert (await price(ann, market.course_id, CODE)).status_code == 200
        assert problem(await price(ann, market.course_id, "OVER"))["code"] == "coupon_used_up"
    for number in range(6):
        assert problem(await price(ann, market.course_id, f"GUESS-{number}"))["code"] == "coupon_unknown"
        refused = await ann.buy(market.course_id, coupon=f"OTHER-{number}")
        assert (refused.status_code, problem(refused)["code"]) == (404, "coupon_unknown")
    for stopped in (
        await price(ann, market.course_id, CODE),
        await ann.buy(market.course_id, coupon=CODE, key="one"),
    ):
        assert (stopped.status_code, problem(stopped)["code"]) == (429, "rate_limited")
        assert int(stopped.headers["retry-after"]) > 0
    bob = await market.buyer("usr_bob")
    assert (await price(bob, market.course_id, CODE)).status_code == 200
    market.app.replace(coupon_guesses=RateLimit(6, 12))
    again = await ann.buy(market.course_id, coupon=CODE, key="one")
    assert again.status_code == 201, "being told to wait is no answer that is kept"


async def test_a_code_is_judged_before_the_card_and_the_price_and_each_wrong_one_counts(
    market: Market, ann: Caller
) -> None:
    await coupon(market, "OVER", max_uses=1)
    await ann.buy(await market.course(), coupon="OVER")
    for _ in range(13):
        used_up = await ann.buy(market.course_id, None, coupon="OVER", expected_price_minor=1)
        assert problem(used_up)["code"] == "coupon_used_up", "which is no news of a code"
    for number in range(12):
        refused = await ann.buy(market.course_id, None, coupon=f"GUESS-{number}", expected_price_minor=1)
        assert (refused.status_code, problem(refused)["code"]) == (404, "coupon_unknown")
    stopped = await ann.buy(market.course_id, None, coupon="OVER", expected_price_minor=1)
    assert (stopped.status_code, problem(stopped)["code"]) == (429, "rate_limited")


# -------------------------------------------------------------------------------------------- the purchase


async def test_a_course_is_bought_for_what_the_coupon_leaves(market: Market, ann: Caller) -> None:
    await coupon(market, max_uses=1)
    bought = await ann.buy(market.course_id, coupon="spring-20", expected_price_minor=3920, key="one")
    assert bought.status_code == 201, bought.text
    enrolment = bought.json()["enrolment"]
    sold = ("price_minor", "discount_minor", "amount_minor", "coupon")
    assert [enrolment[name] for name in sold] == [4900, 980, 3920, CODE]
    assert await market.enrolments(ann) == [enrolment]
    assert await market.charged() == [3920]
    assert await used(market) == {"confirmed": 1}
    again = await ann.buy(market.course_id, coupon="spring-20", expected_price_minor=3920, key="one")
    assert (again.status_code, again.json()) == (201, bought.json())
    more = problem(await ann.buy(market.course_id, coupon=CODE))
    assert more["code"] == "already_enrolled", "which is told before what is wrong with the coupon"


@pytest.mark.parametrize(
    ("borne_by", "expected"),
    [
        ("instructor", {f"2100 {AUTHOR}": -2744, "4030": -1176, "4920": None}),
        ("platform", {f"2100 {AUTHOR}": -3430, "4030": -1470, "4920": 980}),
    ],
)
async def test_the_books_say_who_bore_it(
    market: Market, ann: Caller, borne_by: str, expected: dict[str, int | None]
) -> None:
    await coupon(market, borne_by=borne_by)
    assert (await ann.buy(market.course_id, coupon=CODE)).status_code == 201

    async def posted() -> bool:
        held = await market.balances()
        return {name: held.get(name) for name in expected} == expected

    async with market.working():
        await market.receive()
        await until(posted)


async def test_all_of_the_price_off_is_had_for_nothing_without_a_card(market: Market, ann: Caller) -> None:
    await coupon(market, percent_bp=10_000)
    bought = await ann.buy(market.course_id, None, coupon=CODE, expected_price_minor=0, key="one")
    assert (bought.status_code, bought.json()["payment"]) == (201, None), bought.text
    enrolment = bought.json()["enrolment"]
    assert (enrolment["status"], enrolment["payment_id"], enrolment["amount_minor"]) == ("active", "", 0)
    assert await used(market) == {"confirmed": 1}
    assert await market.enrolments(ann) == [enrolment]
    assert await market.charged() == []
    async with market.app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")  # as after a crash
    again = await ann.buy(market.course_id, None, coupon=CODE, expected_price_minor=0, key="one")
    assert (again.status_code, again.json()) == (201, bought.json())


async def test_a_price_that_is_not_as_expected_is_told_before_and_after_the_coupon(
    market: Market, ann: Caller
) -> None:
    await coupon(market)
    said = problem(await ann.buy(market.course_id, coupon=CODE, expected_price_minor=4900))
    told = ("code", "price_minor", "discount_minor", "to_pay_minor", "coupon", "currency")
    assert [said[name] for name in told] == ["price_changed", 4900, 980, 3920, CODE, "usd"]
    assert "costs 49.00 USD, and 39.20 USD is to pay for it with the coupon SPRING-20" in said["detail"]


async def test_what_a_coupon_took_all_of_the_price_off_is_no_free_course_and_stays_bought(
    market: Market, ann: Caller
) -> None:
    await coupon(market, percent_bp=10_000)
    for _ in range(5):
        free = await market.course(price_minor=0)
        await ann.buy(free, None)
        assert (await report(ann, free, "itm_1")).status_code == 200
    bought = await ann.buy(market.course_id, None, coupon=CODE, key="one")
    assert (await content_of(ann, market.course_id)).status_code == 200, "though all free ones are used"
    done = await report(ann, market.course_id, "itm_1", "itm_2")
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    assert (await ann.get("/api/features/view_courses/check")).json()["used"] == 5
    async with market.app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")  # as after a crash
    again = await ann.buy(market.course_id, None, coupon=CODE, key="one")
    assert (again.status_code, again.json()["enrolment"]["status"]) == (201, "completed")
    assert again.json()["enrolment"]["enrolment_id"] == bought.json()["enrolment"]["enrolment_id"]


async def test_a_gift_takes_a_use_of_its_giver(market: Market, ann: Caller) -> None:
    await coupon(market, max_uses_per_user=1)
    assert (await ann.buy(market.course_id, coupon=CODE, gift_to="usr_bob")).status_code == 201
    refused = await ann.buy(market.course_id, coupon=CODE)
    assert (refused.status_code, problem(refused)["code"]) == (409, "coupon_used_by_you")
    await market.app.projected()
    [given] = (await ann.get("/api/enrolments/given")).json()["items"]
    assert (given["learner_id"], given["status"], given["coupon"]) == ("usr_bob", "active", CODE)
    assert "progress_percent" not in given
    bob = await market.buyer("usr_bob")
    [had] = await market.enrolments(bob)
    assert (had["discount_minor"], had["coupon"]) == (980, ""), "the code is its giver's"
    assert (await bob.get("/api/enrolments/given")).json()["items"] == []
    cleo = await market.buyer("usr_cleo")
    assert (await cleo.buy(market.course_id, coupon=CODE)).status_code == 201


# --------------------------------------------------------------------------------------------- the last use


async def test_of_fifty_buyers_at_once_one_has_the_last_use(market: Market) -> None:
    await coupon(market, max_uses=1)
    buyers = [await market.buyer(f"usr_{number}") for number in range(50)]
    answers = await asyncio.gather(*(one.buy(market.course_id, coupon=CODE) for one in buyers))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 49
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"coupon_used_up"}
    assert await market.charged() == [3920]
    root = market.app.caller("usr_root", "admin")
    assert await market.enrolments(root, "?limit=100&status=reserved") == []
    assert len(await market.enrolments(root, "?limit=100&status=active")) == 1
    state: Coupon = await market.app.services.store.state(COUPON, stream_of(CODE))
    assert state.live == 1


async def test_who_was_let_in_and_comes_too_late_is_told_and_charged_nothing(
    market: Market, ann: Caller
) -> None:
    await coupon(market, max_uses=1)
    market.stripe.gateway.dies_at = HoldCouponUse
    waits = await ann.buy(market.course_id, coupon=CODE, key="one")
    assert (waits.status_code, waits.json()["payment"]) == (202, None)
    market.stripe.gateway.dies_at = None
    bob = await market.buyer("usr_bob")
    assert (await bob.buy(market.course_id, coupon=CODE)).status_code == 201
    async with market.working():
        await market.until(ann, "released")
    late = await ann.buy(market.course_id, coupon=CODE, key="one")
    assert (late.status_code, problem(late)["code"]) == (409, "coupon_used_up")
    assert "Nothing was charged" in late.json()["detail"]
    assert await market.charged() == [3920]
    assert (await ann.buy(market.course_id)).status_code == 201


@pytest.mark.parametrize(
    ("step", "percent_bp"),
    [
        (HoldCouponUse, 2000),
        (StartCoursePayment, 2000),
        (FollowCouponUse, 2000),
        (StartCoursePayment, 10_000),
    ],
)
async def test_wherever_a_request_stops_the_worker_goes_on(
    market: Market, ann: Caller, step: type[Any], percent_bp: int
) -> None:
    await coupon(market, percent_bp=percent_bp)
    market.stripe.gateway.dies_at = step
    cut = await ann.buy(market.course_id, coupon=CODE, key="one")
    assert cut.status_code == (201 if step is FollowCouponUse else 202)
    async with market.working():

        async def confirmed() -> bool:
            await market.hurry()
            return await used(market) == {"confirmed": 1}

        await until(confirmed)
        await market.until(ann, "active")
    done = await ann.buy(market.course_id, coupon=CODE, key="one")
    assert (done.status_code, done.json()["enrolment"]["status"]) == (201, "active")
    assert await market.charged() == ([3920] if percent_bp == 2000 else [])


# ------------------------------------------------------------------------------------------- uses that end


async def test_a_declined_card_frees_the_use(market: Market, ann: Caller) -> None:
    await coupon(market, max_uses=1)
    refused = await ann.buy(market.course_id, DECLINED, coupon=CODE)
    assert (refused.status_code, problem(refused)["code"]) == (402, "card_declined")
    assert await used(market) == {"released": 1}
    assert (await ann.buy(market.course_id, coupon=CODE)).status_code == 201


async def test_a_reservation_that_expires_frees_the_use(market: Market, ann: Caller) -> None:
    await coupon(market, max_uses=1)
    assert (await ann.buy(market.course_id, ASKS, coupon=CODE)).status_code == 202
    bob = await market.buyer("usr_bob")
    assert problem(await bob.buy(market.course_id, coupon=CODE))["code"] == "coupon_used_up"
    market.bench.advance(RESERVATION_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await market.expire() == 1
    async with market.working():

        async def freed() -> bool:
            await market.hurry()
            return await used(market) == {"released": 1}

        await until(freed)
    assert (await bob.buy(market.course_id, coupon=CODE)).status_code == 201


async def test_money_that_is_given_back_gives_back_the_use_until_the_refund_bounces(
    market: Market, ann: Caller
) -> None:
    await coupon(market, max_uses=1)
    bought = await ann.buy(market.course_id, "pm_card_refundFail", coupon=CODE)
    refund = await ann.refund(bought.json()["payment"]["payment_id"])
    assert refund.status_code in {201, 202}, refund.text
    async with market.working():
        for status, access in (("returned", "revoked"), ("confirmed", "active")):
            await market.receive()
            await market.until(ann, access)

            async def stands(status: str = status) -> bool:
                await market.hurry()
                return await used(market) == {status: 1}

            await until(stands)
            market.bench.advance(timedelta(days=3))
            market.stripe.clock.follow(market.bench.now())


# ---------------------------------------------------------------------------------------------- refusals


async def test_a_coupon_that_cannot_be_used_is_refused_in_words_and_nothing_is_recorded(
    market: Market, ann: Caller
) -> None:
    """The same at the price and at the purchase."""
    now = market.stripe.now()
    await coupon(market, "LATER", starts_at=now + timedelta(days=1))
    await coupon(market, "SHORT", ends_at=now + timedelta(minutes=1))
    await coupon(market, "CLOSED")
    await coupon(market, "OF-ANOTHER", scope="instructor", scope_id="usr_bob")
    await coupon(market, "BIG-ONLY", minimum_price_minor=9900, currency="usd")
    await coupon(market, "EUROS", percent_bp=0, amount_minor=100, currency="eur")
    await coupon(market, "TINY", percent_bp=9990)
    ended = replace(coupons.end(by_admin=True), code="CLOSED", effective_at=now)
    await market.app.services.store.handle(ended, coupons.MAKER)
    market.bench.advance(timedelta(minutes=2))
    market.stripe.clock.follow(market.bench.now())
    head = await market.app.services.store.head()
    for code, why in {
        "LATER": "coupon_not_begun",
        "SHORT": "coupon_ended",
        "CLOSED": "coupon_ended",
        "OF-ANOTHER": "coupon_not_for_course",
        "BIG-ONLY": "coupon_below_minimum",
        "EUROS": "coupon_other_currency",
        "TINY": "coupon_leaves_too_little",
    }.items():
        for refused in (
            await price(ann, market.course_id, code),
            await ann.buy(market.course_id, coupon=code),
        ):
            assert (refused.status_code, problem(refused)["code"]) == (409, why), refused.text
    assert await market.app.services.store.head() == head
    free = await market.course(price_minor=0)
    assert problem(await ann.buy(free, None, coupon="CLOSED"))["code"] == "coupon_ended"
    assert await market.enrolments(ann) == []
