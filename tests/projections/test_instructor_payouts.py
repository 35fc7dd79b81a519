"""Payouts as tables: how each stands, what is out of the earnings by it, and what is taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ledger.earnings.events import (
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    PayoutWithheld,
    RecallOutcomeUnknown,
    RecallRefused,
    RecallRequested,
    TransferReversed,
)
from ledger.earnings.stream import stream_of
from projections.live import check
from tests.ledger.examples import DAY, NOON
from tests.projections.histories import History, money
from tests.projections.tables import select
from tests.projections.test_earnings import IVY, accrued, stored


def reserved(amount: int, attempt: int = 1, at: datetime = NOON) -> PayoutReserved:
    return PayoutReserved(
        payout_id="po_1",
        attempt=attempt,
        user_id=IVY,
        currency="usd",
        amount_minor=amount,
        stripe_account_id="acct_1",
        reserved_at=at,
    )


def transferred(amount: int, attempt: int = 1, *, was_reserved: bool = True) -> PayoutTransferred:
    return PayoutTransferred(
        payout_id="po_1",
        attempt=attempt,
        user_id=IVY,
        currency="usd",
        amount_minor=amount,
        stripe_account_id="acct_1",
        transfer_id=f"tr_{attempt}",
        balance_transaction=money(f"tr_{attempt}", -amount),
        was_reserved=was_reserved,
    )


def blocked(amount: int, attempt: int = 1) -> PayoutBlocked:
    return PayoutBlocked(
        payout_id="po_1",
        attempt=attempt,
        user_id=IVY,
        currency="usd",
        amount_minor=amount,
        code="balance_insufficient",
    )


def recall(amount: int) -> RecallRequested:
    return RecallRequested(
        recall_id="rcl_1",
        user_id=IVY,
        currency="usd",
        payout_id="po_1",
        transfer_id="tr_1",
        amount_minor=amount,
        cause="refund",
        cause_position=7,
        requested_at=NOON,
    )


def reversed_(amount: int, recall_id: str = "rcl_1") -> TransferReversed:
    return TransferReversed(
        user_id=IVY,
        currency="usd",
        payout_id="po_1",
        transfer_id="tr_1",
        reversal_id="trr_1",
        recall_id=recall_id,
        amount_minor=amount,
        balance_transaction=money("trr_1", amount),
    )


def tables_of(url: str, *events: Any, days: tuple[int, ...] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Each fact a day after the one before, or on those `days`."""
    history = History()
    for number, event in zip(days or range(len(events)), events, strict=True):
        history.add(stream_of(IVY, "usd"), event, effective_at=NOON + number * DAY)
    stored(url, history)
    assert check(url).differences == ()
    queries = {
        "days": "SELECT * FROM earnings_days ORDER BY happened_on",
        "months": "SELECT * FROM earnings_months ORDER BY month, kind",
        "movements": "SELECT * FROM earnings_movements ORDER BY position",
        "payouts": "SELECT * FROM instructor_payouts",
        "recalls": "SELECT * FROM payout_recalls",
        "withheld": "SELECT * FROM payouts_withheld",
        "turns": "SELECT * FROM payout_turns",
    }
    return {name: select(url, query) for name, query in queries.items()}


def out_of(tables: dict[str, list[dict[str, Any]]]) -> list[tuple[int, int]]:
    """Reserved and transferred, as they change day by day."""
    return [(one["reserved_minor"], one["transferred_minor"]) for one in tables["days"]]


def test_a_payout_is_reserved_then_transferred_and_is_a_movement_of_its_own(database_url: str) -> None:
    tables = tables_of(database_url, accrued(4510), reserved(4510), transferred(4510))
    assert out_of(tables) == [(0, 0), (4510, 0), (-4510, 4510)]
    [payout] = tables["payouts"]
    assert (payout["status"], payout["amount_minor"], payout["transferred_minor"]) == (
        "transferred",
        4510,
        4510,
    )
    assert (payout["transfer_id"], payout["transferred_at"]) == ("tr_1", NOON + 2 * DAY)
    sale, paid = tables["movements"]
    assert (sale["kind"], sale["payout_id"]) == ("sale", "")
    assert (paid["kind"], paid["amount_minor"], paid["payout_id"]) == ("payout", -4510, "po_1")
    assert (paid["available_on"], paid["cause_position"]) == (None, 3)
    assert [(one["kind"], one["amount_minor"]) for one in tables["months"]] == [
        ("payout", -4510),
        ("sale", 4510),
    ]


def test_what_stripe_refused_is_reserved_no_more_and_its_next_attempt_is_another_amount(
    database_url: str,
) -> None:
    unclear = PayoutOutcomeUnknown(
        payout_id="po_1", attempt=1, user_id=IVY, currency="usd", cause="no_answer"
    )
    tables = tables_of(
        database_url, reserved(2000), unclear, blocked(2000), reserved(2500, 2), transferred(2500, 2)
    )
    assert out_of(tables) == [(2000, 0), (-2000, 0), (2500, 0), (-2500, 2500)]
    [payout] = tables["payouts"]
    assert (payout["status"], payout["attempt"], payout["code"]) == ("transferred", 2, "")
    assert [one["kind"] for one in tables["movements"]] == ["payout"]


