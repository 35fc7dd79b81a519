"""Refunds and disputes as Stripe lives them: in full, in part, failing later, made in its dashboard."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.payments.refunds import why_not_refunded
from ledger.payments.events import RefundFailed
from tests.api.stripe.world import Bench, World

FEE = 320
DISPUTE_FEE = 1_500


async def settled(world: World, card: str = "pm_card_visa") -> str:
    payment_id = await world.pay(card)
    await world.receive(await world.events())
    return payment_id


async def balances_agree(world: World) -> None:
    await world.receive(await world.events())
    in_books = {currency: held for currency, held in (await world.stripe_in_books()).items() if held}
    assert in_books == {currency: held for currency, held in (await world.stripe_balance()).items() if held}


async def test_a_full_refund_is_recorded_with_its_money_at_once(world: World) -> None:
    payment_id = await settled(world)
    refund_id = await world.refund(payment_id)
    state = await world.payment(payment_id)
    assert state.refunds[refund_id].status == "succeeded"
    assert state.refundable_minor == 0
    assert (await world.facts(payment_id))[-3:] == ["refund_requested", "refund_settled", "refund_succeeded"]
    await balances_agree(world)
    assert await world.stripe_in_books() == {"usd": -FEE}


async def test_parts_add_up_to_the_whole(world: World) -> None:
    payment_id = await settled(world)
    for part in (3_333, 3_333, None):
        await world.refund(payment_id, part)
    refunds = (await world.payment(payment_id)).refunds.values()
    assert [refund.amount_minor for refund in refunds] == [3_333, 3_333, 3_334]
    assert {refund.status for refund in refunds} == {"succeeded"}
    await balances_agree(world)


async def test_delivering_a_refund_again_gives_nothing_back(world: World) -> None:
    payment_id = await settled(world)
    refund_id = await world.refund(payment_id, 1_000)
    assert (await world.deliver_refund(payment_id, refund_id)).outcome is None
    await balances_agree(world)


async def test_a_refund_that_fails_later_gives_the_money_back(world: World, bench: Bench) -> None:
    payment_id = await settled(world, card="pm_card_refundFail")
    refund_id = await world.refund(payment_id)
    assert (await world.payment(payment_id)).refunds[refund_id].status == "succeeded"
    bench.advance(timedelta(days=2), world)
    await balances_agree(world)
    state = await world.payment(payment_id)
    assert state.refunds[refund_id].status == "failed"
    assert state.refundable_minor == 10_000
    facts = await world.store.read_stream(f"payment-{payment_id}")
    [failed] = [fact for fact in facts if isinstance(fact.event, RefundFailed)]
    # dated by Stripe's own time, a day after the refund, not by the time of the webhook
    assert failed.metadata.effective_at - facts[0].metadata.effective_at < timedelta(days=1, minutes=1)
    assert await world.stripe_in_books() == {"usd": 10_000 - FEE}


async def test_a_pending_refund_waits_for_the_bank(world: World, bench: Bench) -> None:
    payment_id = await settled(world, card="pm_card_pendingRefund")
    refund_id = await world.refund(payment_id, 2_000)
    assert (await world.payment(payment_id)).refunds[refund_id].status == "pending"
    bench.advance(timedelta(days=2), world)
    await balances_agree(world)
    assert (await world.payment(payment_id)).refunds[refund_id].status == "succeeded"


async def test_a_refund_made_in_the_dashboard_is_a_fact_of_its_own(world: World) -> None:
    payment_id = await settled(world)
    charge_id = (await world.payment(payment_id)).charge_id
    made = await world.client.v1.refunds.create_async({"charge": charge_id, "amount": 1_500})
    await balances_agree(world)
    state = await world.payment(payment_id)
    assert state.refunds[made.id].status == "succeeded"
    assert state.refundable_minor == 8_500
    assert "refund_made_outside" in await world.facts(payment_id)


async def test_what_the_dashboard_refunded_cannot_be_refunded_again(world: World) -> None:
    payment_id = await settled(world)
    charge_id = (await world.payment(payment_id)).charge_id
    refund_id = await world.request_refund(payment_id)
    await world.client.v1.refunds.create_async({"charge": charge_id})
    await world.deliver_refund(payment_id, refund_id)
    assert (await world.payment(payment_id)).refunds[refund_id].status == "failed"
    await balances_agree(world)
    assert (await world.payment(payment_id)).refundable_minor == 0


@pytest.mark.parametrize(("end", "status"), [("won", "succeeded"), ("lost", "charged_back")])
async def test_a_dispute_takes_the_money_and_a_win_brings_it_back(
    world: World, bench: Bench, end: str, status: str
) -> None:
    payment_id = await settled(world)
    dispute_id = bench.dispute((await world.payment(payment_id)).charge_id)
    await balances_agree(world)
    assert (await world.payment(payment_id)).status == "disputed"
    assert await world.stripe_in_books() == {"usd": -FEE - DISPUTE_FEE}
    bench.advance(timedelta(days=5), world)
    bench.resolve(dispute_id, won=end == "won")
    await balances_agree(world)
    state = await world.payment(payment_id)
    assert state.disputes[dispute_id].status == end
    assert state.status == status
    [row] = await world.rows(
        "SELECT COALESCE(sum(debit_minor - credit_minor), 0) AS open FROM balances WHERE account = '1200'"
    )
    assert row["open"] == 0


async def test_an_inquiry_moves_no_money_until_it_escalates(world: World, bench: Bench) -> None:
    payment_id = await settled(world)
    dispute_id = bench.dispute((await world.payment(payment_id)).charge_id, inquiry=True)
    await balances_agree(world)
    assert (await world.payment(payment_id)).status == "succeeded"
    bench.escalate(dispute_id)
    await balances_agree(world)
    assert (await world.payment(payment_id)).status == "disputed"


async def test_a_dispute_of_what_a_refund_left(world: World, bench: Bench) -> None:
    payment_id = await settled(world)
    await world.refund(payment_id, 4_000)
    bench.dispute((await world.payment(payment_id)).charge_id)
    await balances_agree(world)
    assert (await world.payment(payment_id)).refundable_minor == 0


async def test_a_payout_leaves_stripe_and_a_failed_one_comes_back(world: World, bench: Bench) -> None:
    await settled(world, card="pm_card_bypassPending")
    payout = await world.client.v1.payouts.create_async({"amount": 5_000, "currency": "usd"})
    await balances_agree(world)
    [row] = await world.rows("SELECT payout_id, status FROM payouts")
    assert row["payout_id"] == payout.id
    bench.advance(timedelta(days=2), world)
    await balances_agree(world)
    [row] = await world.rows("SELECT status FROM payouts")
    assert row["status"] == "paid"


async def test_what_a_lost_dispute_of_a_part_left_is_not_refunded_and_the_answer_says_why(
    world: World, bench: Bench
) -> None:
    payment_id = await settled(world)
    dispute_id = bench.dispute((await world.payment(payment_id)).charge_id, 4_000)
    await balances_agree(world)
    bench.resolve(dispute_id, won=False)
    await balances_agree(world)
    refund_id = await world.refund(payment_id, 1_000)
    refund = (await world.payment(payment_id)).refunds[refund_id]
    assert refund.status == "failed"
    failed = (await world.store.read_stream(f"payment-{payment_id}"))[-1].event
    assert isinstance(failed, RefundFailed)
    assert "Stripe refunds no such charge" in why_not_refunded(failed.reason)
    await balances_agree(world)
