"""docs/accounting.md says what the journal does: its chart and its entries are compared with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger import chart
from ledger.journal import postings
from ledger.message import Event
from ledger.money import format_minor
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentFundsAvailable,
    PaymentSettled,
    RefundReversed,
    RefundSettled,
)
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid
from tests.ledger.examples import NOON, recorded, txn

DOC = (Path(__file__).parents[2] / "docs" / "accounting.md").read_text()
ROWS = dict(re.findall(r"^\| ([A-Z][a-zA-Z]+(?:[ ,][^|]*)?) \| ((?:Dr|Cr) [^|]*) \|$", DOC, re.MULTILINE))


def refund_settled(fee: int) -> RefundSettled:
    return RefundSettled(
        refund_id="re_1", stripe_refund_id="re_s", balance_transaction=txn("refund", -4000, fee)
    )


def reinstated(fee: int) -> DisputeFundsReinstated:
    return DisputeFundsReinstated(dispute_id="dp_1", balance_transaction=txn("returned", 10000, fee))


def payout_failed(*, was_paid: bool) -> PayoutFailed:
    return PayoutFailed(payout_id="po_1", was_paid=was_paid, balance_transaction=txn("back", 9680))


FACTS: dict[str, Event] = {
    "PaymentSettled": PaymentSettled(charge_id="ch_1", balance_transaction=txn("charge", 10000, 320)),
    "PaymentFundsAvailable": PaymentFundsAvailable(
        balance_transaction_id="txn_charge", net_minor=9680, currency="usd"
    ),
    "RefundSettled of 40.00": refund_settled(0),
    "RefundSettled of 40.00 with a fee of 0.25": refund_settled(25),
    "RefundReversed of 40.00": RefundReversed(refund_id="re_1", balance_transaction=txn("back", 4000)),
    "DisputeFundsWithdrawn with a fee of 15.00": DisputeFundsWithdrawn(
        dispute_id="dp_1", balance_transaction=txn("taken", -10000, 1500)
    ),
    "DisputeFundsReinstated, the fee kept": reinstated(0),
    "DisputeFundsReinstated, the fee returned": reinstated(-1500),
    "DisputeLost": DisputeLost(dispute_id="dp_1", withdrawn_minor=10000, currency="usd"),
    "DisputeWon after a loss": DisputeWon(dispute_id="dp_1", recovered_minor=10000, currency="usd"),
    "DisputeWon, 1.00 lost in exchange": DisputeWon(dispute_id="dp_1", difference_minor=100, currency="usd"),
    "PayoutInitiated": PayoutInitiated(
        payout_id="po_1",
        amount_minor=9680,
        currency="usd",
        automatic=True,
        arrival_at=NOON,
        balance_transaction=txn("payout", -9680),
    ),
    "PayoutPaid": PayoutPaid(payout_id="po_1", amount_minor=9680, currency="usd"),
    "PayoutFailed before it was paid": payout_failed(was_paid=False),
    "PayoutFailed after it was paid": payout_failed(was_paid=True),
}


def entry(event: Event) -> str:
    return ", ".join(
        f"{'Dr' if leg.amount_minor > 0 else 'Cr'} {leg.account} "
        f"{format_minor(abs(leg.amount_minor), leg.currency).removesuffix(' USD')}"
        for leg in postings(recorded(event))
    )


@pytest.mark.parametrize("fact", FACTS)
def test_the_documented_entry_is_the_one_that_is_posted(fact: str) -> None:
    assert ROWS[fact] == entry(FACTS[fact])


def test_no_entry_is_documented_that_nobody_checks() -> None:
    assert set(ROWS) == set(FACTS)


def test_the_documented_chart_is_the_chart() -> None:
    documented = re.findall(r"^\| (\d{4}) \| ([^|]+) \| ([a-z]+) \| ([a-z]+) \|$", DOC, re.MULTILINE)
    assert documented == [(one.number, one.name, one.kind, one.side) for one in chart.CHART.values()]
