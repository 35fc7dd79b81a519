from __future__ import annotations

import pytest

from ledger.balance import BalanceTransaction
from ledger.payments.commands import DisputeSnapshot
from ledger.payments.decider import decide
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    DisputeStatusChanged,
    DisputeWon,
)
from tests.ledger.examples import (
    CHARGE,
    DAY,
    NOON,
    PAYMENT_ID,
    captured,
    dispute,
    names,
    refund,
    snapshot,
    txn,
    when,
)

TAKEN = txn("taken", -10000, 1500)
RETURNED = txn("returned", 10000)


def test_a_chargeback_opens_and_takes_the_money() -> None:
    due = NOON + 20 * DAY
    opened = snapshot(disputes=(dispute("needs_response", TAKEN, evidence_due_at=due),))
    payment, events = when(captured(), opened)
    assert events == (
        DisputeOpened(
            payment_id=PAYMENT_ID,
            dispute_id="dp_1",
            charge_id=CHARGE,
            amount_minor=10000,
            currency="usd",
            reason="fraudulent",
            opened_at=NOON + 5 * DAY,
            evidence_due_at=due,
        ),
        DisputeFundsWithdrawn(dispute_id="dp_1", balance_transaction=TAKEN),
    )
    assert payment.status == "disputed"
    assert payment.withheld_minor == 10000
    assert payment.refundable_minor == 0
    assert decide(opened, payment) == ()


def test_an_inquiry_leaves_the_payment_as_it_is() -> None:
    payment, events = when(captured(), snapshot(disputes=(dispute("warning_needs_response"),)))
    assert isinstance(events[0], DisputeOpened)
    assert events[0].inquiry
    assert payment.status == "succeeded"


def test_an_inquiry_that_closes_is_won() -> None:
    payment, events = when(
        captured(),
        snapshot(disputes=(dispute("warning_under_review"),)),
        snapshot(disputes=(dispute("warning_closed"),)),
    )
    assert events[-2:] == (
        DisputeStatusChanged(dispute_id="dp_1", status="warning_under_review"),
        DisputeWon(dispute_id="dp_1", currency="usd"),
    )
    assert decide(snapshot(disputes=(dispute("warning_needs_response"),)), payment) == ()


def test_an_inquiry_can_become_a_chargeback_even_after_it_closed() -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("warning_closed"),)))
    payment, events = when(payment, snapshot(disputes=(dispute("needs_response", TAKEN),)))
    assert names(events) == ["DisputeFundsWithdrawn", "DisputeStatusChanged"]
    assert payment.status == "disputed"


def test_a_won_dispute_gives_the_money_back() -> None:
    payment, events = when(
        captured(),
        snapshot(disputes=(dispute("under_review", TAKEN),)),
        snapshot(disputes=(dispute("won", TAKEN, RETURNED),)),
    )
    assert events[-2:] == (
        DisputeFundsReinstated(dispute_id="dp_1", balance_transaction=RETURNED),
        DisputeWon(dispute_id="dp_1", currency="usd"),
    )
    assert payment.status == "succeeded"
    assert payment.refundable_minor == 10000


@pytest.mark.parametrize("stale", ["needs_response", "under_review", "lost", "warning_closed"])
def test_nothing_that_comes_late_reopens_a_won_dispute(stale: str) -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("won", TAKEN, RETURNED),)))
    assert decide(snapshot(disputes=(dispute(stale, TAKEN),)), payment) == ()


def test_a_lost_dispute_keeps_what_was_withdrawn() -> None:
    payment, events = when(captured(), snapshot(disputes=(dispute("lost", TAKEN),)))
    assert events[-1] == DisputeLost(dispute_id="dp_1", withdrawn_minor=10000, currency="usd")
    assert payment.status == "charged_back"
    assert payment.refundable_minor == 0
    assert decide(snapshot(disputes=(dispute("lost", TAKEN),)), payment) == ()


def test_money_that_moves_after_the_loss_adds_to_it() -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("lost", TAKEN),)))
    some_back = txn("some_back", 2500)
    payment, events = when(payment, snapshot(disputes=(dispute("lost", TAKEN, some_back),)))
    assert events[-1] == DisputeLost(dispute_id="dp_1", withdrawn_minor=-2500, currency="usd")
    assert payment.withheld_minor == 7500


