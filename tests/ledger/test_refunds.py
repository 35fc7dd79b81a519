from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import NotFound, Refused
from ledger.payments.commands import PaymentCommand, RecordRefundFailure, RecordRefundUnknown
from ledger.payments.decider import decide
from ledger.payments.events import (
    PaymentSucceeded,
    RefundFailed,
    RefundMadeOutside,
    RefundOutcomeUnknown,
    RefundPending,
    RefundRequested,
    RefundReversed,
    RefundSettled,
    RefundSucceeded,
)
from ledger.payments.refusals import (
    AlreadyRefunded,
    DisputeOpen,
    InvalidAmount,
    InvalidText,
    NoteRequired,
    PaymentNotCaptured,
    RefundExceedsRemainder,
    RefundExists,
    RefundWindowClosed,
)
from tests.ledger.examples import (
    CHARGE,
    DAY,
    INTENT,
    NOON,
    PAYMENT_ID,
    captured,
    dispute,
    given,
    initiated,
    names,
    refund,
    request_refund,
    snapshot,
    txn,
    when,
)

BOOKED = txn("refund", -4000)
GIVEN_BACK = txn("refund_failure", 4000)


def refund_failure(refund_id: str = "re_1") -> RecordRefundFailure:
    return RecordRefundFailure(
        command_id="c", effective_at=NOON, payment_id=PAYMENT_ID, refund_id=refund_id, reason="declined"
    )


def refund_unknown(refund_id: str = "re_1") -> RecordRefundUnknown:
    return RecordRefundUnknown(
        command_id="c", effective_at=NOON, payment_id=PAYMENT_ID, refund_id=refund_id, cause="timeout"
    )


def test_an_owner_asks_for_a_part_back() -> None:
    assert decide(request_refund(4000), captured()) == (
        RefundRequested(
            payment_id=PAYMENT_ID,
            refund_id="re_1",
            payment_intent_id=INTENT,
            amount_minor=4000,
            currency="usd",
            reason="requested_by_customer",
        ),
    )


def test_no_amount_means_all_that_is_left() -> None:
    payment, _ = when(captured(), request_refund(4000))
    (event,) = decide(request_refund(refund_id="re_2"), payment)
    assert isinstance(event, RefundRequested)
    assert event.amount_minor == 6000


@pytest.mark.parametrize(
    ("changes", "refusal", "hint"),
    [
        ({"amount": 10001}, RefundExceedsRemainder, r"At most 100\.00 USD"),
        ({"amount": 0}, InvalidAmount, "at least 0.01 USD"),
        ({"amount": -5}, InvalidAmount, "it was -0.05 USD"),
        ({"user_id": "usr_bob"}, NotFound, "no payment pay_1"),
        ({"effective_at": NOON + 31 * DAY}, RefundWindowClosed, "ask an administrator"),
        ({"by_admin": True, "user_id": "usr_root"}, NoteRequired, "`note`"),
        ({"by_admin": True, "user_id": "usr_root", "note": "  "}, NoteRequired, "`note`"),
        ({"note": "x" * 501}, InvalidText, "at most 500"),
        ({"note": "a\0"}, InvalidText, "NUL"),
        ({"refund_id": ""}, InvalidText, "must not be empty"),
    ],
)
def test_a_refund_is_refused_with_what_to_do(
    changes: dict[str, Any], refusal: type[Refused], hint: str
) -> None:
    with pytest.raises(refusal, match=hint):
        decide(request_refund(**changes), captured())


def test_someone_elses_payment_looks_like_none_at_all() -> None:
    with pytest.raises(NotFound) as theirs:
        decide(request_refund(user_id="usr_bob"), captured())
    with pytest.raises(NotFound) as nobodys:
        decide(request_refund(user_id="usr_bob"), given())
    assert theirs.value.detail == nobodys.value.detail


def test_the_window_closes_after_the_thirtieth_day() -> None:
    assert decide(request_refund(effective_at=NOON + 30 * DAY), captured())


