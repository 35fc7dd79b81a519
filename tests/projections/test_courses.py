"""Courses and their revisions as tables: live is what a rebuild makes of the same facts."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ledger.courses import events as facts
from ledger.courses.stream import stream_of
from projections.live import check, rebuild
from tests.ledger.course_examples import ANN, BOB, content, item
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, contents, select

CRS = "crs_1"
DEARER = content(price_minor=9900)
FREE = content(price_minor=0, words_id="wrd_2", items=(item(9),))


def uploaded(course_id: str = CRS, **changes: Any) -> facts.CourseUploaded:
    return facts.CourseUploaded(course_id=course_id, user_id=ANN, content=content(**changes))


def published(history: History, course_id: str = CRS) -> None:
    history.add(stream_of(course_id), uploaded(course_id))
    history.add(stream_of(course_id), facts.CourseSubmitted(course_id=course_id, revision=1))
    history.add(stream_of(course_id), facts.CourseApproved(course_id=course_id, revision=1))
    history.add(stream_of(course_id), facts.CoursePublished(course_id=course_id, revision=1))


def stored(url: str, history: History, **options: Any) -> None:
    append(url, history.recorded)
    catch_up(url, **options)


def course(url: str, course_id: str = CRS) -> dict[str, Any]:
    (row,) = select(url, "SELECT * FROM courses WHERE course_id = %s", course_id)
    return row


def test_a_course_stands_as_its_facts_say(database_url: str) -> None:
    history = History()
    published(history)
    history.add(stream_of(CRS), facts.CourseFeatured(course_id=CRS))
    stored(database_url, history)
    row = course(database_url)
    assert (row["author"], row["status"], row["revision"], row["words_id"]) == (ANN, "published", 1, "wrd_1")
    assert (row["price_minor"], row["currency"], row["free"]) == (4900, "usd", False)
    assert (row["item_count"], row["instructors"], row["position"]) == (2, [ANN], 1)
    assert row["published_position"] == 4
    assert row["featured_at"] is not None
    assert row["uploaded_at"] < row["published_at"] < row["updated_at"]


def test_what_was_bought_keeps_its_revision(database_url: str) -> None:
    history = History()
    published(history)
    history.add(stream_of(CRS), facts.CourseRevised(course_id=CRS, revision=2, content=DEARER))
    history.add(stream_of(CRS), facts.CourseRevised(course_id=CRS, revision=3, content=FREE))
    stored(database_url, history)
    kept = select(database_url, "SELECT revision, content FROM course_revisions ORDER BY revision")
    assert [(row["revision"], row["content"]["price_minor"]) for row in kept] == [
        (1, 4900),
        (2, 9900),
        (3, 0),
    ]
    row = course(database_url)
    assert (row["revision"], row["free"], row["words_id"], row["item_count"]) == (3, True, "wrd_2", 1)


def test_a_course_keeps_its_place_in_the_list_when_it_comes_back(database_url: str) -> None:
    history = History()
    published(history)
    history.add(stream_of(CRS), facts.CourseFeatured(course_id=CRS))
    history.add(stream_of(CRS), facts.CourseArchived(course_id=CRS, by_admin=True, reason="Not so."))
    stored(database_url, history)
    row = course(database_url)
    assert (row["status"], row["reason"], row["taken_down"]) == ("archived", "Not so.", True)
    assert row["featured_at"] is None

    before = len(history.recorded)
    history.add(stream_of(CRS), facts.CourseUnarchived(course_id=CRS, by_admin=True))
    append(database_url, history.recorded[before:])
    catch_up(database_url)
    row = course(database_url)
    assert (row["status"], row["reason"], row["taken_down"]) == ("published", "", False)
    assert row["published_position"] == 4


def test_a_rejected_course_shows_why_until_it_is_submitted_again(database_url: str) -> None:
    history = History()
    history.add(stream_of(CRS), uploaded(), facts.CourseSubmitted(course_id=CRS, revision=1))
    history.add(stream_of(CRS), facts.CourseRejected(course_id=CRS, revision=1, reason="No sound."))
    history.add(stream_of("crs_2"), uploaded("crs_2"), facts.CourseSubmitted(course_id="crs_2", revision=1))
    back = facts.CourseRevised(course_id="crs_2", revision=2, content=FREE, back_to_draft=True)
    history.add(stream_of("crs_2"), back)
    stored(database_url, history)
    rejected, revised = course(database_url), course(database_url, "crs_2")
    assert (rejected["status"], rejected["reason"]) == ("draft", "No sound.")
    assert (revised["status"], revised["reason"]) == ("draft", "")


def _random_history(seed: int) -> History:
    """Any facts in any order, of some courses: rules do not matter to tables."""
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    revisions: dict[str, int] = {}
    for _ in range(200):
        course_id = f"crs_{chance.randrange(20)}"
        at = stream_of(course_id)
        if course_id not in revisions:
            revisions[course_id] = 1
            history.add(at, facts.CourseUploaded(course_id=course_id, user_id=BOB, content=content()))
            continue
        revised = facts.CourseRevised(
            course_id=course_id,
            revision=revisions[course_id] + 1,
            content=chance.choice([content(), DEARER, FREE]),
            back_to_draft=chance.random() < 0.5,
        )
        fact = chance.choice(
            [
                revised,
                facts.CourseSubmitted(course_id=course_id, revision=1),
                facts.CourseRejected(course_id=course_id, revision=1, reason="No."),
                facts.CoursePublished(course_id=course_id, revision=1),
                facts.CourseArchived(course_id=course_id, reason="é"),
                facts.CourseUnarchived(course_id=course_id),
                facts.CourseFeatured(course_id=course_id),
            ]
        )
        revisions[course_id] += int(fact is revised)
        history.add(at, fact)
    return history


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_live_is_rebuilt_after_any_history(database_url: str, seed: int, batch: int) -> None:
    history = _random_history(seed)
    stored(database_url, history, batch=batch)
    live = contents(database_url)
    assert check(database_url).differences == ()
    assert rebuild(database_url) == len(history.recorded)
    assert contents(database_url) == live
