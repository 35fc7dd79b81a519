from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.errors import NotFound, Refused
from ledger.payments.commands import (
    LostPayment,
    PaymentCommand,
    RecordFundsAvailable,
    RecordPaymentFailure,
    RecordPaymentUnknown,
)
from ledger.payments.decider import PAYMENT, decide
from ledger.payments.events import (
    PaymentActionRequired,
    PaymentCanceled,
    PaymentFailed,
    PaymentFundsAvailable,
    PaymentInitiated,
    PaymentOutcomeUnknown,
    PaymentProcessing,
    PaymentSettled,
    PaymentSucceeded,
)
from ledger.payments.refusals import (
    FundsNotAvailable,
    FundsNotSettled,
    InvalidAmount,
    InvalidCurrency,
    InvalidText,
    PaymentExists,
    UnknownPurpose,
)
from ledger.payments.state import Payment
from tests.ledger.examples import (
    CHARGE,
    DAY,
    INTENT,
    NOON,
    PAYMENT_ID,
    captured,
    given,
    initiate,
    initiated,
    names,
    refund,
    request_refund,
    snapshot,
    txn,
    when,
)


def failure(code: str = "card_declined", intent: str = "") -> RecordPaymentFailure:
    return RecordPaymentFailure(
        command_id="cmd_failure",
        effective_at=NOON,
        payment_id=PAYMENT_ID,
        code=code,
        payment_intent_id=intent,
    )


def unknown() -> RecordPaymentUnknown:
    return RecordPaymentUnknown(
        command_id="cmd_unknown", effective_at=NOON, payment_id=PAYMENT_ID, cause="timeout"
    )


def funds_available(at_days: float) -> RecordFundsAvailable:
    return RecordFundsAvailable(
        command_id="cmd_funds", effective_at=NOON + timedelta(days=at_days), payment_id=PAYMENT_ID
    )


def test_a_payment_is_initiated_with_all_that_was_asked() -> None:
    command = initiate(description="Rust for learners", save_payment_method=True, purpose_ref="x")
    assert decide(command, Payment()) == (
        PaymentInitiated(
            payment_id=PAYMENT_ID,
            user_id="usr_ann",
            amount_minor=10000,
            currency="usd",
            payment_method_id="pm_card_visa",
            purpose_ref="x",
            description="Rust for learners",
            save_payment_method=True,
        ),
    )


def test_each_payment_has_its_own_stream() -> None:
    assert PAYMENT.stream(initiate()) == "payment-pay_1"


@pytest.mark.parametrize(
    ("changes", "refusal", "hint"),
    [
        ({"amount_minor": 0}, InvalidAmount, "at least 0.50 USD"),
        ({"amount_minor": -1}, InvalidAmount, "it was -0.01 USD"),
        ({"amount_minor": 49}, InvalidAmount, "at least 0.50 USD.*it was 0.49 USD"),
        ({"currency": "jpy", "amount_minor": 49}, InvalidAmount, "at least 50 JPY"),
        ({"currency": "huf", "amount_minor": 17499}, InvalidAmount, "at least 175.00 HUF"),
        ({"amount_minor": 100_000_000}, InvalidAmount, "at most 999999.99 USD"),
        ({"currency": "kwd", "amount_minor": 5124}, InvalidAmount, "multiple of 0.010 KWD"),
        ({"currency": "isk", "amount_minor": 550}, InvalidAmount, "multiple of 1.00 ISK"),
        ({"currency": "isk", "amount_minor": 99}, InvalidAmount, "at least 1.00 ISK"),
        ({"currency": "usx"}, InvalidCurrency, "ISO 4217"),
        ({"currency": "USD"}, InvalidCurrency, "such as 'usd'"),
        ({"currency": "xau"}, InvalidCurrency, "ISO 4217"),
        ({"description": "x" * 1001}, InvalidText, "at most 1000"),
        ({"description": "a\0b"}, InvalidText, "NUL"),
        ({"payment_method_id": ""}, InvalidText, "must not be empty"),
        ({"user_id": "u" * 256}, InvalidText, "at most 255"),
        ({"purpose": "yacht"}, UnknownPurpose, "plain"),
    ],
)
def test_a_payment_that_makes_no_sense_is_refused(
    changes: dict[str, object], refusal: type[Refused], hint: str
) -> None:
    with pytest.raises(refusal, match=hint):
        decide(initiate(**changes), Payment())


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("usd", 99_999_999),
        ("usd", 50),
        ("jpy", 50),
        ("kwd", 10),
        ("clp", 1),
        ("kwd", 5120),
        ("isk", 500),
        ("idr", 999_999_999_999),
    ],
)
def test_amounts_that_stripe_takes_are_taken(currency: str, amount: int) -> None:
    assert names(decide(initiate(currency=currency, amount_minor=amount), Payment())) == ["PaymentInitiated"]


