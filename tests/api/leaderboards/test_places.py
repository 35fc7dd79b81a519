"""Ranks and windows around somebody, as pure functions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from api.leaderboards.places import FIRST, Place, around, moment, ranks, ranks_among

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SCORES = st.lists(st.one_of(st.integers(1, 200), st.integers(1, 2**34)), min_size=1, max_size=60)


def place(user: int, score: int) -> Place:
    return Place(f"usr_{user:03}", score, NOON + timedelta(seconds=user % 3), score)


def naive(score: int, scores: list[int]) -> int:
    return 1 + sum(other > score for other in scores)


@for_all(SCORES, st.data())
def test_ranks_of_a_page_are_those_of_the_whole_board(scores: list[int], data: st.DataObject) -> None:
    whole = sorted((place(user, score) for user, score in enumerate(scores)), key=lambda one: one.key)
    assert ranks_among(whole) == {score: naive(score, scores) for score in scores}
    start = data.draw(st.integers(0, len(whole) - 1))
    page = whole[start : data.draw(st.integers(start + 1, len(whole)))]
    first, last = page[0].score, page[-1].score
    users = {score: many for score, many in Counter(scores).items() if last <= score <= first}
    higher = sum(score > first for score in scores)
    found = ranks(first, higher, users)
    assert [found[one.score] for one in page] == [naive(one.score, scores) for one in page]


@pytest.mark.parametrize(
    ("me", "limit", "shown"),
    [
        (2, 4, [1, 2, 3, 4]),
        (10, 4, [7, 8, 9, 10]),
        (1, 4, [1, 2, 3, 4]),
        (9, 4, [7, 8, 9, 10]),
        (5, 4, [4, 5, 6, 7]),
        (5, 3, [4, 5, 6]),
        (5, 1, [5]),
        (5, 20, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_around_somebody_is_a_full_window(me: int, limit: int, shown: list[int]) -> None:
    before = list(range(1, me))[-limit:]
    after = list(range(me + 1, 11))[: limit + 1]
    assert around(before, [me], after, limit) == shown


@for_all(st.integers(0, 12), st.booleans(), st.integers(0, 12), st.integers(1, 9))
def test_a_window_is_full_wherever_there_are_so_many(above_: int, mine: bool, below: int, limit: int) -> None:  # noqa: FBT001  drawn
    whole = list(range(above_ + mine + below))
    own = whole[above_ : above_ + mine]
    shown = around(whole[:above_], own, whole[above_ + mine :], limit)
    assert len(shown) == min(limit, len(whole))
    assert set(own) <= set(shown)
    assert shown == list(range(shown[0], shown[0] + len(shown))) if shown else not whole


@for_all(st.datetimes(timezones=st.just(UTC)))
def test_a_cursor_has_the_very_moment(at: datetime) -> None:
    one = Place("usr_a", 5, at, 5)
    assert moment(one.key) == at
    assert one.key > FIRST
