"""The demonstration's connected accounts: each state that one can stay in, after what it depends on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from api.demo.authors import AUTHORS, teaching
from api.demo.instructors import INSTRUCTORS, Ending, opening
from api.sandbox.resources.connect.external_accounts import FAILING
from ledger.accounts.countries import is_possible

SENT_AND_BACK_DAYS = 7
"""At most: until midnight, on the way, and until the bank sends it back."""
END = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)


def test_there_is_one_in_each_state() -> None:
    assert {one.status for one in INSTRUCTORS} == {
        "enabled",
        "onboarding",
        "restricted",
        "payouts_disabled",
    }
    assert {one.ending for one in INSTRUCTORS} == set(get_args(Ending))
    assert all(is_possible(one.country) for one in INSTRUCTORS)


def test_a_bank_takes_a_payout_and_another_sends_one_back() -> None:
    paid = [one for one in INSTRUCTORS if one.balance_minor]
    assert {one.bank in FAILING for one in paid} == {True, False}
    assert all(one.ending == "complete" for one in paid)
    assert all(one.days_ago > SENT_AND_BACK_DAYS for one in paid)
    assert {one.status for one in paid if one.bank} == {"payouts_disabled"}


def test_authors_have_theirs_after_their_first_course() -> None:
    opened = {action.instructor.user_id: action.at for action in opening(END)}
    taught = {action.course.author: action.at for action in reversed(list(teaching(END)))}
    assert opened.keys() >= set(AUTHORS)
    assert all(taught[author] < opened[author] < END for author in AUTHORS)
