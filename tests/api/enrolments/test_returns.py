"""A course given back over HTTP: what its buyer is told, that it is once, and that each step can be read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.stripe.payments import lookup
from api.stripe.payments.create import present_of, record_present
from ledger.effects import CreateRefund, FollowSale, RefundCoursePayment
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.stream import stream_of
from ledger.message import Origin
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.support import Caller, problem, until

SYSTEM = Origin(actor="stripe", roles=frozenset({"system"}))
DISPUTED = "pm_card_createDispute"


async def bought(market: Market, buyer: Caller, card: str = "pm_card_visa", **more: Any) -> str:
    """The payment's id."""
    answer = await buyer.buy(market.course_id, card, **more)
    assert answer.status_code == 201, answer.text
    payment_id: str = answer.json()["payment"]["payment_id"]
    return payment_id


async def told(caller: Caller, refund: Any) -> dict[str, str]:
    """The steps that apply, as a read says that has seen as much as the answer `refund`."""
    seen = {"Ledger-Position": refund.headers["ledger-position"]}
    answer = await caller.get(refund.headers["location"], headers=seen)
    assert answer.status_code == 200, answer.text
    steps = {one["step"]: one["state"] for one in answer.json()["steps"]}
    assert list(steps) == ["money", "access", "review", "certificate", "coupon", "share", "tokens"]
    return {step: state for step, state in steps.items() if state != "not_applicable"}


async def is_frozen(market: Market, learner_id: str = "usr_ann") -> bool:
    enrolment = await market.stripe.store.state(ENROLMENT, stream_of(market.course_id, learner_id))
    return bool(enrolment.returning)


async def stripe_refunds(market: Market) -> list[Any]:
    found: list[Any] = (await market.stripe.client.v1.refunds.list_async({"limit": 100})).data
    return found


async def refunded(market: Market) -> list[int]:
    """What Stripe gave back, and how often."""
    return [one.amount for one in await stripe_refunds(market) if one.status == "succeeded"]


async def dispute_is_heard_of(market: Market, payment_id: str) -> None:
    gateway = market.stripe.gateway
    [intent] = (await market.stripe.client.v1.payment_intents.list_async()).data
    tools, found = gateway._tools, await lookup.payment_intent(market.stripe.client, intent.id)
    present = await present_of(tools, found, with_disputes=True)
    await record_present(tools, payment_id, present, SYSTEM)


def admin(market: Market) -> Caller:
    return market.app.caller("usr_root", "admin")


async def test_a_return_is_one_request_and_each_of_its_steps_can_be_read(market: Market, ann: Caller) -> None:
    payment_id = await bought(market, ann)
    answer = await ann.refund(payment_id, key="one", note="Not for me.", reason="duplicate")
    assert answer.status_code == 201, answer.text
    refund = answer.json()
    assert (refund["status"], refund["amount_minor"], refund["access"]) == ("succeeded", 4900, "done")
    assert (refund["note"], refund["reason"]) == ("Not for me.", "duplicate")
    assert answer.headers["location"] == refund["url"] == f"/api/refunds/{refund['refund_id']}"
    steps = await told(ann, answer)
    assert (steps["money"], steps["access"]) == ("done", "done")
    assert await told(admin(market), answer) == steps
    bob = await market.buyer("usr_bob")
    assert (await bob.get(refund["url"])).status_code == 404
    assert (await ann.get("/api/refunds/re_nowhere")).status_code == 404
    assert [one["status"] for one in await market.enrolments(ann)] == ["revoked"]
    shown = (await ann.get(f"/api/payments/{payment_id}")).json()
    assert [one["url"] for one in shown["refunds"]] == [refund["url"]]
    async with market.app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")  # as after a crash
    again = await ann.refund(payment_id, key="one", note="Not for me.", reason="duplicate")
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (201, refund, "true")
    assert await refunded(market) == [4900]
    assert (await ann.buy(market.course_id)).status_code == 201, "it can be bought again"


