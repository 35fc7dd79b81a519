from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.sandbox.errors import invalid
from api.sandbox.resources.checkout import sessions
from ledger.hosted import PAGE_LASTS
from tests.api.checkout.pages import AMOUNT, PLACES, Pages
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.enrolments.test_coupons import CODE, coupon, used
from tests.api.support import Caller, problem, until

DECLINED = "pm_card_visa_chargeDeclined"
LICENCES = "/api/enterprise/licenses"


async def founded(market: Market) -> tuple[Caller, str]:
    """Who owns an organisation, and its id."""
    head = market.app.caller("usr_head", "enterprise")
    made = await head("POST", "/api/enterprise/organisations", key="org", json={"name": "Lakeside"})
    return head, made.json()["org_id"]


async def invoiced(market: Market, org_id: str) -> dict[str, str]:
    """A licence of the organisation, and its invoice, of which 990.00 is open."""
    given = {"org_id": org_id, "tier": "starter", "billing": {"kind": "invoice", "net_days": 30}}
    root = market.app.caller("usr_root", "admin")
    licence_id = (await root("POST", f"{LICENCES}/create", key="issue", json=given)).json()["licence_id"]
    await market.app.projected()
    [invoice] = (await root.get(f"{LICENCES}/{licence_id}/invoices")).json()["items"]
    return {"licence_id": licence_id, "invoice_id": invoice["invoice_id"]}


async def uses_become(market: Market, expected: dict[str, int]) -> None:
    """Of the coupon, once the worker has told it."""

    async def are_so() -> bool:
        await market.hurry()
        return await used(market) == expected

    async with market.working():
        await until(are_so)


async def opens(pages: Pages, buyer: Caller, what: dict[str, Any]) -> None:
    """Once the worker has released what held it."""

    async def does() -> bool:
        await pages.market.hurry()
        return (await pages.open(buyer, **what)).status_code == 201

    async with pages.market.working():
        await until(does)


async def test_an_amount_is_paid_on_a_page_and_is_a_payment_like_any_other(pages: Pages, ann: Caller) -> None:
    opened = await pages.open(ann, payment=AMOUNT)
    assert opened.status_code == 201, opened.text
    shown = opened.json()
    assert (shown["status"], shown["payment"]["status"]) == ("open", "requires_action")
    assert opened.headers["location"] == f"/api/checkout/{shown['checkout_id']}"
    assert await pages.look(ann, shown["checkout_id"]) == shown
    pages.pay(shown["url"])
    paid = await pages.told(ann, shown["checkout_id"], "complete")
    assert (paid["url"], paid["payment"]["status"], paid["payment"]["captured_minor"]) == (
        None,
        "succeeded",
        1250,
    )
    await pages.market.app.projected()
    detail = (await ann.get(f"/api/payments/{paid['checkout_id']}")).json()
    assert [fact["type"] for fact in detail["history"]] == [
        "payments.initiated.v1",
        "payments.page_opened.v1",
        "payments.succeeded.v1",
        "payments.settled.v1",
    ]


async def test_a_course_is_held_while_its_page_is_open_and_shared_once_it_is_paid(
    pages: Pages, market: Market, ann: Caller
) -> None:
    opened = (await pages.open(ann, course={"course_id": market.course_id})).json()
    again = await pages.open(ann, course={"course_id": market.course_id})
    assert problem(again)["code"] == "purchase_in_progress"
    market.bench.advance(timedelta(minutes=40))
    market.stripe.clock.follow(market.bench.now())
    assert await market.expire() == 0
    pages.pay(opened["url"])
    await pages.told(ann, opened["checkout_id"], "complete", enrolment="active")
    held = await market.balances()
    assert (held[f"2100 {AUTHOR}"], held["4030"]) == (-3430, -1470)


async def test_the_same_key_again_is_the_same_page(pages: Pages, market: Market, ann: Caller) -> None:
    first = await pages.open(ann, key="one", course={"course_id": market.course_id})
    again = await pages.open(ann, key="one", course={"course_id": market.course_id})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    sessions = await market.stripe.client.v1.checkout.sessions.list_async()
    assert len(sessions.data) == 1


async def test_a_declined_card_ends_nothing_while_another_one_may_be_tried(
    pages: Pages, market: Market, ann: Caller
) -> None:
    opened = (await pages.open(ann, course={"course_id": market.course_id})).json()
    pages.pay(opened["url"], DECLINED)
    assert (await pages.told(ann, opened["checkout_id"], "open"))["url"] == opened["url"]
    assert [one["status"] for one in await market.enrolments(ann)] == ["reserved"]
    pages.pay(opened["url"])
    await pages.told(ann, opened["checkout_id"], "complete", enrolment="active")