def test_a_loss_can_be_overturned() -> None:
    payment, events = when(
        captured(),
        snapshot(disputes=(dispute("lost", TAKEN),)),
        snapshot(disputes=(dispute("won", TAKEN, RETURNED),)),
    )
    assert events[-1] == DisputeWon(dispute_id="dp_1", recovered_minor=10000, currency="usd")
    assert payment.status == "succeeded"


def test_money_that_comes_back_after_the_win_says_what_the_exchange_took() -> None:
    taken, returned = txn("taken", -9000, currency="eur"), txn("returned", 8900, currency="eur")
    payment, events = when(captured(), snapshot(disputes=(dispute("won", taken),)))
    assert events[-1] == DisputeWon(dispute_id="dp_1", currency="eur")
    assert payment.withheld_minor == 10000, "not there yet, and known only in the currency of settlement"
    payment, events = when(payment, snapshot(disputes=(dispute("won", taken, returned),)))
    assert events[-1] == DisputeWon(dispute_id="dp_1", difference_minor=100, currency="eur")
    assert payment.withheld_minor == 0
    assert decide(snapshot(disputes=(dispute("won", taken, returned),)), payment) == ()


def test_an_escalation_that_was_not_seen_is_recorded_before_the_outcome() -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("warning_needs_response"),)))
    won = snapshot(disputes=(dispute("won", TAKEN, RETURNED),))
    payment, events = when(payment, won)
    assert names(events)[-2:] == ["DisputeStatusChanged", "DisputeWon"]
    assert decide(won, payment) == ()


@pytest.mark.parametrize(("entries", "outcome"), [((), "DisputeWon"), ((TAKEN,), "DisputeLost")])
def test_a_prevented_dispute_is_lost_only_if_money_went(entries: tuple[object, ...], outcome: str) -> None:
    prevented = snapshot(disputes=(dispute("prevented", *entries),))  # type: ignore[arg-type]  # a tuple of TAKEN
    _, events = when(captured(), prevented)
    assert names(events)[-1] == outcome


def test_a_status_that_stripe_invents_later_changes_nothing() -> None:
    payment, _ = when(captured(), snapshot(disputes=(dispute("under_review", TAKEN),)))
    assert decide(snapshot(disputes=(dispute("appealed", TAKEN),)), payment) == ()


def test_one_open_dispute_outweighs_another_lost_one() -> None:
    both = (dispute("lost", TAKEN), dispute("needs_response", dispute_id="dp_2"))
    payment, _ = when(captured(), snapshot(disputes=both))
    assert payment.status == "disputed"


def part(status: str, name: str, amount_minor: int, *more: BalanceTransaction) -> DisputeSnapshot:
    taken = txn(f"taken_{name}", -amount_minor, 1500)
    return dispute(status, taken, *more, dispute_id=f"dp_{name}", amount_minor=amount_minor)


def test_disputes_of_parts_are_each_decided_for_themselves() -> None:
    open_ = (part("needs_response", "a", 3000), part("needs_response", "b", 2000))
    payment, _ = when(captured(), snapshot(disputes=open_))
    assert (payment.status, payment.withheld_minor, payment.refundable_minor) == ("disputed", 5000, 5000)
    won = part("won", "b", 2000, txn("back_b", 2000))
    payment, _ = when(payment, snapshot(disputes=(part("lost", "a", 3000), won)))
    assert (payment.status, payment.withheld_minor, payment.refundable_minor) == ("charged_back", 3000, 7000)
    assert payment.kept_minor == 7000


def test_a_dispute_of_all_after_a_refund_leaves_nothing_to_give_back_and_nothing_below_it() -> None:
    half = refund(amount_minor=5000, balance_transaction=txn("refund", -5000))
    payment, _ = when(captured(), snapshot(refunds=(half,), disputes=(dispute("lost", TAKEN),)))
    assert (payment.given_back_minor, payment.kept_minor, payment.refundable_minor) == (15000, 0, 0)


def test_a_fee_that_comes_back_by_itself_is_no_reinstatement() -> None:
    fee = txn("fee", 0, -1500)
    payment, events = when(captured(), snapshot(disputes=(dispute("won", TAKEN, fee),)))
    assert events[-1] == DisputeWon(dispute_id="dp_1", currency="usd"), "nothing of it is lost in exchange"
    payment, _ = when(payment, snapshot(disputes=(dispute("won", TAKEN, fee, RETURNED),)))
    assert (payment.withheld_minor, payment.disputes["dp_1"].written_off_minor) == (0, 0)
