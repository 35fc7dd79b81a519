"""Given Stripe's objects, then these commands; given its errors, then this meaning."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from api.stripe.failures import failure_of
from api.stripe.objects import Dispute, PaymentIntent, Payout, Refund, UnexpectedAnswer, parse_dict
from api.stripe.payments.snapshots import PresentState, commands_of, payment_snapshot, payout_snapshot
from ledger.balance import BalanceTransaction

DAY = 86_400
T0 = 1_790_000_000


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def entry(name: str, amount: int, fee: int = 0, created: int = T0, currency: str = "usd") -> dict[str, Any]:
    return {
        "id": f"txn_{name}",
        "object": "balance_transaction",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": currency,
        "available_on": created + 2 * DAY,
        "created": created,
    }


def intent(**changes: Any) -> dict[str, Any]:
    charge = {
        "id": "ch_1",
        "object": "charge",
        "created": T0 + 5,
        "amount_captured": 10_000,
        "balance_transaction": entry("1", 10_000, 320, T0 + 5),
        "payment_intent": "pi_1",
    }
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "succeeded",
        "created": T0,
        "amount": 10_000,
        "amount_received": 10_000,
        "currency": "usd",
        "latest_charge": charge,
        "metadata": {"payment_id": "pay_1"},
        "last_payment_error": None,
        "next_action": None,
    } | changes


def refund(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"re_{name}",
        "object": "refund",
        "created": T0 + DAY,
        "amount": 400,
        "currency": "usd",
        "status": "succeeded",
        "reason": None,
        "balance_transaction": entry(f"re_{name}", -400, 0, T0 + DAY),
        "metadata": {"refund_id": f"ours_{name}"},
        "payment_intent": "pi_1",
        "charge": "ch_1",
    } | changes


def test_a_succeeded_payment_is_dated_by_its_charge() -> None:
    command = payment_snapshot("pay_1", parse_dict(intent(), PaymentIntent))
    assert (command.payment_id, command.payment_intent_id, command.status) == ("pay_1", "pi_1", "succeeded")
    assert (command.amount_received_minor, command.currency, command.charge_id) == (10_000, "usd", "ch_1")
    assert command.effective_at == command.captured_at == at(T0 + 5)
    assert command.balance_transaction == BalanceTransaction(
        balance_transaction_id="txn_1",
        amount_minor=10_000,
        fee_minor=320,
        net_minor=9_680,
        currency="usd",
        available_at=at(T0 + 5 + 2 * DAY),
        created_at=at(T0 + 5),
    )


def test_a_charge_that_is_not_settled_yet_has_no_money() -> None:
    charge = intent()["latest_charge"] | {"balance_transaction": None}
    command = payment_snapshot("pay_1", parse_dict(intent(latest_charge=charge), PaymentIntent))
    assert command.balance_transaction is None


def test_an_action_names_its_kind_and_never_its_secret() -> None:
    waiting = intent(
        status="requires_action",
        latest_charge=None,
        client_secret="pi_1_secret_abc",
        next_action={"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.test/x"}},
    )
    command = payment_snapshot("pay_1", parse_dict(waiting, PaymentIntent))
    assert command.action == "redirect_to_url"
    assert "secret" not in repr(command)
    assert "bank.test" not in repr(command)


def test_a_decline_carries_code_and_the_issuers_reason() -> None:
    declined = intent(
        status="requires_payment_method",
        amount_received=0,
        latest_charge="ch_2",
        last_payment_error={"type": "card_error", "code": "card_declined", "decline_code": "lost_card"},
    )
    command = payment_snapshot("pay_1", parse_dict(declined, PaymentIntent))
    assert (command.failure_code, command.decline_code) == ("card_declined", "lost_card")
    assert (command.charge_id, command.balance_transaction) == ("ch_2", None)


def test_refunds_and_disputes_go_one_by_one_in_the_order_of_their_days() -> None:
    failed = refund(
        "late",
        status="failed",
        failure_reason="expired_or_canceled_card",
        failure_balance_transaction=entry("back", 400, 0, T0 + 9 * DAY),
    )
    dispute = {
        "id": "du_1",
        "charge": "ch_1",
        "created": T0 + 3 * DAY,
        "amount": 9_000,
        "currency": "usd",
        "reason": "fraudulent",
        "status": "needs_response",
        "balance_transactions": [entry("du", -9_000, 1_500, T0 + 3 * DAY)],
        "evidence_details": {"due_by": T0 + 10 * DAY},
    }
    present = PresentState(
        payment_intent=parse_dict(intent(), PaymentIntent),
        refunds=[parse_dict(failed, Refund), parse_dict(refund("early", metadata={}), Refund)],
        disputes=[parse_dict(dispute, Dispute)],
    )
    payment, early, contested, late = commands_of("pay_1", present)
    assert (payment.refunds, payment.disputes) == ((), ())
    assert [command.effective_at for command in (early, contested, late)] == [
        at(T0 + DAY),
        at(T0 + 3 * DAY),
        at(T0 + 9 * DAY),
    ]
    (outside,) = early.refunds
    assert (outside.refund_id, outside.stripe_refund_id) == ("", "re_early")
    (returned,) = late.refunds
    assert returned.failure_balance_transaction is not None
    assert (returned.status, returned.failure_balance_transaction.amount_minor) == ("failed", 400)
    (case,) = contested.disputes
    assert (case.evidence_due_at, case.balance_transactions[0].fee_minor) == (at(T0 + 10 * DAY), 1_500)
    assert len({command.command_id for command in (payment, early, contested, late)}) == 4


def test_a_refund_without_a_status_is_pending() -> None:
    present = PresentState(
        payment_intent=parse_dict(intent(), PaymentIntent),
        refunds=[parse_dict(refund("new", status=None), Refund)],
    )
    assert commands_of("pay_1", present)[1].refunds[0].status == "pending"


PAYOUT = {
    "id": "po_1",
    "created": T0,
    "amount": 5_000,
    "currency": "usd",
    "status": "in_transit",
    "automatic": True,
    "arrival_date": T0 + 2 * DAY,
    "balance_transaction": entry("po", -5_000),
    "failure_code": None,
}


def test_a_failed_payout_is_dated_by_the_moneys_return() -> None:
    returned = PAYOUT | {
        "status": "failed",
        "failure_code": "account_closed",
        "failure_balance_transaction": entry("po_back", 5_000, 0, T0 + 4 * DAY),
    }
    command = payout_snapshot(parse_dict(returned, Payout))
    assert command.effective_at == at(T0 + 4 * DAY)
    assert (command.status, command.failure_code) == ("failed", "account_closed")


def test_a_payout_that_is_not_booked_waits() -> None:
    with pytest.raises(UnexpectedAnswer, match="po_1"):
        payout_snapshot(parse_dict(PAYOUT | {"balance_transaction": None}, Payout))


@pytest.mark.parametrize("change", [{"status": "sleeping"}, {"amount": "10000"}, {"id": None}])
def test_what_is_not_as_described_is_refused_without_quoting_it(change: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswer) as raised:
        parse_dict(intent(**change), PaymentIntent)
    assert "PaymentIntent" in str(raised.value)


def declined(**error: Any) -> stripe.CardError:
    body = {"error": {"type": "card_error", "code": "card_declined"} | error}
    make: Any = stripe.CardError
    made: stripe.CardError = make(
        "Your card was declined.", None, "card_declined", json_body=body, http_status=402
    )
    return made


def test_a_declined_card_is_final_and_names_its_intent() -> None:
    failure = failure_of(
        declined(decline_code="insufficient_funds", payment_intent=intent(status="requires_payment_method"))
    )
    assert (failure.kind, failure.code, failure.decline_code) == (
        "refused",
        "card_declined",
        "insufficient_funds",
    )
    assert failure.payment_intent is not None
    assert failure.payment_intent.id == "pi_1"


def test_a_decline_stands_whatever_else_its_body_holds() -> None:
    failure = failure_of(declined(payment_intent={"id": 7}))
    assert (failure.kind, failure.payment_intent) == ("refused", None)


_error: Any = stripe


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (
            _error.InvalidRequestError("m", "amount", "amount_too_small", http_status=400),
            "refused",
            "amount_too_small",
        ),
        (_error.InvalidRequestError("m", "amount", http_status=400), "refused", "invalid_request"),
        (_error.AuthenticationError("m", http_status=401), "misconfigured", "AuthenticationError"),
        (_error.PermissionError("m", http_status=403), "misconfigured", "PermissionError"),
        (_error.RateLimitError("m", http_status=429), "unclear", "RateLimitError 429"),
        (_error.APIError("m", http_status=500), "unclear", "APIError 500"),
        (_error.APIError("m", http_status=409), "busy", "idempotency_key_in_use"),
        (_error.APIConnectionError("m"), "unclear", "APIConnectionError"),
        (_error.IdempotencyError("m", http_status=400), "used", "idempotency_error"),
        (_error.IdempotencyError("m", http_status=409), "busy", "idempotency_key_in_use"),
        (UnexpectedAnswer("m"), "unclear", "unexpected_answer"),
    ],
)
def test_only_a_clear_no_is_a_no(error: stripe.StripeError, kind: str, code: str) -> None:
    failure = failure_of(error)
    assert (failure.kind, failure.code) == (kind, code)