async def test_the_authors_share_is_a_step_that_waits_for_the_books(market: Market, ann: Caller) -> None:
    answer = await ann.refund(await bought(market, ann))

    async def share_is(state: str) -> None:
        async def is_so() -> bool:
            return (await told(ann, answer))["share"] == state

        await until(is_so)

    async with market.working():
        await market.receive()
        await share_is("done")
        assert f"2100 {AUTHOR}" not in await market.balances()
        [refund] = (await market.stripe.client.v1.refunds.list_async()).data
        market.bench.fail_refund(refund.id)
        await market.receive()
        await share_is("undone")
        await market.until(ann, "active")
    assert await told(ann, answer) == {"money": "undone", "access": "undone", "share": "undone"}
    assert (await market.balances())[f"2100 {AUTHOR}"] == -3430


@pytest.mark.parametrize("step", [RefundCoursePayment, CreateRefund, FollowSale])
async def test_wherever_a_return_stops_it_says_so_and_the_worker_goes_on(
    market: Market, ann: Caller, step: type[Any]
) -> None:
    payment_id = await bought(market, ann)
    market.stripe.gateway.dies_at = step
    cut = await ann.refund(payment_id, key="one")
    assert cut.status_code == (201 if step is FollowSale else 202)
    assert (cut.json()["access"], cut.json()["amount_minor"]) == ("waiting", 4900)
    assert (await told(ann, cut))["access"] == "waiting"
    assert await is_frozen(market)
    async with market.working():
        await market.until(ann, "revoked")
    assert (await told(ann, cut))["access"] == "done"
    if step is RefundCoursePayment:
        done = await ann.refund(payment_id, key="one")
        assert (done.status_code, done.json()["access"]) == (201, "done")
    assert await refunded(market) == [4900]
    assert not await is_frozen(market)


async def test_a_part_is_not_the_buyers_to_ask_for(market: Market, ann: Caller) -> None:
    payment_id = await bought(market, ann)
    refused = await ann.refund(payment_id, amount_minor=4851)
    said = problem(refused)
    assert (refused.status_code, said["code"]) == (422, "whole_return_only")
    assert [one["pointer"] for one in said["errors"]] == ["/amount_minor"]
    assert "49.00 USD" in said["detail"]
    forbidden = await ann.refund(payment_id, revoke_access=True)
    assert (forbidden.status_code, problem(forbidden)["code"]) == (403, "forbidden")
    assert not await is_frozen(market)
    assert (await ann.refund(payment_id, amount_minor=4900)).status_code == 201, "all of it is no part"


async def test_who_has_learnt_a_third_is_refunded_by_an_admin_alone_and_the_review_goes_along(
    market: Market, ann: Caller
) -> None:
    payment_id = await bought(market, ann)
    await market.app.projected()
    path = f"/api/courses/{market.course_id}"
    items = [item["item_id"] for item in (await ann.get(path)).json()["items"]]
    done = await ann("POST", f"{path}/progress", key="done", json={"items_done": items})
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    praise = {"rating": 5, "text": "All of it."}
    assert (await ann("POST", f"{path}/reviews", key="praise", json=praise)).status_code == 201
    refused = await ann.refund(payment_id)
    assert (refused.status_code, problem(refused)["code"]) == (409, "learnt_too_much")
    assert not await is_frozen(market)
    answer = await admin(market).refund(payment_id, note="The sound was missing.")
    assert answer.status_code == 201, answer.text
    steps = await told(ann, answer)
    assert (steps["access"], steps["review"], steps["tokens"]) == ("done", "done", "done")
    await market.app.projected()
    assert (await ann.get(f"{path}/reviews")).json()["rating"]["count"] == 0


async def test_what_the_payment_refuses_is_refused_before_anything_is_frozen(
    market: Market, ann: Caller
) -> None:
    payment_id = await bought(market, ann, DISPUTED)
    bob = await market.buyer("usr_bob")
    assert (await bob.refund(payment_id)).status_code == 404
    await dispute_is_heard_of(market, payment_id)
    refused = await ann.refund(payment_id)
    assert (refused.status_code, problem(refused)["code"]) == (409, "dispute_open")
    market.bench.advance(timedelta(days=31))
    market.stripe.clock.follow(market.bench.now())
    other = await market.buyer("usr_cem")
    paid = await bought(market, other)
    market.bench.advance(timedelta(days=31))
    market.stripe.clock.follow(market.bench.now())
    late = await other.refund(paid)
    assert (late.status_code, problem(late)["code"]) == (409, "refund_window_closed")
    assert not await is_frozen(market)
    assert not await is_frozen(market, "usr_cem")


