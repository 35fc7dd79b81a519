"""The demonstration's community: days in a row by its own clocks, and nothing that is not there yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from api.demo.authors import COURSES, DAILY, teaching
from api.demo.community import (
    CHALLENGE,
    MEMBERS,
    Award,
    Decide,
    Meet,
    Member,
    Redeem,
    community,
    with_challenge,
)
from api.demo.learners import Buy, Learn
from api.rewards.resources import Cancellation, Fulfilment
from api.tokens.resources import NewTokenAward
from ledger.catalogue import DEFAULT_CATALOGUE, check

END = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
ACTIONS = sorted(community(END), key=lambda action: action.at)
HOURS_OF_TWO_YEARS = [END + timedelta(hours=7 * number) for number in range(2 * 366 * 24 // 7)]


def dates(member: Member, end: datetime) -> list[date]:
    return [evening.astimezone(ZoneInfo(member.zone)).date() for evening in member.evenings(end)]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda one: one.user_id)
def test_a_row_of_days_has_no_gap_whenever_it_is_made(member: Member) -> None:
    for end in HOURS_OF_TWO_YEARS:
        days = dates(member, end)
        assert [day - days[0] for day in days] == [timedelta(days=n) for n in range(member.days)], end
        today = end.astimezone(ZoneInfo(member.zone)).date()
        assert today - days[-1] - timedelta(days=member.ended) in {timedelta(0), timedelta(days=1)}
        assert member.evenings(end)[-1] < end


def test_they_live_in_several_zones_and_learn_a_poem_a_day() -> None:
    (course,) = [one for one in COURSES if one.title == DAILY]
    assert len({member.zone for member in MEMBERS}) == len(MEMBERS)
    assert max(member.days for member in MEMBERS) < len(course.lessons), "it is not completed"


def test_what_is_learnt_is_published_and_begun_by_then() -> None:
    (published,) = [one.at for one in teaching(END) if one.course.title == DAILY]
    begun = {one.learner: one.at for one in ACTIONS if isinstance(one, Buy)}
    assert min(begun.values()) > published
    assert all(begun[one.learner] < one.at for one in ACTIONS if isinstance(one, Learn))


def test_what_is_decided_was_redeemed_and_who_accepts_was_asked() -> None:
    redeemed, asked = set(), set()
    for action in ACTIONS:
        match action:
            case Redeem():
                redeemed.add((action.user_id, action.reward))
            case Decide():
                assert (action.user_id, action.reward) in redeemed
            case Meet(what="ask"):
                asked.add((action.user_id, action.other))
            case Meet(what="accept"):
                assert (action.other, action.user_id) in asked


def test_what_is_said_are_bodies_of_the_api() -> None:
    for action in ACTIONS:
        match action:
            case Award(body=body):
                msgspec.convert({"user_id": action.user_id, **body}, NewTokenAward)
            case Decide(body=body):
                msgspec.convert(body, Cancellation if action.what == "cancel" else Fulfilment)


def test_the_rules_of_the_history_are_the_products_and_one_more() -> None:
    then = with_challenge(DEFAULT_CATALOGUE)
    check(then)
    assert then.tokens.rules.keys() - DEFAULT_CATALOGUE.tokens.rules.keys() == {CHALLENGE}
    assert then.version != DEFAULT_CATALOGUE.version, "facts name the rules that they were decided by"