def test_a_refused_attempt_that_was_made_after_all_ends_not_the_one_that_is_on_its_way(
    database_url: str,
) -> None:
    tables = tables_of(
        database_url,
        reserved(2000),
        blocked(2000),
        reserved(2500, 2),
        transferred(2000, 1, was_reserved=False),
    )
    assert out_of(tables) == [(2000, 0), (-2000, 0), (2500, 0), (0, 2000)]
    [payout] = tables["payouts"]
    assert (payout["status"], payout["attempt"], payout["transferred_minor"]) == ("reserved", 2, 2000)


def test_what_was_taken_for_refused_was_reserved_no_longer_than_until_it_was_made(database_url: str) -> None:
    """Stripe made it on day 1, its answer was lost, and it was given up on day 2."""
    late = transferred(2000, was_reserved=False)
    tables = tables_of(database_url, reserved(2000), blocked(2000), late, days=(0, 2, 1))
    assert out_of(tables) == [(2000, 0), (-2000, 2000), (0, 0)]


def test_what_stripe_dates_on_the_day_before_its_reservation_was_reserved_on_none(database_url: str) -> None:
    asked = reserved(2000, at=NOON + DAY)
    tables = tables_of(database_url, asked, transferred(2000), days=(1, 0))
    assert out_of(tables) == [(0, 2000), (0, 0)]


def test_a_transfer_that_a_restored_ledger_did_not_know_is_a_payout(database_url: str) -> None:
    tables = tables_of(database_url, transferred(2000, was_reserved=False))
    assert out_of(tables) == [(0, 2000)]
    [payout] = tables["payouts"]
    assert (payout["status"], payout["reserved_at"]) == ("transferred", None)


def test_a_recall_goes_from_asked_to_reversed_and_what_comes_back_is_a_movement(database_url: str) -> None:
    tables = tables_of(database_url, transferred(2000, was_reserved=False), recall(500), reversed_(500))
    assert out_of(tables) == [(0, 2000), (0, -500)]
    [payout], [asked] = tables["payouts"], tables["recalls"]
    assert (payout["status"], payout["recalled_minor"]) == ("transferred", 500)
    assert (asked["status"], asked["reversal_id"], asked["ended_at"]) == (
        "reversed",
        "trr_1",
        NOON + 2 * DAY,
    )
    assert [(one["kind"], one["amount_minor"], one["payout_id"]) for one in tables["movements"]] == [
        ("payout", -2000, "po_1"),
        ("payout_reversed", 500, "po_1"),
    ]


@pytest.mark.parametrize(
    ("answer", "status", "code", "ended_at"),
    [
        (
            RecallOutcomeUnknown(recall_id="rcl_1", user_id=IVY, currency="usd", cause="no_answer"),
            "unknown",
            "no_answer",
            None,
        ),
        (
            RecallRefused(
                recall_id="rcl_1", user_id=IVY, currency="usd", amount_minor=500, code="balance_insufficient"
            ),
            "refused",
            "balance_insufficient",
            NOON + DAY,
        ),
    ],
)
def test_a_recall_that_stripe_refuses_is_over_and_an_unclear_one_waits(
    database_url: str, answer: Any, status: str, code: str, ended_at: datetime | None
) -> None:
    [asked] = tables_of(database_url, recall(500), answer)["recalls"]
    assert (asked["status"], asked["code"], asked["ended_at"]) == (status, code, ended_at)


def test_a_reversal_that_nobody_here_asked_for_is_of_its_payout(database_url: str) -> None:
    tables = tables_of(database_url, transferred(2000, was_reserved=False), reversed_(2000, recall_id=""))
    assert (tables["recalls"], tables["payouts"][0]["recalled_minor"]) == ([], 2000)


SHORT = PayoutWithheld(user_id=IVY, currency="usd", amount_minor=1500, reason="platform_short")
BELOW_ZERO = PayoutWithheld(user_id=IVY, currency="usd", amount_minor=1600, reason="balance_below_zero")


def test_what_is_withheld_says_why_and_since_when(database_url: str) -> None:
    [row] = tables_of(database_url, SHORT, BELOW_ZERO)["withheld"]
    assert (row["reason"], row["amount_minor"], row["withheld_at"]) == (
        "balance_below_zero",
        1600,
        NOON + DAY,
    )


def test_nothing_is_withheld_any_more_once_a_payout_is_reserved(database_url: str) -> None:
    assert tables_of(database_url, SHORT, reserved(1600))["withheld"] == []


def turn_of(tables: dict[str, list[dict[str, Any]]]) -> list[int]:
    return [one["position"] for one in tables["turns"]]


def test_a_turn_is_that_of_the_first_shortage_whatever_comes_between(database_url: str) -> None:
    assert turn_of(tables_of(database_url, BELOW_ZERO, SHORT, BELOW_ZERO, SHORT)) == [2]


def test_a_turn_is_kept_when_stripe_refuses_the_payout(database_url: str) -> None:
    tried = (SHORT, reserved(1500), blocked(1500), reserved(1500, 2))
    assert turn_of(tables_of(database_url, *tried)) == [1]


def test_a_turn_is_over_when_the_payout_is_made(database_url: str) -> None:
    assert turn_of(tables_of(database_url, SHORT, reserved(1500), transferred(1500))) == []


def test_whom_stripe_refuses_for_want_of_funds_has_a_turn(database_url: str) -> None:
    assert turn_of(tables_of(database_url, accrued(1500), reserved(1500), blocked(1500), SHORT)) == [3]
