"""What becomes of a payment's row, of its refunds' and its disputes': given facts, then rows."""

from __future__ import annotations

import pytest

from ledger.message import Event
from ledger.payments import events
from projections.engine.projection import CannotProject
from projections.payments.disputes import DisputeRow
from projections.payments.payment import PaymentRow
from projections.payments.projection import Payments
from projections.payments.refunds import RefundRow
from tests.projections.histories import (
    append,
    dispute_opened,
    history,
    initiated,
    refund_requested,
    refund_settled,
    refund_succeeded,
    reinstated,
    settled,
    succeeded,
    withdrawn,
)
from tests.projections.tables import catch_up, select

CAPTURED = (initiated("pay_1"), succeeded("pay_1"))


def fold(*facts: Event) -> Payments:
    payments = Payments()
    payments.project_batch(history(*(("payment-pay_1", (fact,)) for fact in facts)))
    return payments


def payment(*facts: Event) -> PaymentRow:
    row = fold(*facts)._payments.find("pay_1")
    assert row is not None
    return row


def refund(*facts: Event) -> RefundRow:
    row = fold(*facts)._refunds.find("re_1")
    assert row is not None
    return row


def dispute(*facts: Event) -> DisputeRow:
    row = fold(*facts)._disputes.find("dp_pay_1")
    assert row is not None
    return row


def test_a_payment_begins_with_nothing_captured() -> None:
    row = payment(initiated("pay_1", 700))

    assert (row.status, row.amount_minor, row.captured_minor, row.captured_at) == ("initiated", 700, 0, None)
    assert (row.position, row.last_position) == (1, 1)


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (events.PaymentProcessing(payment_intent_id="pi"), "processing"),
        (events.PaymentActionRequired(payment_intent_id="pi", action="https://3ds.test"), "requires_action"),
        (events.PaymentFailed(code="card_declined", decline_code="lost_card"), "failed"),
        (events.PaymentCanceled(payment_intent_id="pi"), "canceled"),
        (events.PaymentOutcomeUnknown(cause="time-out"), "unknown"),
    ],
)
def test_what_stripe_says_is_its_status(fact: Event, status: str) -> None:
    assert payment(initiated("pay_1"), fact).status == status


def test_success_forgets_what_went_wrong_before() -> None:
    failed = events.PaymentFailed(code="card_declined", decline_code="lost_card")
    row = payment(initiated("pay_1"), failed, succeeded("pay_1"))

    assert (row.status, row.failure_code, row.decline_code, row.captured_minor) == (
        "succeeded",
        "",
        "",
        10_000,
    )


def test_settlement_gives_fee_and_net_in_their_own_currency() -> None:
    row = payment(*CAPTURED, settled("pay_1", 9_000, "eur"))

    assert (row.fee_minor, row.net_minor, row.settlement_currency) == (291, 8_709, "eur")
    assert not row.funds_available


def test_a_refund_under_way_is_pending_until_it_succeeds() -> None:
    begun = (*CAPTURED, refund_requested("pay_1", "re_1", 4_000))
    assert (payment(*begun).refund_pending_minor, payment(*begun).refunded_minor) == (4_000, 0)

    done = (*begun, refund_settled("re_1", 4_000), refund_succeeded("re_1", 4_000))
    assert (payment(*done).refund_pending_minor, payment(*done).refunded_minor) == (0, 4_000)
    assert (refund(*done).status, refund(*done).stripe_refund_id) == ("succeeded", "re_re_1")


def test_a_refund_of_unknown_outcome_is_still_under_way() -> None:
    unknown = events.RefundOutcomeUnknown(refund_id="re_1", cause="5xx")
    facts = (*CAPTURED, refund_requested("pay_1", "re_1", 4_000), unknown)

    assert payment(*facts).refund_pending_minor == 4_000
    assert refund(*facts).status == "unknown"


@pytest.mark.parametrize(
    "end", [events.RefundFailed(refund_id="re_1", reason="closed"), events.RefundCanceled(refund_id="re_1")]
)
def test_a_refund_that_fails_after_it_succeeded_gives_the_amount_back(end: Event) -> None:
    row = payment(*CAPTURED, refund_requested("pay_1", "re_1", 4_000), refund_succeeded("re_1", 4_000), end)

    assert (row.refunded_minor, row.refund_pending_minor) == (0, 0)


def test_a_refund_made_outside_is_pending_and_marked() -> None:
    outside = events.RefundMadeOutside(payment_id="pay_1", refund_id="re_1", amount_minor=500, currency="usd")
    row = refund(*CAPTURED, outside)

    assert (row.status, row.outside, row.stripe_refund_id) == ("pending", True, "re_1")
    assert payment(*CAPTURED, outside).refund_pending_minor == 500


def test_an_inquiry_leaves_the_payment_as_it_is_until_it_escalates() -> None:
    opened = dispute_opened("pay_1", inquiry=True)
    escalated = events.DisputeStatusChanged(dispute_id="dp_pay_1", status="needs_response")

    assert payment(*CAPTURED, opened).status == "succeeded"
    assert payment(*CAPTURED, opened, escalated).status == "disputed"


def test_a_dispute_withholds_until_it_is_won_or_for_ever() -> None:
    opened = (*CAPTURED, dispute_opened("pay_1"), withdrawn("pay_1"))
    won = (*opened, reinstated("pay_1"), events.DisputeWon(dispute_id="dp_pay_1"))
    lost = (*opened, events.DisputeLost(dispute_id="dp_pay_1", withdrawn_minor=10_000, currency="usd"))

    assert (payment(*opened).status, payment(*opened).disputed_minor) == ("disputed", 10_000)
    assert (payment(*won).status, payment(*won).disputed_minor) == ("succeeded", 0)
    assert (payment(*lost).status, payment(*lost).disputed_minor) == ("charged_back", 10_000)
    assert dispute(*won).status == "won"


def test_a_dispute_settled_in_another_currency_withholds_the_charges_amount() -> None:
    row = payment(*CAPTURED, dispute_opened("pay_1", 8_000), withdrawn("pay_1", 7_100, "eur"))

    assert row.disputed_minor == 8_000


def test_a_fact_about_a_payment_that_never_began_cannot_be_projected_and_its_place_is_named() -> None:
    with pytest.raises(CannotProject, match=r"payments.succeeded.v1 at position 1 .*no row pay_1"):
        fold(succeeded("pay_1"))


@pytest.mark.postgres
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_dispute_that_is_known_before_the_capture_counts_in_any_batch(
    database_url: str, batch: int
) -> None:
    facts = (initiated("pay_1"), dispute_opened("pay_1"), succeeded("pay_1"))
    append(database_url, history(*(("payment-pay_1", (fact,)) for fact in facts)))
    assert catch_up(database_url, batch=batch).errors == {}

    assert select(database_url, "SELECT status FROM payments") == [{"status": "disputed"}]
