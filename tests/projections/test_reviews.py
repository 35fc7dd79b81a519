"""Reviews as tables, and the numbers of a course that its learners make."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.courses.ratings import average
from ledger.enrolments.stream import stream_of
from ledger.store import conninfo
from ledger.store.migrations import find_migrations
from projections.courses.learners import rating_key
from projections.live import check, rebuild
from tests.ledger.enrolment_examples import activate, reserve, restore, revoke
from tests.ledger.review_examples import OTHER_HASH, edit, hide, post, reply, show
from tests.projections.histories import START, activated, append, progress, revoked
from tests.projections.learners import Learners, by_chance
from tests.projections.tables import catch_up, contents, select

CRS = "crs_1"
ANN, BOB, CAT = (CRS, "usr_a"), (CRS, "usr_b"), (CRS, "usr_c")
ZERO = (0, 0, 0, 0, 0)


@pytest.fixture
def learners() -> Learners:
    """Three of one course."""
    found = Learners()
    found.course(CRS)
    for who in (ANN, BOB, CAT):
        found.buys(*who)
    return found


def stored(url: str, learners: Learners, **options: Any) -> None:
    (known,) = select(url, "SELECT position FROM head")
    append(url, learners.history.recorded[known["position"] :])
    assert catch_up(url, **options).errors == {}


def course(url: str, course_id: str = CRS) -> dict[str, Any]:
    (row,) = select(url, "SELECT * FROM courses WHERE course_id = %s", course_id)
    return row


def review(url: str, who: tuple[str, str] = ANN) -> dict[str, Any]:
    query = "SELECT * FROM reviews WHERE course_id = %s AND learner_id = %s"
    (row,) = select(url, query, *who)
    return row


def stars(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[f"stars_{number}"] for number in range(1, 6))


def mean(row: dict[str, Any]) -> str | None:
    return average(sum(number * many for number, many in enumerate(stars(row), 1)), row["rating_count"])


def test_the_average_is_exact_over_what_is_visible(database_url: str, learners: Learners) -> None:
    for who, rating in ((ANN, 5), (BOB, 5), (CAT, 2)):
        learners.ask(who, post(rating))
    stored(database_url, learners)
    row = course(database_url)
    assert (mean(row), row["rating_count"], stars(row)) == ("4.00", 3, (0, 1, 0, 0, 2))

    learners.ask(CAT, hide())
    stored(database_url, learners)
    row = course(database_url)
    assert (mean(row), row["rating_count"], stars(row)) == ("5.00", 2, (0, 0, 0, 0, 2))

    learners.ask(CAT, show())
    stored(database_url, learners)
    row = course(database_url)
    assert (mean(row), row["rating_count"], stars(row)) == ("4.00", 3, (0, 1, 0, 0, 2))


def test_an_edit_counts_as_it_is_now(database_url: str, learners: Learners) -> None:
    learners.ask(ANN, post(5), edit(3))
    learners.ask(BOB, post(5), hide(), edit(1))
    stored(database_url, learners)
    assert stars(course(database_url)) == (0, 0, 1, 0, 0)


def test_a_learner_who_loses_the_course_counts_no_more_until_they_have_it_again(
    database_url: str, learners: Learners
) -> None:
    learners.ask(ANN, post(4))
    stored(database_url, learners)
    assert (course(database_url)["learners"], stars(course(database_url))) == (3, (0, 0, 0, 1, 0))

    learners.ask(ANN, revoke())
    stored(database_url, learners)
    row = course(database_url)
    assert (row["learners"], row["rating_count"], row["rating_key"], stars(row)) == (2, 0, 0, ZERO)
    assert not review(database_url)["visible"]

    learners.ask(ANN, restore())
    stored(database_url, learners)
    assert (course(database_url)["learners"], stars(course(database_url))) == (3, (0, 0, 0, 1, 0))
    assert review(database_url)["visible"]


def test_a_gift_of_nothing_counts_once_its_learner_has_begun(database_url: str) -> None:
    """Else anybody makes a course popular by giving it to people whom they think up."""
    learners = Learners()
    learners.course(CRS)
    late = START + timedelta(days=2)
    free: dict[str, Any] = {"offered": {"price_minor": 0}}
    learners.ask(ANN, reserve(buyer_id="usr_eve", gift=True, **free), at=START)
    learners.ask(BOB, reserve(buyer_id=BOB[1], **free), at=START)
    learners.ask(CAT, reserve(buyer_id="usr_eve", gift=True), activate(), at=START)
    stored(database_url, learners)
    assert course(database_url)["learners"] == 2, "one began by themselves, and one was paid for"
    for _ in range(2):
        learners.history.add(stream_of(*ANN), progress("enr_1", 0, 5000), effective_at=late)
        stored(database_url, learners)
        assert course(database_url)["learners"] == 3
    query = "SELECT day, enrolments FROM course_days WHERE enrolments > 0 ORDER BY day"
    days = [tuple(row.values()) for row in select(database_url, query)]
    assert days == [(START.date(), 2), (late.date(), 1)]


def test_the_days_hold_who_began_then_and_has_it_still(database_url: str) -> None:
    learners = Learners()
    learners.course(CRS)
    late = START + timedelta(days=2)
    learners.buys(*ANN, at=START)
    learners.buys(*BOB, at=START)
    learners.buys(*CAT, at=late)
    learners.ask(ANN, revoke(), at=late)
    stored(database_url, learners)
    query = "SELECT day, enrolments FROM course_days WHERE enrolments > 0 ORDER BY day"
    days = [tuple(row.values()) for row in select(database_url, query)]
    assert days == [(START.date(), 1), (late.date(), 1)]

    learners.ask(ANN, restore(), at=late)
    stored(database_url, learners)
    days = [tuple(row.values()) for row in select(database_url, query)]
    assert days == [(START.date(), 2), (late.date(), 1)], "a refund that bounces begins nothing"

    learners.ask(ANN, revoke(as_of=9), reserve(2), activate(2, 3), at=late)
    stored(database_url, learners)
    days = [tuple(row.values()) for row in select(database_url, query)]
    assert days == [(START.date(), 1), (late.date(), 2)]


def test_news_of_another_payment_move_nothing(database_url: str, learners: Learners) -> None:
    learners.ask(ANN, post(4), activate(2, 8), revoke(2, 9))
    stored(database_url, learners)
    row = course(database_url)
    assert (row["learners"], row["rating_count"]) == (3, 1)


def test_what_is_said_of_a_payment_that_gave_no_access_takes_none(database_url: str) -> None:
    """Whatever the rules were by which it was recorded."""
    learners = Learners()
    learners.course(CRS)
    learners.history.add(stream_of(*ANN), activated(*ANN), revoked(ANN[1], 2))
    stored(database_url, learners)
    assert course(database_url)["learners"] == 1


def test_a_review_stands_as_its_facts_say(database_url: str, learners: Learners) -> None:
    learners.ask(ANN, post(5), edit(4, words_id="wrd_9", words_hash=OTHER_HASH), reply(), hide("An insult."))
    for voter in ("usr_x", "usr_y"):
        learners.vote(ANN, voter)
    learners.vote(ANN, "usr_x", helpful=False)
    stored(database_url, learners, batch=1)
    row = review(database_url)
    assert (row["rating"], row["words_id"], row["helpful"]) == (4, "wrd_9", 1)
    assert (row["hidden"], row["visible"], row["reason"]) == (True, False, "An insult.")
    assert (row["reply_by"], row["reply_words_id"]) == ("usr_ivy", "wrd_2")
    assert row["posted_at"] < row["edited_at"] < row["replied_at"]


def test_a_course_that_the_ledger_forgot_has_no_numbers_and_stops_nothing(database_url: str) -> None:
    learners = Learners()
    learners.ask(ANN, reserve(), activate(), post(), revoke())
    stored(database_url, learners)
    assert select(database_url, "SELECT * FROM course_learners") == []
    assert check(database_url).differences == ()


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_after_any_history_the_numbers_are_those_of_who_is_there_and_live_is_rebuilt(
    database_url: str, seed: int, batch: int
) -> None:
    learners = by_chance(seed, 300)
    stored(database_url, learners, batch=batch)
    for course_id in ("crs_0", "crs_1", "crs_2"):
        row, visible = course(database_url, course_id), learners.stars(course_id)
        assert stars(row) == tuple(visible[number] for number in range(1, 6))
        assert row["rating_count"] == visible.total()
        assert row["rating_key"] == rating_key(sum(visible.elements()), visible.total())
        assert row["learners"] == learners.active(course_id)
    (days,) = select(database_url, "SELECT sum(enrolments)::int AS n FROM course_days")
    assert days["n"] == sum(one.status == "active" for one in learners.enrolments.values())

    live = contents(database_url)
    assert check(database_url).differences == ()
    assert rebuild(database_url) == len(learners.history.recorded)
    assert contents(database_url) == live


def test_who_had_a_course_before_the_upgrade_is_counted_after_it(database_url: str) -> None:
    learners = by_chance(4, 60)
    stored(database_url, learners)
    after = contents(database_url)
    (migration,) = [one for one in find_migrations("projections") if one.name == "reviews"]
    folded_again = re.findall(r"^(?:TRUNCATE|DELETE)[^;]+;", migration.sql, re.MULTILINE)
    with psycopg.connect(conninfo(database_url, role=None), autocommit=True) as conn:
        conn.execute("TRUNCATE course_learners, course_days")  # as they are when they are made
        for statement in folded_again:
            conn.execute(statement)
    assert catch_up(database_url).errors == {}
    assert contents(database_url) == after


def test_averages_are_told_apart_however_close() -> None:
    most = 10**9
    assert rating_key(5 * most - 1, most) < rating_key(5 * most, most)
    assert rating_key(4 * most - 1, most) > rating_key(4 * (most - 1) - 1, most - 1)
    assert rating_key(9, 2) == rating_key(90, 20)
    assert rating_key(5 * most, most) < 2**63


@pytest.mark.parametrize(
    ("total", "count", "shown"),
    [(0, 0, None), (12, 3, "4.00"), (13, 3, "4.33"), (14, 3, "4.67"), (1445, 1000, "1.45"), (5, 1, "5.00")],
)
def test_an_average_is_shown_with_two_decimals(total: int, count: int, shown: str | None) -> None:
    assert average(total, count) == shown