def test_no_second_payment_starts_under_the_same_id() -> None:
    assert decide(initiate(command_id="cmd_other"), given(initiated())) == (), "it is this one"


@pytest.mark.parametrize("changes", [{"amount_minor": 9999}, {"currency": "eur"}, {"user_id": "usr_bob"}])
def test_what_an_id_was_not_made_for_is_refused_under_it(changes: dict[str, object]) -> None:
    with pytest.raises(PaymentExists, match="is initiated"):
        decide(initiate(**changes), given(initiated()))


def test_a_payment_that_a_restored_ledger_has_lost_is_taken_up_as_it_is() -> None:
    lost = LostPayment(user_id="usr_ann", payment_method_id="pm_card_visa")
    payment, events = when(Payment(), snapshot(lost=lost, refunds=(refund(),)))
    assert names(events) == [
        "PaymentInitiated",
        "PaymentSucceeded",
        "PaymentSettled",
        "RefundRequested",
        "RefundSucceeded",
    ]
    assert (payment.user_id, payment.status, payment.refunds["re_1"].status) == (
        "usr_ann",
        "succeeded",
        "succeeded",
    )
    assert decide(initiate(), payment) == decide(request_refund(4000), payment) == ()
    assert decide(snapshot(lost=lost, refunds=(refund(),)), payment) == ()


def test_the_repeat_and_stripes_word_of_a_lost_payment_end_alike_in_any_order() -> None:
    told = snapshot(lost=LostPayment(user_id="usr_ann", payment_method_id="pm_card_visa"))
    assert when(Payment(), initiate(), told)[0] == when(Payment(), told, initiate())[0]


def test_one_that_the_ledger_has_is_not_taken_up_again() -> None:
    theirs = LostPayment(user_id="usr_bob")
    payment, events = when(given(initiated()), snapshot(lost=theirs))
    assert names(events) == ["PaymentSucceeded", "PaymentSettled"]
    assert payment.user_id == "usr_ann"


@pytest.mark.parametrize("command", [snapshot(), failure(), unknown(), funds_available(9)])
def test_a_report_about_a_payment_from_elsewhere_is_refused_so_that_somebody_looks(
    command: PaymentCommand,
) -> None:
    with pytest.raises(NotFound, match="another ledger"):
        decide(command, Payment())


def test_success_and_settlement_are_facts_of_their_own() -> None:
    _, events = when(given(initiated()), snapshot())
    assert events == (
        PaymentSucceeded(
            payment_intent_id=INTENT, charge_id=CHARGE, amount_minor=10000, currency="usd", captured_at=NOON
        ),
        PaymentSettled(charge_id=CHARGE, balance_transaction=txn("charge", 10000, 320)),
    )


def test_a_balance_transaction_that_comes_later_settles_later() -> None:
    payment, _ = when(given(initiated()), snapshot(balance_transaction=None))
    assert payment.settlement is None
    assert names(decide(snapshot(), payment)) == ["PaymentSettled"]


