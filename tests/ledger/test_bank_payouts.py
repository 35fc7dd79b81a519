"""Payouts to an instructor's bank: however the looks at one come, it stands as Stripe has it at last."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.bank_payouts.commands import RecordBankPayoutSnapshot
from ledger.bank_payouts.decider import BANK_PAYOUT
from ledger.bank_payouts.events import (
    BankPayoutArrived,
    BankPayoutBounced,
    BankPayoutCanceled,
    BankPayoutEvent,
)
from ledger.bank_payouts.failures import failure_of
from ledger.bank_payouts.state import BankPayout
from ledger.journal import postings
from ledger.message import Event
from ledger.webhooks.decider import SUBSCRIBED_OF_ACCOUNTS, is_followed
from tests.ledger.bank_payout_examples import ARRIVES, PAYOUT, SENT, after, facts, seen
from tests.projections.histories import history

ARRIVED = BankPayoutArrived(payout_id=PAYOUT, arrival_at=ARRIVES)
CANCELED = BankPayoutCanceled(payout_id=PAYOUT)
FAILED = seen("failed", "no_account")
LIVES = (
    ("pending", "in_transit", "paid", "failed"),
    ("pending", "in_transit", "failed"),
    ("pending", "canceled"),
)
STATUSES = {
    "pending": "in_transit",
    "in_transit": "in_transit",
    "paid": "arrived",
    "failed": "bounced",
    "canceled": "canceled",
}


def bounced(*, was_arrived: bool) -> BankPayoutBounced:
    return BankPayoutBounced(payout_id=PAYOUT, was_arrived=was_arrived, failure_code="no_account")


@pytest.mark.parametrize(
    ("given", "seen_now", "expected"),
    [
        ((), seen("pending"), [SENT]),
        ((), seen("in_transit"), [SENT]),
        ((), seen("paid"), [SENT, ARRIVED]),
        ((), FAILED, [SENT, bounced(was_arrived=False)]),
        ((), seen("canceled"), [SENT, CANCELED]),
        ((seen("pending"),), seen("in_transit"), []),
        ((seen("pending"),), seen("paid"), [ARRIVED]),
        ((seen("pending"),), seen("canceled"), [CANCELED]),
        ((seen("in_transit"),), FAILED, [bounced(was_arrived=False)]),
        ((seen("paid"),), seen("paid"), []),
        ((seen("paid"),), seen("in_transit"), []),
        ((seen("paid"),), FAILED, [bounced(was_arrived=True)]),
        ((FAILED,), seen("paid"), []),
        ((seen("paid"), FAILED), seen("paid"), []),
        ((FAILED,), FAILED, []),
        ((seen("canceled"),), seen("pending"), []),
    ],
)
def test_a_look_records_what_is_new_in_it(
    given: tuple[RecordBankPayoutSnapshot, ...],
    seen_now: RecordBankPayoutSnapshot,
    expected: list[BankPayoutEvent],
) -> None:
    assert list(BANK_PAYOUT.decide(seen_now, after(*given))) == expected


def test_a_bank_sends_back_what_had_arrived() -> None:
    assert facts(seen("paid"), FAILED) == [SENT, ARRIVED, bounced(was_arrived=True)]
    assert after(seen("paid"), FAILED).status == "bounced"


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, list[str]]:
    """The status that a payout has now, and looks at it in any order, the present one among them."""
    life = draw(st.sampled_from(LIVES))
    so_far = life[: draw(st.integers(1, len(life)))]
    looks = [*draw(st.lists(st.sampled_from(so_far), max_size=6)), so_far[-1]]
    return so_far[-1], draw(st.permutations(looks))


@for_all(lives())
def test_looks_in_any_order_and_number_end_as_stripe_has_it(life: tuple[str, list[str]]) -> None:
    now, looks = life
    assert after(*map(seen, looks)).status == STATUSES[now]


@for_all(lives())
def test_each_fact_is_recorded_once_and_an_end_is_the_end(life: tuple[str, list[str]]) -> None:
    found = facts(*map(seen, life[1]))
    assert found[0] == SENT
    assert len({type(fact) for fact in found}) == len(found)
    assert not any(isinstance(one, BankPayoutBounced | BankPayoutCanceled) for one, _ in pairwise(found))
    for fact in found:
        if isinstance(fact, BankPayoutBounced):
            assert fact.was_arrived == (ARRIVED in found)


def test_nothing_of_it_moves_in_the_books() -> None:
    told: tuple[Event, ...] = (SENT, ARRIVED, bounced(was_arrived=True), CANCELED)
    assert [postings(one) for one in history((f"bank_payout-{PAYOUT}", told))] == [()] * 4


def test_a_payout_remembers_whose_it_is() -> None:
    assert after(FAILED) == BankPayout("usr_ivy", "acn_1", "acct_1", "bounced")


KNOWN = (
    ("account_closed", "is closed", "correct your bank account"),
    ("account_frozen", "is frozen", "ask your bank"),
    ("no_account", "no bank account", "correct your bank account"),
    ("declined", "declined", "ask your bank"),
    ("insufficient_funds", "not enough", "nothing is wrong with your bank account"),
    ("bank.on.the_moon", "the reason bank.on.the_moon", "correct your bank account"),
    ("", "no reason", "correct your bank account"),
)


@pytest.mark.parametrize(("code", "why", "remedy"), KNOWN)
def test_a_bounce_says_why_and_what_to_do(code: str, why: str, remedy: str) -> None:
    failure = failure_of(code, 7_000)
    assert why in failure.why
    assert failure.remedy.startswith("the money is yours and at Stripe")
    assert remedy in failure.remedy
    assert "will be sent again" in failure.remedy


def test_what_stripe_could_not_take_from_a_bank_is_not_promised_to_its_owner() -> None:
    failure = failure_of("debit_not_authorized", -2_000)
    assert "is yours" not in failure.remedy
    assert "owes it to Stripe" in failure.remedy


@pytest.mark.parametrize("account_id", ["", "acct_1"])
def test_payouts_of_the_platform_and_of_its_accounts_are_followed(account_id: str) -> None:
    assert is_followed("payout.failed", account_id)


def test_an_endpoint_for_connected_accounts_is_told_of_their_payouts() -> None:
    told: Any = {one.removeprefix("payout.") for one in SUBSCRIBED_OF_ACCOUNTS if one.startswith("payout.")}
    assert told == {"created", "updated", "paid", "failed", "canceled"}
