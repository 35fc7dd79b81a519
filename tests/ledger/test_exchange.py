"""What another rate makes of money that goes back: exchange, never more or less of the income."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger.journal import postings
from ledger.message import Event
from ledger.payments.commands import RecordPaymentSnapshot, RefundSnapshot
from ledger.payments.events import RefundSettled
from ledger.payments.state import Payment
from tests.ledger.examples import captured, dispute, given, initiated, recorded, refund, snapshot, txn, when


def abroad() -> Payment:
    """Of 100.00 EUR, which brought 135.00 USD."""
    charged = snapshot(currency="eur", balance_transaction=txn("charge", 13500, 420))
    return when(given(initiated(currency="eur")), charged)[0]


def booked(facts: Iterable[Event]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for leg in (leg for fact in facts for leg in postings(recorded(fact))):
        sums[leg.account] = sums.get(leg.account, 0) + leg.amount_minor
    return {account: amount for account, amount in sums.items() if amount}


def back(name: str, amount: int, moved: int, **changes: Any) -> RefundSnapshot:
    ids = {"refund_id": "", "stripe_refund_id": f"re_{name}"}
    entry = txn(name, -moved)
    return refund(
        **{**ids, "amount_minor": amount, "currency": "eur", "balance_transaction": entry, **changes}
    )


def told(*refunds: RefundSnapshot, **changes: Any) -> RecordPaymentSnapshot:
    charge = txn("charge", 13500, 420)
    return snapshot(**{"currency": "eur", "refunds": refunds, "balance_transaction": charge, **changes})


def test_what_a_refund_loses_to_another_rate_is_exchange_and_no_income_given_back() -> None:
    _, facts = when(abroad(), told(back("all", 10000, 14000)))
    assert booked(facts) == {"1011": -14000, "4900": 13500, "7000": 500}


def test_refunds_in_parts_at_any_rates_give_back_what_the_charge_brought() -> None:
    parts = back("1", 3333, 4600), back("2", 3333, 4400), back("3", 3334, 4700)
    payment, facts = when(abroad(), told(*parts))
    assert booked(facts) == {"1011": -13700, "4900": 13500, "7000": 200}
    bounced = back("3", 3334, 4700, status="failed", failure_balance_transaction=txn("back", 4650))
    _, reversed_ = when(payment, told(*parts[:2], bounced))
    assert booked(reversed_) == {"1011": 4650, "4900": -4500, "7000": -150}


def test_a_dispute_lost_at_another_rate_loses_what_the_charge_brought() -> None:
    lost = dispute("lost", txn("taken", -14100, 1500), currency="eur")
    payment, facts = when(abroad(), told(disputes=(lost,)))
    assert booked(facts) == {"1011": -15600, "6010": 1500, "4910": 13500, "7000": 600}
    won = dispute("won", txn("taken", -14100, 1500), txn("again", 13900), currency="eur")
    _, later = when(payment, told(disputes=(won,)))
    assert booked([*facts, *later]) == {"1011": -1700, "6010": 1500, "7000": 200}


def test_a_refund_in_another_currency_waits_for_what_the_charge_settles_at() -> None:
    early = told(back("all", 10000, 14000), balance_transaction=None)
    payment, facts = when(given(initiated(currency="eur")), early)
    assert booked(facts) == {}
    _, later = when(payment, told(back("all", 10000, 14000)))
    assert booked(later) == {
        "1010": 13080,
        "6000": 420,
        "4000": -13500,
        "1011": -14000,
        "4900": 13500,
        "7000": 500,
    }


def test_at_one_rate_a_refund_says_nothing_of_exchange() -> None:
    _, facts = when(captured(), snapshot(refunds=(refund(balance_transaction=txn("refund", -4000)),)))
    assert [fact.split for fact in facts if isinstance(fact, RefundSettled)] == [None]