async def test_a_dispute_of_that_very_moment_ends_the_return_in_words(market: Market, ann: Caller) -> None:
    payment_id = await bought(market, ann, DISPUTED)
    market.stripe.gateway.dies_at = RefundCoursePayment
    assert (await ann.refund(payment_id, key="one")).status_code == 202
    await dispute_is_heard_of(market, payment_id)
    market.stripe.gateway.dies_at = None
    refused = await ann.refund(payment_id, key="one")
    assert (refused.status_code, problem(refused)["code"]) == (409, "dispute_open")
    assert not await is_frozen(market), "and it is learnt on"
    assert [one["status"] for one in await market.enrolments(ann)] == ["active"]


async def test_an_administrators_part_keeps_the_course_unless_it_is_to_take_it(
    market: Market, ann: Caller
) -> None:
    payment_id, root = await bought(market, ann), admin(market)
    why = {"note": "The sound is bad."}
    kept = await root.refund(payment_id, amount_minor=1000, **why)
    assert (kept.status_code, kept.json()["access"]) == (201, "kept")
    assert (await told(ann, kept))["access"] == "kept"
    assert [one["status"] for one in await market.enrolments(ann)] == ["active"]
    taken = await root.refund(payment_id, amount_minor=100, revoke_access=True, key="one", **why)
    assert (taken.status_code, taken.json()["access"]) == (201, "done")
    assert (await told(root, taken))["access"] == "done"
    assert [one["status"] for one in await market.enrolments(ann)] == ["revoked"]
    plain = (await ann.pay("pm_card_visa")).json()["payment_id"]
    nothing = await root.refund(plain, amount_minor=100, revoke_access=True, **why)
    assert (nothing.status_code, problem(nothing)["code"]) == (409, "nothing_to_revoke")
    assert (await root.refund(plain, **why)).json()["access"] == "not_applicable"


async def test_who_lost_the_course_for_a_part_of_its_price_asks_for_the_rest(
    market: Market, ann: Caller
) -> None:
    payment_id, root = await bought(market, ann), admin(market)
    taken = await root.refund(payment_id, amount_minor=100, revoke_access=True, note="Broken.")
    assert taken.json()["access"] == "done"
    rest = await ann.refund(payment_id, key="one")
    assert (rest.status_code, rest.json()["amount_minor"], rest.json()["access"]) == (201, 4800, "done")
    assert (await told(ann, rest))["access"] == "done"
    assert (await ann.refund(payment_id, key="one")).json() == rest.json()
    assert await refunded(market) == [4800, 100]
    assert not await is_frozen(market)
    nothing = await ann.refund(payment_id)
    assert (nothing.status_code, problem(nothing)["code"]) == (409, "already_refunded")


async def test_a_part_that_bounces_after_the_rest_was_returned_gives_the_course_again(
    market: Market, ann: Caller
) -> None:
    payment_id, root = await bought(market, ann), admin(market)
    part = await root.refund(payment_id, amount_minor=4800, note="The sound is bad.")
    rest = await ann.refund(payment_id)
    assert (rest.json()["amount_minor"], rest.json()["access"]) == (100, "done")
    [bounced] = [one for one in await stripe_refunds(market) if one.amount == 4800]
    market.bench.fail_refund(bounced.id)
    async with market.working():
        await market.receive()
        await market.until(ann, "active")
    again = await ann.refund(payment_id)
    assert (again.status_code, again.json()["amount_minor"], again.json()["access"]) == (201, 4800, "done")
    assert (await ann.get(f"/api/refunds/{part.json()['refund_id']}")).json()["status"] == "failed"


async def test_a_gift_is_returned_by_its_giver(market: Market, ann: Caller) -> None:
    payment_id = await bought(market, ann, gift_to="usr_bob")
    bob = await market.buyer("usr_bob")
    assert (await bob.refund(payment_id)).status_code == 404
    answer = await ann.refund(payment_id)
    assert (answer.status_code, answer.json()["access"]) == (201, "done")
    assert [one["status"] for one in await market.enrolments(bob)] == ["revoked"]
