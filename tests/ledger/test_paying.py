"""Payouts: each cent that is available is paid once; what was paid and is taken back comes in by one way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.earnings.commands import RequestPayout, RequestRecall
from ledger.earnings.events import (
    EarningsAccrued,
    PayoutBlocked,
    PayoutOutcomeUnknown,
    PayoutReserved,
    PayoutTransferred,
    PayoutWithheld,
    RecallRefused,
    TransferReversed,
)
from ledger.earnings.refusals import (
    BelowMinimum,
    NoSuchPayout,
    NothingToRecall,
    PayoutInProgress,
    PayoutMadeToday,
    RecallInProgress,
)
from ledger.earnings.state import KEPT_TRANSFERS
from ledger.effects import CreateTransfer, ResolveReversal, ResolveTransfer, ReverseTransfer
from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.permissions import check
from ledger.policies import react
from tests.ledger.examples import recorded
from tests.ledger.paying_examples import HER_ACCOUNT, IVY, Paid, available

# ---------------------------------------------------------------------------------------------- a payout


def test_all_that_is_available_is_reserved_and_then_paid() -> None:
    ivy = available(7000)
    ivy.earned(3500, (ivy.at + timedelta(days=1)).date())
    ivy.ask()
    assert isinstance(ivy.last, PayoutReserved)
    assert (ivy.last.amount_minor, ivy.last.attempt, ivy.last.stripe_account_id) == (7000, 1, HER_ACCOUNT)
    assert ivy.stands() == {"reserved": 7000, "pending": 3500}
    assert ivy.booked() == {}, "nothing has moved"

    ivy.transferred()
    assert isinstance(ivy.last, PayoutTransferred)
    assert ivy.last.was_reserved
    assert ivy.stands() == {"pending": 3500}
    assert ivy.booked() == {"2100": 7000, "1011": -7000}


def test_what_is_to_be_asked_of_stripe_follows_from_the_facts() -> None:
    ivy = available(7000)
    ivy.ask()
    assert react(recorded(ivy.last)) == (CreateTransfer(IVY, "usd", "po_1", 1),)
    ivy.unclear()
    assert react(recorded(ivy.last)) == (ResolveTransfer(IVY, "usd", "po_1", 1),)
    ivy.transferred()
    assert react(recorded(ivy.last)) == ()
    ivy.taken_back(7000, recovery="reversal")
    assert react(recorded(ivy.last)) == (ReverseTransfer(IVY, "usd", ivy.last.recall_id),)
    ivy.recall_unclear(ivy.last.recall_id)
    assert react(recorded(ivy.last)) == (ResolveReversal(IVY, "usd", ivy.last.recall_id),)


def test_nothing_is_paid_while_the_outcome_of_the_last_one_is_not_known() -> None:
    """Cases, marketplace 3."""
    ivy = available(7000)
    ivy.ask()
    ivy.earned(5000)
    for say in (ivy.unclear, ivy.unclear):
        with pytest.raises(PayoutInProgress, match=r"po_1 of 70\.00 USD"):
            ivy.ask("po_2")
        say()
    assert sum(isinstance(event, PayoutOutcomeUnknown) for _, event in ivy.facts) == 1
    assert ivy.stands() == {"reserved": 7000, "available": 5000}
    ivy.transferred()
    ivy.next_day()
    ivy.ask("po_2")
    assert ivy.stands() == {"reserved": 5000}


def test_one_payout_a_day() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.earned(5000)
    with pytest.raises(PayoutMadeToday):
        ivy.ask("po_2")
    ivy.next_day()
    ivy.paid_out("po_2")
    assert ivy.booked() == {"2100": 12000, "1011": -12000}


def test_the_same_request_again_is_the_same_payout() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.next_day()
    ivy.earned(5000)
    ivy.ask("po_1")
    assert ivy.stands() == {"available": 5000}


@pytest.mark.parametrize(("amount", "paid"), [(999, 0), (1000, 1000), (1001, 1001)])
def test_the_least_that_is_paid_is_a_thousand_minor_units(amount: int, paid: int) -> None:
    ivy = available(amount)
    if paid:
        ivy.ask()
        assert ivy.stands() == {"reserved": paid}
    else:
        with pytest.raises(BelowMinimum, match=r"9\.99 USD are available; payouts are made from 10\.00 USD"):
            ivy.ask()


def test_who_is_paid_nothing_is_told_what_is_pending() -> None:
    ivy = available(500)
    ivy.earned(3430, ivy.at.date() + timedelta(days=30))
    with pytest.raises(BelowMinimum, match=r"5\.00 USD are available.*34\.30 USD are pending, until 30 days"):
        ivy.ask()


def test_currencies_are_never_added() -> None:
    """Cases, marketplace 8: each has its stream, and so its minimum and its payout."""
    dollars, euros = available(4000), available(900, "eur")
    dollars.ask()
    with pytest.raises(BelowMinimum):
        euros.ask()
    euros.earned(600)
    euros.ask()
    assert (dollars.payout.amount_minor, euros.payout.amount_minor) == (4000, 1500)


def test_what_is_finer_than_stripe_moves_waits_for_more() -> None:
    ivy = available(12345, "kwd")
    ivy.ask()
    assert ivy.stands() == {"reserved": 12340, "available": 5}


# -------------------------------------------------------------------------------------------- put back


def test_what_stripe_refuses_is_available_again_with_the_date_that_it_had() -> None:
    """Cases, marketplace 4: available since day 30, reserved on 31, refused on 32, not held until 62."""
    ivy = available(7000)
    ivy.next_day()
    ivy.ask()
    ivy.next_day()
    ivy.refused()
    assert isinstance(ivy.last, PayoutBlocked)
    assert (ivy.last.code, ivy.last.amount_minor) == ("balance_insufficient", 7000)
    assert ivy.stands() == {"available": 7000}
    assert ivy.booked() == {}


def test_a_refused_one_is_tried_again_with_what_is_available_by_then() -> None:
    ivy = available(7000)
    ivy.ask()
    ivy.refused()
    ivy.taken_back(2000)
    ivy.retry()
    assert (ivy.payout.attempt, ivy.payout.amount_minor) == (2, 5000)
    ivy.transferred()
    assert ivy.stands() == {}
    with pytest.raises(NoSuchPayout, match="is made"):
        ivy.retry()


def test_one_that_another_came_after_is_over() -> None:
    ivy = available(7000)
    ivy.ask()
    ivy.refused()
    ivy.ask("po_2")
    with pytest.raises(NoSuchPayout, match="not the last"):
        ivy.retry("po_1")
    with pytest.raises(PayoutInProgress):
        ivy.retry("po_2")


def test_what_is_said_of_an_attempt_that_is_over_changes_nothing() -> None:
    ivy = available(7000)
    ivy.ask()
    ivy.refused()
    ivy.refused()
    ivy.unclear()
    late = ivy.transfer()
    ivy.retry()
    ivy.tell(late)
    assert not ivy.last.was_reserved, "the first attempt's transfer is there after all"
    assert ivy.stands() == {"reserved": 7000, "debt": 7000}
    ivy.refused()
    assert ivy.stands() == {}


def test_a_transfer_that_a_restored_ledger_forgot_is_taken_up() -> None:
    ivy = available(7000)
    ivy.ask()
    found = ivy.transfer()
    restored = available(7000)
    restored.tell(found)
    assert not restored.last.was_reserved
    assert restored.stands() == {}
    assert restored.booked() == {"2100": 7000, "1011": -7000}


def test_a_payout_of_which_only_the_transfer_is_known_is_not_begun_again() -> None:
    """After a restore: the same request has the same id, and Stripe made that one."""
    ivy = available(7000)
    ivy.ask()
    found = ivy.transfer()
    restored = available(7000)
    restored.tell(found)
    restored.earned(5000)
    restored.ask("po_1")
    assert isinstance(restored.last, EarningsAccrued)
    assert restored.stands() == {"available": 5000}


def test_a_payout_that_a_forgotten_attempt_paid_is_not_tried_again() -> None:
    ivy = available(7000)
    ivy.ask()
    ivy.refused()
    ivy.tell(ivy.transfer(attempt=2))
    ivy.earned(5000)
    with pytest.raises(NoSuchPayout, match="is made"):
        ivy.retry()


def test_why_nothing_is_paid_is_told_once_for_each_reason() -> None:
    """Cases, marketplace 11: seven daily runs, one notice."""
    ivy = available(5000)
    for _ in range(7):
        ivy.withheld()
        ivy.next_day()
    assert [type(event) for _, event in ivy.facts[1:]] == [PayoutWithheld]
    ivy.withheld("platform_short")
    assert (ivy.last.reason, ivy.last.amount_minor) == ("platform_short", 5000)
    ivy.paid_out()
    ivy.earned(5000)
    ivy.withheld("platform_short")
    assert isinstance(ivy.last, PayoutWithheld), "after a payout it is news again"


def test_another_cause_for_which_an_account_is_not_paid_is_news() -> None:
    ivy = available(5000)
    for detail in ("Open one.", "Open one.", "Finish onboarding.", "Finish onboarding."):
        ivy.withheld("account_not_payable", detail)
    assert [event.detail for _, event in ivy.facts if isinstance(event, PayoutWithheld)] == [
        "Open one.",
        "Finish onboarding.",
    ]
    for detail in ("10.00 USD below zero.", "11.00 USD below zero."):
        ivy.withheld("balance_below_zero", detail)
    assert ivy.last.detail == "10.00 USD below zero."


def test_where_nothing_is_payable_nothing_is_withheld() -> None:
    ivy = available(999)
    ivy.withheld()
    assert len(ivy.facts) == 1


# ------------------------------------------------------------------------------------- back from the paid


def test_what_was_paid_and_is_refunded_is_netted_from_what_comes() -> None:
    """Cases, marketplace 1."""
    ivy = available(7000)
    ivy.paid_out()
    ivy.taken_back(7000)
    assert isinstance(ivy.last, EarningsAccrued)
    assert (ivy.last.recovery, ivy.last.receivable_change_minor) == ("netting", 7000)
    assert ivy.stands() == {"debt": 7000}
    ivy.next_day()
    ivy.earned(3500)
    assert ivy.stands() == {"debt": 3500}
    with pytest.raises(BelowMinimum, match=r"35\.00 USD were paid out and taken back since"):
        ivy.ask("po_2")
    ivy.next_day()
    ivy.earned(7000)
    ivy.paid_out("po_2")
    assert ivy.payout.amount_minor == 3500
    assert ivy.earnings.receivable_minor == 0
    assert ivy.recalled() == []


def test_the_books_have_what_is_owed_back_as_a_receivable_until_it_is_netted() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.taken_back(7000)
    # of 2100 the payment has posted the sale and its refund, which are equal
    assert ivy.booked() == {"1011": -7000, "1210": 7000}
    ivy.earned(3000, (ivy.at + timedelta(days=30)).date())
    assert ivy.booked() == {"1011": -7000, "1210": 4000, "2100": 3000}, "also by what is pending"
    ivy.earned(9000)
    assert ivy.booked() == {"1011": -7000, "2100": 7000}


def test_what_is_covered_by_what_is_available_is_no_recovery() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.earned(8000)
    ivy.taken_back(7000, recovery="reversal")
    assert (ivy.last.recovery, ivy.last.receivable_change_minor) == ("", 0)
    assert ivy.stands() == {"available": 1000}


def test_a_refund_while_a_payout_is_on_its_way_is_netted_after_it() -> None:
    ivy = available(7000)
    ivy.ask()
    ivy.taken_back(7000, recovery="reversal")
    assert (ivy.last.recovery, ivy.last.receivable_change_minor) == ("netting", 0)
    assert ivy.stands() == {"reserved": 7000, "debt": 7000}
    ivy.transferred()
    assert ivy.last.receivable_change_minor == 7000
    assert ivy.stands() == {"debt": 7000}
    assert ivy.booked() == {"1011": -7000, "1210": 7000}


def test_a_transfer_is_reversed_where_the_operator_wants_that() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.taken_back(7000, recovery="reversal")
    [asked] = ivy.recalled()
    assert (asked.transfer_id, asked.amount_minor, asked.cause) == ("tr_po_1", 7000, "refund")
    assert ivy.facts[-2][1].recovery == "reversal"  # type: ignore[union-attr]
    ivy.next_day()
    ivy.earned(9000)
    with pytest.raises(RecallInProgress):
        ivy.ask("po_2")
    ivy.reversed(7000, recall_id=asked.recall_id)
    assert isinstance(ivy.last, TransferReversed)
    assert ivy.stands() == {"available": 9000}, "not netted as well"
    assert ivy.booked() == {}
    ivy.ask("po_2")


def test_what_comes_back_lowers_the_receivable_first() -> None:
    """Dr 1011 70.00; Cr 1210 35.00, which the pending 35.00 do not cover, and Cr 2100 35.00."""
    ivy = available(7000)
    ivy.paid_out()
    ivy.earned(3500, (ivy.at + timedelta(days=9)).date())
    ivy.taken_back(7000, recovery="reversal")
    before = ivy.booked()
    assert before["1210"] == 3500
    ivy.reversed(7000, recall_id=ivy.recalled()[0].recall_id)
    after = ivy.booked()
    assert (before["1210"] - after.get("1210", 0), before["2100"] - after.get("2100", 0)) == (3500, 3500)
    assert ivy.stands() == {"pending": 3500}


def test_what_stripe_does_not_reverse_is_netted() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.taken_back(7000, recovery="reversal")
    ivy.recall_refused(ivy.recalled()[0].recall_id)
    assert isinstance(ivy.last, RecallRefused)
    ivy.recall_refused(ivy.recalled()[0].recall_id)
    ivy.next_day()
    ivy.earned(9000)
    ivy.ask("po_2")
    assert ivy.payout.amount_minor == 2000


def test_a_recall_goes_over_as_many_transfers_as_it_needs_the_newest_first() -> None:
    ivy = available(3000)
    ivy.paid_out("po_1")
    ivy.next_day()
    ivy.earned(4000)
    ivy.paid_out("po_2")
    ivy.taken_back(5000, recovery="reversal")
    asked = [(one.transfer_id, one.amount_minor) for one in ivy.recalled()]
    assert asked == [("tr_po_2", 4000), ("tr_po_1", 1000)]
    ivy.taken_back(2500, recovery="reversal")
    assert [(one.transfer_id, one.amount_minor) for one in ivy.recalled()][2:] == [("tr_po_1", 2000)]
    assert len({one.recall_id for one in ivy.recalled()}) == 3


def test_a_recall_takes_back_what_stripe_moves_and_the_rest_is_netted() -> None:
    """Stripe moves dinars by ten fils."""
    ivy = Paid("kwd")
    ivy.earned(7000)
    ivy.paid_out()
    ivy.taken_back(4515, recovery="reversal")
    assert [one.amount_minor for one in ivy.recalled()] == [4510]
    ivy.taken_back(4, recovery="reversal")
    assert (len(ivy.recalled()), ivy.last.recovery) == (1, "netting")
    ivy.reversed(4510, recall_id=ivy.recalled()[0].recall_id)
    assert ivy.stands() == {"debt": 9}


def test_a_loss_is_recalled_though_its_dispute_held_as_much() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.earned(0, held_change_minor=7000, payment_id="pay_1")
    assert ivy.stands() == {"held": 7000, "debt": 7000}, "nothing more is paid while it lasts"
    assert ivy.recalled() == []
    ivy.taken_back(
        7000, held_change_minor=-7000, kind="dispute_lost", recovery="reversal", payment_id="pay_1"
    )
    assert [(one.amount_minor, one.cause) for one in ivy.recalled()] == [(7000, "dispute_lost")]


def test_a_reversal_that_somebody_makes_at_stripe_brings_money_back_too() -> None:
    """Cases, marketplace 5: that alone does."""
    ivy = available(7000)
    ivy.paid_out()
    ivy.reversed(2500)
    assert ivy.stands() == {"available": 2500}
    assert ivy.booked() == {"2100": 4500, "1011": -4500}
    ivy.next_day()
    ivy.ask("po_2")
    assert ivy.payout.amount_minor == 2500


def test_a_refund_that_fails_after_its_recall_is_paid_again() -> None:
    ivy = available(7000)
    ivy.paid_out()
    ivy.taken_back(7000, recovery="reversal")
    ivy.reversed(7000, recall_id=ivy.recalled()[0].recall_id)
    ivy.taken_back(-7000, kind="refund_failed")
    ivy.next_day()
    ivy.ask("po_2")
    assert ivy.payout.amount_minor == 7000


def test_what_is_owed_back_can_be_recalled_when_somebody_asks() -> None:
    ivy = available(7000)
    with pytest.raises(NothingToRecall, match="owes nothing back"):
        ivy.recall()
    ivy.paid_out()
    ivy.taken_back(7000)
    ivy.earned(1000)
    ivy.recall()
    assert [(one.amount_minor, one.cause) for one in ivy.recalled()] == [(6000, "asked")]
    with pytest.raises(NothingToRecall):
        ivy.recall()


def test_where_no_transfer_is_left_there_is_nothing_to_recall() -> None:
    ivy = available(7000)
    ivy.ask()
    ivy.taken_back(7000)
    with pytest.raises(NothingToRecall, match="No transfer"):
        ivy.recall()


def test_news_out_of_order_make_no_receivable_of_what_was_never_paid() -> None:
    ivy = Paid()
    ivy.taken_back(7000)
    assert ivy.last.receivable_change_minor == 0
    ivy.earned(7000)
    assert ivy.booked() == {}


def test_no_more_than_the_newest_transfers_are_remembered() -> None:
    ivy = Paid()
    for number in range(KEPT_TRANSFERS + 5):
        ivy.earned(1000)
        ivy.paid_out(f"po_{number}")
        ivy.next_day()
    assert len(ivy.earnings.transfers) == KEPT_TRANSFERS
    assert ivy.earnings.transferred_minor == 1000 * (KEPT_TRANSFERS + 5)


# --------------------------------------------------------------------------------------------- who may


def test_instructors_ask_for_payouts_and_admins_for_recalls() -> None:
    ivy = available(7000)
    ivy.ask()
    base: dict[str, Any] = {"command_id": "cmd", "effective_at": ivy.at, "user_id": IVY, "currency": "usd"}
    payout = RequestPayout(**base, payout_id="po_1", stripe_account_id=HER_ACCOUNT)
    recall = RequestRecall(**base)

    def may(command: Command, role: str) -> bool:
        try:
            check(command, Origin(actor=IVY, roles=frozenset({role})))
        except Forbidden:
            return False
        return True

    roles = ("student", "instructor", "enterprise", "admin", "system")
    assert [role for role in roles if may(payout, role)] == ["instructor", "enterprise", "admin", "system"]
    assert [role for role in roles if may(recall, role)] == ["admin", "system"]
    assert not may(ivy.transfer(), "admin")