async def test_a_page_whose_webhooks_are_lost_is_looked_at_when_its_time_is_over(
    pages: Pages, market: Market, ann: Caller
) -> None:
    paid = (await pages.open(ann, payment=AMOUNT)).json()
    left = (await pages.open(ann, payment=AMOUNT)).json()
    pages.pay(paid["url"])
    assert await pages.end_due() == 0
    market.bench.advance(PAGE_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await pages.end_due() == 2
    await pages.becomes(ann, paid["checkout_id"], "complete")
    await pages.becomes(ann, left["checkout_id"], "over")
    assert await market.charged() == [1250]


async def test_a_course_is_free_again_once_its_page_was_ended(
    pages: Pages, market: Market, ann: Caller
) -> None:
    opened = (await pages.open(ann, course={"course_id": market.course_id})).json()
    path = f"/api/checkout/{opened['checkout_id']}/expire"
    ended = await ann("POST", path, key="end", json={})
    if ended.status_code == 202:
        await pages.becomes(ann, opened["checkout_id"], "over")
    again = await pages.open(ann, course={"course_id": market.course_id})
    assert again.status_code == 201, again.text
    with pytest.raises(Exception, match="expired"):
        pages.pay(opened["url"])


async def test_a_course_that_was_bought_by_card_meanwhile_is_paid_once(
    pages: Pages, market: Market, ann: Caller
) -> None:
    """The reservation of the page is over by then; what its late money is worth is given back."""
    opened = (await pages.open(ann, course={"course_id": market.course_id})).json()
    pages.pay(opened["url"])
    market.bench.advance(PAGE_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await market.expire() == 1
    await pages.becomes(ann, opened["checkout_id"], "complete", enrolment="active")
    bought = await ann.buy(market.course_id)
    assert problem(bought)["code"] == "already_enrolled"


async def test_a_free_course_needs_no_page(pages: Pages, market: Market, ann: Caller) -> None:
    course_id = await market.course(price_minor=0)
    opened = await pages.open(ann, course={"course_id": course_id})
    assert (opened.status_code, opened.json()["status"], opened.json()["url"]) == (201, "complete", None)


async def test_an_unclear_answer_is_looked_up_and_never_opens_two(
    pages: Pages, market: Market, ann: Caller
) -> None:
    market.bench.fault("disconnect_after", "/v1/checkout/sessions")
    opened = await pages.open(ann, key="one", payment=AMOUNT)
    assert (opened.status_code, opened.json()["status"]) == (202, "opening")
    shown = await pages.becomes(ann, opened.json()["checkout_id"], "open")
    assert shown["url"]
    sessions = await market.stripe.client.v1.checkout.sessions.list_async()
    assert [one.url for one in sessions.data] == [shown["url"]]


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/paid",
        "http://127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000\\@evil.example/",
        "http://127.0.0.1:8000.evil.example/",
        "//127.0.0.1:8000/paid",
        "javascript:alert(1)",
        "http://127.0.0.1:8000/\tpaid",
    ],
)
async def test_nobody_is_sent_to_a_site_that_the_operator_does_not_allow(refused: Caller, place: str) -> None:
    body = {**PLACES, "success_url": place, "payment": AMOUNT}
    said = problem(await refused("POST", "/api/checkout", key="place", json=body))
    assert said["errors"][0]["pointer"] == "/success_url"
    assert said["detail"].startswith("success_url must be ")


@pytest.mark.parametrize(
    "what", [{}, {"payment": AMOUNT, "course": {"course_id": "crs_1"}}, {"subscription": {"tier": "gold"}}]
)
async def test_a_checkout_is_for_one_thing_that_it_can_be_for(refused: Caller, what: dict[str, Any]) -> None:
    body = {**PLACES, **what}
    assert (await refused("POST", "/api/checkout", key="what", json=body)).status_code == 422


async def test_a_student_buys_no_licence_and_sees_nobody_elses_checkout(
    pages: Pages, market: Market, ann: Caller
) -> None:
    licence = {"org_id": "org_1", "tier": "team"}
    assert (await pages.open(ann, licence=licence)).status_code == 403
    opened = (await pages.open(ann, payment=AMOUNT)).json()
    bob = await market.buyer("usr_bob")
    path = f"/api/checkout/{opened['checkout_id']}"
    assert (await bob.get(path)).status_code == 404
    assert (await bob("POST", f"{path}/expire", key="end", json={})).status_code == 404
    by_card = (await ann.pay("pm_card_visa")).json()
    assert (await ann.get(f"/api/checkout/{by_card['payment_id']}")).status_code == 404
    nowhere = problem(await ann.get("/api/checkout/chk_1"))
    assert nowhere["detail"] == "There is no checkout chk_1."


