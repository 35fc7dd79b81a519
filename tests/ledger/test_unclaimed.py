"""What moved at Stripe by nothing of ours: found once, explained, and taken back once when it is ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.errors import NotFound
from ledger.unclaimed.commands import (
    ClaimMovement,
    RecordMovementFundsAvailable,
    UnclaimedCommand,
    WithdrawExplanation,
)
from ledger.unclaimed.events import MovementClaimed, MovementExplained, MovementExplanationWithdrawn
from ledger.unclaimed.refusals import AccountNotExplainable, ExplanationUnsaid, MovementKnown
from ledger.unclaimed.treatment import EXPLAINABLE
from tests.ledger.examples import NOON
from tests.ledger.unclaimed_examples import ID, books, explain, facts, moved

AVAILABLE = RecordMovementFundsAvailable(command_id="f", effective_at=NOON, balance_transaction_id=ID)
WITHDRAW = WithdrawExplanation(command_id="w", effective_at=NOON, balance_transaction_id=ID)
CLAIM = ClaimMovement(
    command_id="c", effective_at=NOON, balance_transaction_id=ID, claimed_by="payment-pay_1"
)


def test_what_nobody_knows_is_unexplained_with_its_fee() -> None:
    assert books(moved()) == {"1010": 724, "1090": -724}


def test_it_is_found_once() -> None:
    assert len(facts(moved(), moved(), moved())) == 1


@pytest.mark.parametrize(
    ("kind", "category", "amount", "expected"),
    [
        ("topup", "topup", 5_000, {"1011": 5_000, "1000": -5_000}),
        ("topup_reversal", "topup_reversal", -5_000, {"1011": -5_000, "1000": 5_000}),
        ("stripe_fee", "fee", -700, {"1011": -700, "6000": 700}),
        ("tax_fee", "tax", -70, {"1011": -70, "6000": 70}),
        ("reserve_transaction", "connect_reserved_funds", -900, {"1011": -900, "1012": 900}),
        ("payout_minimum_balance_hold", "other_adjustment", -900, {"1011": -900, "1012": 900}),
        ("adjustment", "other_adjustment", -300, {"1011": -300, "1090": 300}),
        ("transfer", "transfer", -4_000, {"1011": -4_000, "1090": 4_000}),
        ("application_fee", "platform_earning", 400, {"1011": 400, "1090": -400}),
        ("something_new", "something_new", 400, {"1011": 400, "1090": -400}),
    ],
)
def test_what_stripes_words_say_is_known(
    kind: str, category: str, amount: int, expected: dict[str, int]
) -> None:
    assert books(moved(amount, 0, kind=kind, reporting_category=category)) == expected


def test_both_halves_of_a_reserve_are_one_entry_between_balances() -> None:
    words = {"kind": "reserve_hold", "reporting_category": "risk_reserved_funds"}
    held = books(moved(-900, 0, **words)), books(moved(900, 0, balance_type="risk_reserved", **words))
    assert held == ({"1011": -900, "1090": 900}, {"1012": 900, "1090": -900})


def test_funds_become_available_once_and_only_what_waited() -> None:
    assert books(moved(), AVAILABLE, AVAILABLE) == {"1011": 724, "1090": -724}
    assert len(facts(moved(-500, 0), AVAILABLE)) == 1


@pytest.mark.parametrize("account", [one.number for one in EXPLAINABLE])
def test_explained_nothing_is_left_in_1090_and_withdrawn_all_of_it(account: str) -> None:
    explained = books(moved(), explain(account))
    assert "1090" not in explained
    assert sum(explained.values()) == 0
    assert explained["1010"] == 724
    assert books(moved(), explain(account), WITHDRAW, WITHDRAW) == books(moved())


def test_income_is_explained_gross_and_its_fee_is_a_fee() -> None:
    assert books(moved(), explain("4000")) == {"1010": 724, "6000": 53, "4000": -777}


def test_explained_anew_the_former_explanation_is_withdrawn() -> None:
    kinds = [type(fact) for fact in facts(moved(), explain("4000"), explain("4000"), explain("4010"))]
    assert kinds[1:] == [MovementExplained, MovementExplanationWithdrawn, MovementExplained]
    assert books(moved(), explain("4000"), explain("4010"))["4010"] == -777


@pytest.mark.parametrize(
    "account", ["1010", "1011", "1090", "1100", "1210", "2000", "2100", "2300", "7010", "9000", "x"]
)
def test_what_is_somebodys_or_at_stripe_explains_nothing(account: str) -> None:
    with pytest.raises(AccountNotExplainable, match="4000 Courses"):
        facts(moved(), explain(account))


@pytest.mark.parametrize("note", ["", " \n", "\u200b", "x" * 501, "a\0b"])
def test_an_explanation_says_something_that_can_be_seen(note: str) -> None:
    with pytest.raises(ExplanationUnsaid, match="Say in `note`"):
        facts(moved(), explain("4000", note))


def test_what_is_known_or_ours_needs_no_explanation() -> None:
    topup = moved(5_000, 0, kind="topup", reporting_category="topup")
    for command in (explain("4000"), WITHDRAW):
        with pytest.raises(MovementKnown, match="posted to 1000"):
            facts(topup, command)
        with pytest.raises(MovementKnown, match="payment-pay_1 posts it"):
            facts(moved(), CLAIM, command)


@pytest.mark.parametrize("command", [AVAILABLE, explain("4000"), WITHDRAW, CLAIM])
def test_nothing_becomes_of_what_was_never_found(command: UnclaimedCommand) -> None:
    with pytest.raises(NotFound, match=ID):
        facts(command)


STEPS: list[Any] = [AVAILABLE, explain("4000"), explain("6000"), explain("1012"), WITHDRAW]


@for_all(
    first=st.sampled_from([moved(), moved(-777, 0), moved(500, 0, kind="topup", reporting_category="topup")]),
    steps=st.lists(st.sampled_from(STEPS), max_size=6),
    after=st.lists(st.sampled_from([AVAILABLE, CLAIM]), max_size=3),
)
def test_whatever_became_of_it_a_claim_takes_all_of_it_back_once(
    first: Any, steps: list[Any], after: list[Any]
) -> None:
    known = first.kind == "topup"
    steps = [step for step in steps if not known or step is AVAILABLE]
    before = books(first, *steps)
    assert sum(before.get(cash, 0) for cash in ("1010", "1011")) == first.balance_transaction.net_minor or (
        "1012" in before
    )
    assert books(first, *steps, CLAIM, *after) == {}
    assert sum(isinstance(one, MovementClaimed) for one in facts(first, *steps, CLAIM, *after)) == 1