def test_without_a_time_of_capture_the_settlement_opens_the_window() -> None:
    old = PaymentSucceeded(payment_intent_id=INTENT, charge_id=CHARGE, amount_minor=10000, currency="usd")
    payment, _ = when(given(initiated(), old), snapshot())
    assert decide(request_refund(), payment)


def test_an_administrator_refunds_later_and_says_why() -> None:
    command = request_refund(
        effective_at=NOON + 400 * DAY, by_admin=True, user_id="usr_root", note="goodwill"
    )
    (event,) = decide(command, captured())
    assert isinstance(event, RefundRequested)
    assert event.note == "goodwill"


def test_what_was_not_captured_cannot_be_refunded() -> None:
    with pytest.raises(PaymentNotCaptured, match="is initiated"):
        decide(request_refund(), given(initiated()))


def test_a_refund_id_is_used_once() -> None:
    payment, _ = when(captured(), request_refund(4000))
    assert decide(request_refund(4000), payment) == decide(request_refund(), payment) == ()
    with pytest.raises(RefundExists):
        decide(request_refund(3000), payment)


def test_a_refund_of_ours_that_a_restored_ledger_has_lost_is_taken_up() -> None:
    payment, events = when(captured(), snapshot(refunds=(refund(balance_transaction=BOOKED),)))
    assert names(events) == ["RefundRequested", "RefundSettled", "RefundSucceeded"]
    assert payment.refunds["re_1"].stripe_refund_id == "re_stripe_1"
    assert payment.refundable_minor == 6000
    assert decide(request_refund(4000), payment) == (), "the request that made it comes again"


def test_the_repeat_and_stripes_word_of_a_lost_refund_end_alike_in_any_order() -> None:
    told = snapshot(refunds=(refund(balance_transaction=BOOKED),))
    ours = request_refund(4000)
    assert when(captured(), ours, told)[0] == when(captured(), told, ours)[0]


def test_one_that_was_recorded_under_stripes_id_before_stays_that() -> None:
    payment, _ = when(captured(), snapshot(refunds=(refund(refund_id=""),)))
    payment, events = when(payment, snapshot(refunds=(refund(),)))
    assert (events, set(payment.refunds)) == ((), {"re_stripe_1"})


def test_a_payment_that_is_refunded_says_so() -> None:
    payment, _ = when(captured(), request_refund())
    with pytest.raises(AlreadyRefunded, match="Nothing is left"):
        decide(request_refund(refund_id="re_2"), payment)


def test_no_refund_while_a_chargeback_is_open() -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("needs_response"),)))
    with pytest.raises(DisputeOpen, match="pay twice: wait for the bank's decision, or ask support"):
        decide(request_refund(), payment)
    with pytest.raises(DisputeOpen, match="pay twice: answer the dispute"):
        decide(request_refund(by_admin=True, user_id="usr_root", note="Asked for"), payment)


def test_an_inquiry_can_be_answered_by_a_refund() -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("warning_needs_response"),)))
    assert names(decide(request_refund(), payment)) == ["RefundRequested"]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_what_a_refund_did_not_give_back_can_be_asked_for_again(status: str) -> None:
    payment, _ = when(captured(), request_refund(), snapshot(refunds=(refund(status, amount_minor=10000),)))
    assert payment.refundable_minor == 10000


def test_an_unanswered_refund_still_counts_as_given_back() -> None:
    payment, events = when(captured(), request_refund(4000), refund_unknown())
    assert events[-1] == RefundOutcomeUnknown(refund_id="re_1", cause="timeout")
    assert payment.refundable_minor == 6000
    assert decide(refund_unknown(), payment) == ()


def test_a_refused_refund_frees_its_amount() -> None:
    payment, events = when(captured(), request_refund(4000), refund_unknown(), refund_failure())
    assert events[-1] == RefundFailed(refund_id="re_1", reason="declined")
    assert payment.refundable_minor == 10000
    assert decide(refund_failure(), payment) == ()


@pytest.mark.parametrize("command", [refund_failure("re_9"), refund_unknown("re_9")])
def test_an_answer_to_no_request_is_refused(command: PaymentCommand) -> None:
    with pytest.raises(NotFound, match="no refund re_9"):
        decide(command, captured())