async def test_a_subscription_is_begun_on_a_page_and_followed_as_any_other(
    pages: Pages, market: Market, ann: Caller
) -> None:
    opened = await pages.open(ann, subscription={"tier": "pro"})
    assert opened.status_code == 201, opened.text
    shown = opened.json()
    assert (shown["status"], shown["subscription"]["status"]) == ("open", "requested")
    by_card = await ann.subscribe("pro", "pm_card_visa")
    assert (problem(by_card)["code"], shown["checkout_id"] in by_card.text) == ("subscription_exists", True)
    pages.pay(shown["url"])
    begun = await pages.told(ann, shown["checkout_id"], "complete")
    assert (begun["subscription"]["status"], begun["subscription"]["price_minor"]) == ("active", 999)
    assert (await ann.get("/api/subscriptions/current")).json()["tier"] == "pro"
    await market.app.projected()
    [invoice] = (await ann.get("/api/invoices")).json()["items"]
    assert (invoice["status"], invoice["charged_minor"]) == ("paid", 999)


async def test_a_trial_begins_on_a_page_and_is_had_once(pages: Pages, ann: Caller) -> None:
    plan = {"tier": "pro", "trial": True}
    shown = (await pages.open(ann, subscription=plan)).json()
    pages.pay(shown["url"])
    begun = await pages.told(ann, shown["checkout_id"], "complete")
    assert begun["subscription"]["status"] == "trialing"
    assert (await ann.get("/api/subscriptions/current")).json()["trial_available"] is False


