"""Who teaches a course: nobody unasked, and whose the parts are meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.courses.events import CourseUploaded, InstructorAccepted, InstructorLeft
from ledger.courses.policy import react
from ledger.courses.refusals import AuthorStays
from ledger.courses.state import Course
from ledger.courses.teaching import counting, names
from ledger.effects import WithdrawReview
from ledger.errors import NotFound, Refused
from ledger.split import Part
from tests.ledger.course_examples import (
    ANN,
    BOB,
    COURSE_ID,
    content,
    create,
    given,
    join,
    leave,
    revise,
    when,
)
from tests.ledger.examples import recorded

ALONE = (Part(user_id=ANN, part_bp=10_000),)
BOTH = (Part(user_id=ANN, part_bp=6_000), Part(user_id=BOB, part_bp=4_000))
THEIRS = (Part(user_id=BOB, part_bp=10_000),)


def named(parts: tuple[Part, ...] = BOTH) -> Course:
    return when(Course(), create(content=content(instructors=parts)))[0]


def counts(course: Course) -> tuple[Part, ...]:
    assert course.content is not None
    return course.content.instructors


@pytest.mark.parametrize("parts", [BOTH, THEIRS])
def test_who_is_named_counts_once_they_accept(parts: tuple[Part, ...]) -> None:
    course = named(parts)
    assert (counts(course), course.invited) == (ALONE, (BOB,))
    course, facts = when(course, join(), join())
    assert facts == (InstructorAccepted(course_id=COURSE_ID, user_id=BOB),)
    assert (counts(course), course.invited) == (parts, ())


def test_a_revision_invites_whom_it_adds_and_asks_nobody_twice() -> None:
    course, _ = when(given(), revise(content(instructors=BOTH)))
    assert (counts(course), course.invited) == (ALONE, (BOB,))
    course, _ = when(course, join(), revise(content(instructors=BOTH, level="advanced"), 2))
    assert (counts(course), course.invited) == (BOTH, ())
    course, _ = when(course, revise(content(), 3), revise(content(instructors=BOTH), 4))
    assert (counts(course), course.invited) == (ALONE, (BOB,))


def test_who_is_invited_stays_so_while_all_else_is_revised() -> None:
    course = named()
    assert course.written == content(instructors=BOTH)
    again, facts = when(course, revise(content(instructors=BOTH)))
    assert (again, facts) == (course, ())
    for changed in (content(instructors=BOTH, level="advanced"), content(instructors=THEIRS)):
        revised, _ = when(course, revise(changed))
        assert (counts(revised), revised.invited) == (ALONE, (BOB,)), "nobody teaches unasked"


@pytest.mark.parametrize(("done", "declined"), [((), True), ((join(),), False)])
def test_who_declines_or_leaves_has_no_part(done: Any, declined: bool) -> None:  # noqa: FBT001
    course, facts = when(named(), *done, leave())
    assert facts[-1] == InstructorLeft(course_id=COURSE_ID, user_id=BOB, declined=declined)
    assert (counts(course), course.named, course.invited) == (ALONE, ALONE, ())
    with pytest.raises(NotFound):
        when(course, join())


def test_an_author_takes_an_invitation_back_by_a_revision() -> None:
    course, _ = when(named(), revise(content()))
    assert course.invited == ()
    with pytest.raises(NotFound):
        when(course, join())


@pytest.mark.parametrize("command", [join("usr_eve"), leave("usr_eve")])
def test_to_who_is_not_named_there_is_no_such_course(command: Any) -> None:
    with pytest.raises(NotFound, match=f"There is no course {COURSE_ID}"):
        when(named(), command)


def test_an_author_does_not_leave() -> None:
    with pytest.raises(Refused) as why:
        when(named(), leave(ANN))
    assert isinstance(why.value, AuthorStays)


def test_who_was_an_instructor_before_invitations_is_one() -> None:
    """Facts of then name nobody as invited."""
    course = given(of=content(instructors=BOTH))
    assert (counts(course), course.invited) == (BOTH, ())
    assert CourseUploaded(course_id=COURSE_ID, user_id=ANN, content=content()).invited == ()


def test_ids_are_those_of_the_parts_that_count() -> None:
    for parts in (ALONE, BOTH, THEIRS):
        for waiting in ((), (BOB,)):
            ids = tuple(one.user_id for one in counting(parts, waiting, ANN))
            assert names(tuple(one.user_id for one in parts), waiting, ANN) == ids


def test_an_instructors_own_review_is_withdrawn() -> None:
    accepted = InstructorAccepted(course_id=COURSE_ID, user_id=BOB)
    assert react(recorded(accepted)) == (WithdrawReview(COURSE_ID, BOB),)
