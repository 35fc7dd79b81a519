"""The demonstration's connected accounts: each state that one can stay in, after what it depends on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from api.demo.authors import AUTHORS, COURSES, DOCUMENTS, PAIRED, TOGETHER, teaching
from api.demo.instructors import INSTRUCTORS, AskTooLate, Ending, OpenAccount, opening
from api.demo.learners import Buy, learning
from api.demo.plan import DAYS, INSTRUCTORS_CURRENCY, PayInstructors, PayOut, Refund, plan
from api.sandbox.resources.connect.external_accounts import FAILING
from ledger.accounts.countries import is_possible
from ledger.earnings.terms import available_on

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


def sales(title: str) -> list[datetime]:
    return [one.at for one in learning(1, 1.0, END) if isinstance(one, Buy) and one.title == title]


def runs() -> list[datetime]:
    return [one.at for one in plan(1, 1.0, END) if isinstance(one, PayInstructors)]


def test_a_bank_sends_back_what_a_run_paid_by_then() -> None:
    (bounced,) = [one for one in INSTRUCTORS if one.bank]
    assert (bounced.bank in FAILING, bounced.status) == (True, "payouts_disabled")
    (sold_at,) = sales(TOGETHER)
    first = next(at for at in runs() if at.date() >= available_on(sold_at))
    assert END - timedelta(days=bounced.days_ago) < first < END - timedelta(days=SENT_AND_BACK_DAYS)


@pytest.mark.parametrize("hour", [0, 9, 23])
def test_a_payout_is_asked_for_when_it_is_there_and_before_a_run_makes_it(hour: int) -> None:
    end = END.replace(hour=hour)
    (asked,) = [one for one in opening(end) if isinstance(one, AskTooLate)]
    (opened,) = [
        one.at for one in opening(end) if isinstance(one, OpenAccount) and one.instructor == asked.instructor
    ]
    (sold_at,) = [one.at for one in learning(1, 1.0, end) if isinstance(one, Buy) and one.title == TOGETHER]
    assert asked.instructor.user_id == DOCUMENTS
    assert (opened < asked.at, asked.at.date()) == (True, available_on(sold_at))
    all_runs = [one.at for one in plan(1, 1.0, end) if isinstance(one, PayInstructors)]
    assert not [at for at in all_runs if asked.at.date() == at.date() and at < asked.at]


def test_what_is_given_back_was_paid_out_before() -> None:
    of_two = {
        one.ref: one.at for one in learning(1, 1.0, END) if isinstance(one, Buy) and one.title == PAIRED
    }
    (refund,) = [one for one in learning(1, 1.0, END) if isinstance(one, Refund) and one.ref in of_two]
    assert any(available_on(of_two[refund.ref]) <= at.date() and at < refund.at for at in runs())


def test_instructors_come_before_the_platform() -> None:
    moved = [one for one in plan(1, 1.0, END) if isinstance(one, PayInstructors | PayOut)]
    paying = [one for one in moved if isinstance(one, PayInstructors) or one.currency == INSTRUCTORS_CURRENCY]
    assert [type(one) for one in paying] == [PayInstructors, PayOut] * (len(paying) // 2)
    assert len(paying) // 2 in {DAYS // 7, DAYS // 7 + 1}


def test_parts_of_what_several_teach_are_all_of_it() -> None:
    for course in COURSES:
        assert 10_000 % (1 + len(course.taught_with)) == 0, course.title
    assert {one for course in COURSES for one in course.taught_with} <= {one.user_id for one in INSTRUCTORS}


def test_authors_have_theirs_after_their_first_course() -> None:
    opened = {
        action.instructor.user_id: action.at for action in opening(END) if isinstance(action, OpenAccount)
    }
    taught = {action.course.author: action.at for action in reversed(list(teaching(END)))}
    assert opened.keys() >= set(AUTHORS)
    assert all(taught[author] < opened[author] < END for author in AUTHORS)