def test_without_a_time_of_capture_the_commands_own_stands_in() -> None:
    payment, _ = when(given(initiated()), snapshot(captured_at=None, effective_at=NOON + DAY))
    assert payment.captured_at == NOON + DAY


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (snapshot("processing"), PaymentProcessing(payment_intent_id=INTENT)),
        (snapshot("requires_capture"), PaymentProcessing(payment_intent_id=INTENT)),
        (
            snapshot("requires_action", action="redirect_to_url"),
            PaymentActionRequired(payment_intent_id=INTENT, action="redirect_to_url"),
        ),
        (
            snapshot("requires_payment_method", failure_code="card_declined", decline_code="lost_card"),
            PaymentFailed(code="card_declined", decline_code="lost_card", payment_intent_id=INTENT),
        ),
        (
            snapshot("canceled", cancellation_reason="abandoned"),
            PaymentCanceled(payment_intent_id=INTENT, reason="abandoned"),
        ),
    ],
)
@pytest.mark.parametrize("before", ["initiated", "unknown"])
def test_a_snapshot_answers_an_open_question(before: str, command: PaymentCommand, event: object) -> None:
    payment = given(initiated())
    if before == "unknown":
        payment, _ = when(payment, unknown())
    assert decide(command, payment) == (event,)


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation"])
def test_an_intent_that_waits_to_be_confirmed_is_no_news(status: str) -> None:
    assert decide(snapshot(status), given(initiated())) == ()


@pytest.mark.parametrize(
    "stale",
    [
        snapshot("processing"),
        snapshot("requires_action"),
        snapshot("canceled"),
        snapshot("requires_payment_method", failure_code="card_declined"),
        snapshot(),
        failure(),
        unknown(),
    ],
)
def test_nothing_that_comes_late_takes_a_success_back(stale: PaymentCommand) -> None:
    assert decide(stale, captured()) == ()


def test_a_failed_payment_that_is_confirmed_again_succeeds() -> None:
    payment, _ = when(given(initiated()), failure(intent=INTENT), snapshot())
    assert payment.status == "succeeded"


def test_processing_after_a_failure_is_old_news() -> None:
    payment, _ = when(given(initiated()), failure(intent=INTENT))
    assert decide(snapshot("processing"), payment) == ()


def test_what_stripe_says_of_an_intent_outranks_a_refused_request() -> None:
    payment, _ = when(given(initiated()), failure())
    assert names(decide(snapshot("processing"), payment)) == ["PaymentProcessing"]


def test_amounts_are_recorded_as_stripe_has_them() -> None:
    payment, _ = when(given(initiated()), snapshot(amount_received_minor=12000))
    assert payment.captured_minor == 12000


def test_an_unanswered_call_is_unknown_once() -> None:
    payment, events = when(given(initiated()), unknown())
    assert events == (PaymentOutcomeUnknown(cause="timeout"),)
    assert decide(unknown(), payment) == ()


def test_an_unknown_outcome_is_resolved_by_a_refusal() -> None:
    payment, _ = when(given(initiated()), unknown(), failure())
    assert payment.status == "failed"


@pytest.mark.parametrize("command", [unknown(), failure()])
def test_a_lost_answer_does_not_undo_what_stripe_already_said(command: PaymentCommand) -> None:
    payment, _ = when(given(initiated()), snapshot("processing"))
    assert decide(command, payment) == ()


def test_funds_become_available_when_stripe_says_so_and_once() -> None:
    payment, events = when(captured(), funds_available(2))
    assert events == (
        PaymentFundsAvailable(balance_transaction_id="txn_charge", net_minor=9680, currency="usd"),
    )
    assert decide(funds_available(3), payment) == ()


def test_funds_are_not_available_before_their_time() -> None:
    with pytest.raises(FundsNotAvailable, match="2026-03-03"):
        decide(funds_available(1.99), captured())


def test_funds_of_an_unsettled_payment_are_not_available() -> None:
    with pytest.raises(FundsNotSettled):
        decide(funds_available(9), given(initiated()))