async def test_a_page_of_a_subscription_that_nobody_uses_is_over_and_bars_nobody(
    pages: Pages, market: Market, ann: Caller
) -> None:
    ended = (await pages.open(ann, subscription={"tier": "pro"})).json()
    path = f"/api/checkout/{ended['checkout_id']}/expire"
    too_early = await ann("POST", "/api/subscriptions/cancel", key="too early", json={"at_once": True})
    assert path in problem(too_early)["detail"]
    second = problem(await pages.open(ann, subscription={"tier": "pro"}))
    assert path.removesuffix("/expire") + " has its address" in second["detail"]
    features = (await ann.get("/api/subscriptions/current")).json()["features"]
    assert "not_live" not in {one["reason"] for one in features}
    answer = await ann("POST", path, key="end", json={})
    assert (answer.status_code, answer.json()["status"]) == (200, "over")
    left = (await pages.open(ann, subscription={"tier": "pro"})).json()
    market.bench.advance(PAGE_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await pages.end_due() == 1
    await pages.becomes(ann, left["checkout_id"], "over")
    assert (await ann.subscribe("pro", "pm_card_visa")).status_code == 201


async def test_a_subscription_whose_page_was_paid_and_of_which_nothing_was_heard_is_found(
    pages: Pages, market: Market, ann: Caller
) -> None:
    shown = (await pages.open(ann, subscription={"tier": "pro"})).json()
    pages.pay(shown["url"])
    market.bench.advance(PAGE_LASTS + timedelta(minutes=1))
    market.stripe.clock.follow(market.bench.now())
    assert await pages.end_due() == 1
    begun = await pages.becomes(ann, shown["checkout_id"], "complete")
    assert begun["subscription"]["status"] == "active"


async def test_a_licence_is_bought_on_a_page(pages: Pages, market: Market) -> None:
    head, org_id = await founded(market)
    opened = await pages.open(head, licence={"org_id": org_id, "tier": "starter"})
    assert opened.status_code == 201, opened.text
    pages.pay(opened.json()["url"])
    await pages.told(head, opened.json()["checkout_id"], "complete")
    await market.app.projected()
    listed = (await head.get(LICENCES)).json()["items"]
    assert [one["terms"][0]["grant"]["tier"] for one in listed] == ["starter"]
    assert (await market.balances()).get(f"1100 {org_id}", 0) == 0


async def test_an_invoice_of_a_licence_is_paid_on_a_page_by_one_at_a_time(
    pages: Pages, market: Market, ann: Caller
) -> None:
    head, org_id = await founded(market)
    invoice = await invoiced(market, org_id)
    assert (await market.balances())[f"1100 {org_id}"] == 99_000
    stranger = market.app.caller("usr_stranger", "enterprise")
    said = [await pages.open(by, licence_invoice=invoice) for by in (ann, stranger)]
    said.append(await pages.open(head, licence_invoice={**invoice, "expected_minor": 1_000}))
    assert [(one.status_code, problem(one)["code"]) for one in said] == [
        (403, "forbidden"),
        (404, "not_found"),
        (409, "licence_price_changed"),
    ]
    opened = await pages.open(head, licence_invoice={**invoice, "expected_minor": 99_000})
    assert opened.status_code == 201, opened.text
    second = await pages.open(head, licence_invoice=invoice)
    assert problem(second)["code"] == "licence_payment_in_progress"
    pages.pay(opened.json()["url"])
    paid = await pages.told(head, opened.json()["checkout_id"], "complete")
    assert (paid["payment"]["purpose"], paid["payment"]["captured_minor"]) == ("licence", 99_000)
    held = await market.balances()
    assert (held.get(f"1100 {org_id}", 0), held.get(f"2300 {org_id}", 0)) == (0, 0)
    over = await pages.open(head, licence_invoice=invoice)
    assert problem(over)["code"] == "licence_invoice_not_open"


async def test_a_gift_with_a_coupon_is_paid_on_a_page_and_is_the_recipients(
    pages: Pages, market: Market, ann: Caller
) -> None:
    await coupon(market)
    gift = {"course_id": market.course_id, "gift_to": "usr_bob", "coupon": CODE}
    left = (await pages.open(ann, course=gift)).json()
    assert (left["payment"]["amount_minor"], await used(market)) == (3_920, {"reserved": 1})
    await ann("POST", f"/api/checkout/{left['checkout_id']}/expire", key="end", json={})
    await pages.becomes(ann, left["checkout_id"], "over")
    await uses_become(market, {"released": 1})
    opened = (await pages.open(ann, course=gift)).json()
    pages.pay(opened["url"])
    await pages.told(ann, opened["checkout_id"], "complete")
    await uses_become(market, {"released": 1, "confirmed": 1})
    bob = await market.buyer("usr_bob")
    async with market.working():
        await market.until(bob, "active")
    assert (await market.charged(), await market.enrolments(ann)) == ([3_920], [])


async def test_what_a_coupon_makes_free_needs_no_page(pages: Pages, market: Market, ann: Caller) -> None:
    await coupon(market, percent_bp=10_000)
    opened = await pages.open(ann, course={"course_id": market.course_id, "coupon": CODE})
    assert opened.status_code in {201, 202}, opened.text
    async with market.working():
        await market.until(ann, "active")
    assert await market.charged() == []


async def test_an_amount_that_stripe_refuses_is_told_of_what_was_to_be_bought(
    pages: Pages, market: Market, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its minimum is of the currency that it pays out in, so that ours may be too low."""
    head, org_id = await founded(market)
    invoice = await invoiced(market, org_id)
    kinds: tuple[tuple[Caller, dict[str, Any], str], ...] = (
        (ann, {"course": {"course_id": market.course_id}}, "not_chargeable"),
        (ann, {"subscription": {"tier": "pro"}}, "invalid_price"),
        (head, {"licence": {"org_id": org_id, "tier": "starter"}}, "licence_not_chargeable"),
        (head, {"licence_invoice": invoice}, "licence_not_chargeable"),
    )

    def too_small(*_: Any) -> None:
        raise invalid("It must convert to at least 50 cents.", code="amount_too_small", param="line_items")

    with monkeypatch.context() as stripe:
        stripe.setattr(sessions, "_check_mode", too_small)
        for buyer, what, code in kinds:
            said = problem(await pages.open(buyer, **what))
            assert (said["code"], said["checkout"]["status"]) == (code, "failed"), what
            assert "below Stripe's minimum" in said["detail"]
            assert not said.get("errors"), "the caller named no amount"
    for buyer, what, _ in kinds:
        await opens(pages, buyer, what)


@pytest.mark.parametrize("what", [{"payment": AMOUNT}, {"subscription": {"tier": "pro"}}])
async def test_a_page_that_stripe_refuses_to_open_is_a_refusal(
    pages: Pages, market: Market, ann: Caller, what: dict[str, Any]
) -> None:
    """Its clock is two hours ahead of ours here, so that the page would be over before it is open."""
    market.bench.advance(timedelta(hours=2))
    refused = await pages.open(ann, **what)
    said = problem(refused)
    assert (refused.status_code, said["code"]) == (409, "checkout_refused")
    shown = said["checkout"]
    assert (shown["status"], shown["url"], shown["failure"]["code"]) == ("failed", None, "invalid_request")
    assert await pages.look(ann, shown["checkout_id"]) == shown


async def test_an_amount_that_is_wrong_is_found_where_the_body_has_it(refused: Caller) -> None:
    body = {**PLACES, "payment": {**AMOUNT, "amount_minor": 12}}
    said = problem(await refused("POST", "/api/checkout", key="small", json=body))
    assert (said["code"], said["errors"][0]["pointer"]) == ("invalid_amount", "/payment/amount_minor")


async def test_pages_of_who_leaves_are_over(pages: Pages, market: Market, ann: Caller) -> None:
    amount = (await pages.open(ann, payment=AMOUNT)).json()
    plan = (await pages.open(ann, subscription={"tier": "pro", "interval": "month"})).json()
    assert (await ann("DELETE", "/api/me")).status_code == 204
    for opened in (amount, plan):
        await pages.becomes(ann, opened["checkout_id"], "over")
    sessions = (await market.stripe.client.v1.checkout.sessions.list_async()).data
    assert [one.status for one in sessions] == ["expired", "expired"]