def test_a_pending_refund_settles_then_succeeds() -> None:
    payment, events = when(
        captured(),
        request_refund(4000),
        snapshot(refunds=(refund("requires_action"),)),
        snapshot(refunds=(refund("succeeded", balance_transaction=BOOKED),)),
    )
    assert events[1:] == (
        RefundPending(refund_id="re_1", stripe_refund_id="re_stripe_1"),
        RefundSettled(refund_id="re_1", stripe_refund_id="re_stripe_1", balance_transaction=BOOKED),
        RefundSucceeded(refund_id="re_1", stripe_refund_id="re_stripe_1", amount_minor=4000, currency="usd"),
    )
    assert payment.refundable_minor == 6000


def test_pending_after_success_is_old_news() -> None:
    payment, _ = when(captured(), request_refund(4000), snapshot(refunds=(refund("succeeded"),)))
    assert decide(snapshot(refunds=(refund("pending"),)), payment) == ()


def test_a_refund_that_bounces_after_success_is_reverted() -> None:
    payment, _ = when(
        captured(),
        request_refund(4000),
        snapshot(refunds=(refund("succeeded", balance_transaction=BOOKED),)),
    )
    bounced = refund(
        "failed",
        failure_reason="lost_or_stolen_card",
        balance_transaction=BOOKED,
        failure_balance_transaction=GIVEN_BACK,
    )
    payment, events = when(payment, snapshot(refunds=(bounced,)))
    assert events == (
        RefundFailed(refund_id="re_1", reason="lost_or_stolen_card", stripe_refund_id="re_stripe_1"),
        RefundReversed(refund_id="re_1", balance_transaction=GIVEN_BACK),
    )
    assert payment.refundable_minor == 10000
    assert decide(snapshot(refunds=(refund("succeeded"),)), payment) == ()


def test_a_refund_that_stripe_made_after_all_is_a_fact() -> None:
    payment, _ = when(captured(), request_refund(4000), refund_failure())
    payment, _ = when(payment, snapshot(refunds=(refund("succeeded"),)))
    assert payment.refundable_minor == 6000


def test_a_refund_made_in_stripes_dashboard_is_recorded_unasked() -> None:
    outside = refund("succeeded", refund_id="", amount_minor=10000, reason="duplicate")
    payment, events = when(captured(), snapshot(refunds=(outside,)))
    assert events[0] == RefundMadeOutside(
        payment_id=PAYMENT_ID,
        refund_id="re_stripe_1",
        amount_minor=10000,
        currency="usd",
        reason="duplicate",
    )
    assert payment.refundable_minor == 0
    assert decide(snapshot(refunds=(outside,)), payment) == ()


def test_a_second_stripe_refund_for_one_request_is_a_fact_of_its_own() -> None:
    twice = (refund(), refund(stripe_refund_id="re_stripe_2"))
    payment, events = when(captured(), request_refund(4000), snapshot(refunds=twice))
    assert names(events)[1:] == ["RefundSucceeded", "RefundMadeOutside", "RefundSucceeded"]
    assert payment.refundable_minor == 2000


def test_the_order_in_which_stripe_lists_refunds_does_not_matter() -> None:
    payment, _ = when(captured(), request_refund(4000))
    twice = (refund(), refund(stripe_refund_id="re_stripe_2"))
    listed, reversed_ = snapshot(refunds=twice), snapshot(refunds=twice[::-1])
    assert decide(listed, payment) == decide(reversed_, payment)


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_never_took_money_ends_once(status: str) -> None:
    payment, _ = when(captured(), request_refund(4000), snapshot(refunds=(refund(status),)))
    assert decide(snapshot(refunds=(refund(status),)), payment) == ()


def test_more_given_back_than_captured_leaves_nothing_and_never_less() -> None:
    payment, _ = when(captured(), snapshot(refunds=(refund(refund_id="", amount_minor=99999),)))
    assert payment.refundable_minor == 0
