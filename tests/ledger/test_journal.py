from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger import chart
from ledger.balance import BalanceTransaction
from ledger.domains import EVENT_TYPES
from ledger.journal import balance_transaction, description, postings, source
from ledger.message import Event
from ledger.payments.decider import PURPOSES
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
from ledger.payments.postings import TREATMENTS
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid
from tests.ledger.examples import NOON, initiated, recorded, txn
from tests.ledger.strategies import structs

SETTLED = PaymentSettled(charge_id="ch_1", balance_transaction=txn("charge", 10000, 320))
OUT = txn("payout", -9680, 100)


def refund_settled(fee: int = 0) -> RefundSettled:
    entry = txn("refund", -4000, fee)
    return RefundSettled(refund_id="re_1", stripe_refund_id="re_s", balance_transaction=entry)


def payout_failed(*, was_paid: bool) -> PayoutFailed:
    return PayoutFailed(payout_id="po_1", was_paid=was_paid, balance_transaction=txn("payout_back", 9680))


@pytest.mark.parametrize(
    ("event", "entry", "stripe_object"),
    [
        (SETTLED, {"1010": 9680, "6000": 320, "4000": -10000}, "txn_charge"),
        (
            PaymentSettled(charge_id="ch_1", balance_transaction=txn("free", 10000)),
            {"1010": 10000, "4000": -10000},
            "txn_free",
        ),
        (
            PaymentSettled(charge_id="ch_1", balance_transaction=txn("tiny", 20, 31)),
            {"1010": -11, "6000": 31, "4000": -20},
            "txn_tiny",
        ),
        (
            PaymentFundsAvailable(balance_transaction_id="txn_charge", net_minor=9680, currency="usd"),
            {"1011": 9680, "1010": -9680},
            "txn_charge",
        ),
        (refund_settled(), {"4900": 4000, "1011": -4000}, "txn_refund"),
        (refund_settled(fee=25), {"4900": 4000, "6000": 25, "1011": -4025}, "txn_refund"),
        (
            RefundReversed(refund_id="re_1", balance_transaction=txn("refund_back", 4000)),
            {"1011": 4000, "4900": -4000},
            "txn_refund_back",
        ),
        (
            DisputeFundsWithdrawn(dispute_id="dp_1", balance_transaction=txn("taken", -10000, 1500)),
            {"1200": 10000, "6010": 1500, "1011": -11500},
            "txn_taken",
        ),
        (
            DisputeFundsReinstated(dispute_id="dp_1", balance_transaction=txn("returned", 10000)),
            {"1011": 10000, "1200": -10000},
            "txn_returned",
        ),
        (
            DisputeFundsReinstated(dispute_id="dp_1", balance_transaction=txn("returned", 10000, -1500)),
            {"1011": 11500, "1200": -10000, "6010": -1500},
            "txn_returned",
        ),
        (
            DisputeLost(dispute_id="dp_1", withdrawn_minor=10000, currency="usd"),
            {"4910": 10000, "1200": -10000},
            "dp_1",
        ),
        (
            DisputeWon(dispute_id="dp_1", recovered_minor=10000, difference_minor=100, currency="usd"),
            {"1200": 9900, "4910": -10000, "7000": 100},
            "dp_1",
        ),
        (DisputeWon(dispute_id="dp_1", currency="usd"), {}, "dp_1"),
        (
            PayoutInitiated(
                payout_id="po_1",
                amount_minor=9680,
                currency="usd",
                automatic=False,
                arrival_at=NOON,
                balance_transaction=OUT,
            ),
            {"1015": 9680, "6000": 100, "1011": -9780},
            "txn_payout",
        ),
        (
            PayoutPaid(payout_id="po_1", amount_minor=9680, currency="usd"),
            {"1000": 9680, "1015": -9680},
            "po_1",
        ),
        (payout_failed(was_paid=False), {"1011": 9680, "1015": -9680}, "txn_payout_back"),
        (payout_failed(was_paid=True), {"1011": 9680, "1000": -9680}, "txn_payout_back"),
        (initiated(), {}, ""),
    ],
)
def test_each_fact_has_its_entry(event: Event, entry: dict[str, int], stripe_object: str) -> None:
    legs = postings(recorded(event))
    assert {leg.account: leg.amount_minor for leg in legs} == entry
    assert {leg.currency for leg in legs} <= {"usd"}
    assert source(event) == stripe_object
    assert bool(description(event)) == bool(stripe_object)


def test_a_settlement_in_another_currency_is_posted_in_that_one() -> None:
    event = PaymentSettled(charge_id="ch_1", balance_transaction=txn("charge", 9000, 300, currency="eur"))
    assert {leg.currency for leg in postings(recorded(event))} == {"eur"}


def test_a_purpose_of_a_newer_version_is_posted_as_plain() -> None:
    newer = PaymentSettled(charge_id="ch_1", balance_transaction=txn("charge", 10000, 320), purpose="yacht")
    assert postings(recorded(newer)) == postings(recorded(SETTLED))


def test_each_purpose_that_can_be_paid_for_has_its_accounts() -> None:
    assert set(TREATMENTS) == PURPOSES


CASH = {"1010", "1011", "1012"}
CARRIERS = [one for one in EVENT_TYPES if "balance_transaction" in one.__struct_fields__]


@pytest.mark.parametrize("event_type", CARRIERS)
@for_all(data=st.data())
def test_every_fact_with_a_balance_transaction_posts_it(event_type: type[Event], data: st.DataObject) -> None:
    """A new kind of fact that carries one and is forgotten in the journal would lose money."""
    event: Any = data.draw(structs(event_type))
    entry: BalanceTransaction = event.balance_transaction
    assert balance_transaction(event) is entry
    cash = [leg.amount_minor for leg in postings(recorded(event)) if leg.account in CASH]
    assert sum(cash) == entry.net_minor


def test_accounts_stand_where_their_kind_does_and_contra_accounts_opposite() -> None:
    sides = {number: account.side for number, account in chart.CHART.items()}
    assert sides["1000"] == sides["6000"] == sides["4900"] == sides["4910"] == "debit"
    assert sides["2000"] == sides["4000"] == "credit"
    assert len(chart.CHART) == len({account.name for account in chart.CHART.values()}) == 29
