"""One course: who may do what with it, and when."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.courses.commands import CourseCommand
from ledger.courses.content import check
from ledger.courses.decider import COURSE
from ledger.courses.events import (
    CourseApproved,
    CourseArchived,
    CourseFeatured,
    CoursePublished,
    CourseRejected,
    CourseRevised,
    CourseSubmitted,
    CourseUnarchived,
    CourseUnfeatured,
    CourseUploaded,
)
from ledger.courses.refusals import (
    CourseIncomplete,
    CourseStatusConflict,
    CurrencyFixed,
    InvalidContent,
    ReasonRequired,
    RevisionConflict,
    SellingNotInPlan,
    TakenDown,
)
from ledger.courses.state import Course
from ledger.errors import Forbidden, NotFound, Refused
from ledger.message import Origin
from ledger.permissions import check as check_sender
from ledger.split import Part
from tests.ledger.course_examples import (
    ANN,
    BOB,
    COURSE_ID,
    HASH,
    approve,
    archive,
    bring_back,
    content,
    create,
    feature,
    given,
    item,
    publish,
    reject,
    revise,
    submit,
    take_down,
    unarchive,
    unfeature,
    when,
)

FREE = content(price_minor=0)
DEARER = content(price_minor=9900)
LONGER = content(items=(item(1), item(2), item(3)))
PUBLISHED = (submit(), approve(), publish())


def refused(course: Course, *commands: CourseCommand) -> Any:
    """Why the last of them was."""
    course, _ = when(course, *commands[:-1])
    with pytest.raises(Refused) as why:
        when(course, commands[-1])
    return why.value


def test_an_upload_makes_a_draft_once() -> None:
    course, facts = when(Course(), create(), create())
    assert facts == (CourseUploaded(course_id=COURSE_ID, user_id=ANN, content=content()),)
    assert (course.status, course.revision, course.author) == ("draft", 1, ANN)


def test_a_course_goes_from_draft_to_published() -> None:
    course, facts = when(given(), *PUBLISHED)
    assert facts == (
        CourseSubmitted(course_id=COURSE_ID, revision=1),
        CourseApproved(course_id=COURSE_ID, revision=1),
        CoursePublished(course_id=COURSE_ID, revision=1),
    )
    assert course.status == "published"


@pytest.mark.parametrize(
    ("done", "again"),
    [
        ((submit(),), submit()),
        ((submit(), approve()), approve()),
        (PUBLISHED, publish()),
        (PUBLISHED, unarchive()),
        ((*PUBLISHED, archive()), archive()),
        ((*PUBLISHED, take_down()), take_down()),
        ((*PUBLISHED, take_down()), archive()),
        ((*PUBLISHED, feature()), feature()),
        ((), unfeature()),
        ((), revise(content())),
    ],
)
def test_what_is_so_already_leaves_no_fact(done: tuple[CourseCommand, ...], again: CourseCommand) -> None:
    assert COURSE.decide(again, given(*done)) == ()


@pytest.mark.parametrize(
    ("done", "then"),
    [
        ((), approve()),
        ((), reject()),
        ((), publish()),
        ((), archive()),
        ((), unarchive()),
        ((), feature()),
        ((submit(),), publish()),
        ((submit(),), archive()),
        ((submit(), approve()), submit()),
        ((submit(), approve()), archive()),
        ((submit(), approve()), feature()),
        (PUBLISHED, submit()),
        (PUBLISHED, approve()),
        (PUBLISHED, reject()),
        ((*PUBLISHED, archive()), submit()),
        ((*PUBLISHED, archive()), publish()),
        ((*PUBLISHED, archive()), feature()),
        ((*PUBLISHED, archive()), bring_back()),
    ],
)
def test_nothing_else_moves_it(done: tuple[CourseCommand, ...], then: CourseCommand) -> None:
    why = refused(given(*done), then)
    assert isinstance(why, CourseStatusConflict)
    assert "course" in why.detail


def test_a_course_that_nobody_uploaded_is_not_found() -> None:
    for command in (submit(), approve(), publish(), archive(), feature(), unfeature(), revise(LONGER)):
        assert isinstance(refused(Course(), command), NotFound)


@pytest.mark.parametrize(
    "command",
    [
        revise(LONGER, user_id=BOB),
        submit(user_id=BOB),
        publish(user_id=BOB),
        archive(user_id=BOB),
        unarchive(user_id=BOB),
    ],
)
def test_anothers_course_looks_as_one_that_is_not_there(command: CourseCommand) -> None:
    assert isinstance(refused(given(*PUBLISHED), command), NotFound)


def test_a_rejected_course_is_a_draft_again_with_the_reason() -> None:
    course, facts = when(given(submit()), reject(reason=" Lesson 2 has no sound. "))
    assert facts == (CourseRejected(course_id=COURSE_ID, revision=1, reason="Lesson 2 has no sound."),)
    assert (course.status, course.reason) == ("draft", "Lesson 2 has no sound.")
    assert when(course, submit())[0].reason == ""


def test_an_approval_can_be_taken_back_until_it_is_published() -> None:
    assert given(submit(), approve(), reject()).status == "draft"


@pytest.mark.parametrize("reason", ["", "  ", "\u200b", "x" * 501, "a\0b"])
def test_an_administrator_says_why(reason: str) -> None:
    assert isinstance(refused(given(submit()), reject(reason=reason)), ReasonRequired)
    assert isinstance(refused(given(*PUBLISHED), take_down(reason)), ReasonRequired)


def test_only_the_revision_that_was_looked_at_is_approved_or_rejected() -> None:
    resubmitted = given(submit(), revise(LONGER), submit())
    for command in (approve(1), reject(1)):
        why = refused(resubmitted, command)
        assert isinstance(why, RevisionConflict)
        assert why.revision == 2
    assert given(submit(), revise(LONGER), submit(), approve(2)).status == "approved"


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        (content(items=()), "an item"),
        (content(described=False), "a description"),
        (content(items=(), described=False), "a description and an item"),
    ],
)
def test_what_is_not_whole_is_not_reviewed(without: Any, missing: str) -> None:
    why = refused(given(of=without), submit())
    assert isinstance(why, CourseIncomplete)
    assert f"needs {missing} before" in why.detail


@pytest.mark.parametrize("done", [(submit(),), (submit(), approve()), PUBLISHED])
@pytest.mark.parametrize(
    ("emptied", "missing"),
    [({"items": ()}, ("items",)), ({"described": False}, ("description",))],
)
def test_what_is_reviewed_or_sold_stays_whole(done: Any, emptied: Any, missing: Any) -> None:
    why = refused(given(*done), revise(content(**emptied)))
    assert isinstance(why, CourseIncomplete)
    assert why.missing == missing


def test_a_course_that_was_emptied_while_archived_is_not_brought_back() -> None:
    emptied = given(*PUBLISHED, archive(), revise(content(items=())))
    assert isinstance(refused(emptied, unarchive()), CourseIncomplete)


def test_a_revision_is_the_whole_new_content_under_the_next_number() -> None:
    course, facts = when(given(), revise(LONGER), revise(DEARER, 2))
    assert facts == (
        CourseRevised(course_id=COURSE_ID, revision=2, content=LONGER),
        CourseRevised(course_id=COURSE_ID, revision=3, content=DEARER),
    )
    assert (course.revision, course.content) == (3, DEARER)


def test_of_two_who_revise_the_same_revision_the_second_is_told_the_present_one() -> None:
    why = refused(given(), revise(LONGER), revise(DEARER))
    assert isinstance(why, RevisionConflict)
    assert why.revision == 2


@pytest.mark.parametrize("done", [(submit(),), (submit(), approve())])
def test_a_revision_under_review_takes_it_back_to_draft_unless_only_the_price_changed(done: Any) -> None:
    before = given(*done)
    course, (fact,) = when(before, revise(LONGER))
    assert (course.status, fact.back_to_draft) == ("draft", True)  # type: ignore[union-attr]
    course, (fact,) = when(before, revise(DEARER))
    assert (course.status, fact.back_to_draft) == (before.status, False)  # type: ignore[union-attr]
    both = replace(LONGER, price_minor=9900)
    assert when(before, revise(both))[0].status == "draft"


@pytest.mark.parametrize("done", [PUBLISHED, (*PUBLISHED, archive())])
def test_a_revision_of_a_published_or_archived_course_leaves_it_so(done: Any) -> None:
    course = given(*done)
    assert when(course, revise(LONGER))[0].status == course.status


def test_the_currency_stays_once_it_was_published() -> None:
    euros = content(currency="eur")
    assert given(revise(euros)).content == euros
    for done in (PUBLISHED, (*PUBLISHED, archive())):
        assert isinstance(refused(given(*done), revise(euros)), CurrencyFixed)


def test_a_price_needs_a_plan_that_sells_whichever_way_it_comes() -> None:
    approved = given(submit(), approve())
    assert isinstance(refused(approved, publish(may_sell=False)), SellingNotInPlan)
    free = given(submit(), approve(), publish(may_sell=False), of=FREE)
    assert free.status == "published"
    assert isinstance(refused(free, revise(content(), may_sell=False)), SellingNotInPlan)
    archived = given(*PUBLISHED, archive())
    assert isinstance(refused(archived, unarchive(may_sell=False)), SellingNotInPlan)


def test_a_course_that_is_sold_already_can_be_mended_without_the_plan() -> None:
    assert when(given(*PUBLISHED), revise(LONGER, may_sell=False))[0].revision == 2


def test_an_archived_course_comes_back_by_its_author() -> None:
    course, facts = when(given(*PUBLISHED), archive(reason="A new edition comes."), unarchive())
    assert facts == (
        CourseArchived(course_id=COURSE_ID, reason="A new edition comes."),
        CourseUnarchived(course_id=COURSE_ID),
    )
    assert (course.status, course.reason) == ("published", "")


def test_what_an_administrator_took_down_comes_back_by_an_administrator_alone() -> None:
    down, facts = when(given(*PUBLISHED), take_down())
    assert facts == (CourseArchived(course_id=COURSE_ID, by_admin=True, reason="It teaches what is not so."),)
    assert isinstance(refused(down, unarchive()), TakenDown)
    back, facts = when(down, bring_back())
    assert facts == (CourseUnarchived(course_id=COURSE_ID, by_admin=True),)
    assert (back.status, back.taken_down) == ("published", False)


def test_an_administrator_takes_down_also_what_its_author_archived() -> None:
    down = given(*PUBLISHED, archive(), take_down())
    assert isinstance(refused(down, unarchive()), TakenDown)


def test_a_featured_course_is_so_until_it_is_archived() -> None:
    course, facts = when(given(*PUBLISHED), feature(), unfeature(), feature(), archive(), unarchive())
    assert facts[:2] == (CourseFeatured(course_id=COURSE_ID), CourseUnfeatured(course_id=COURSE_ID))
    assert not course.featured


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"category": "Data Science"}, "category"),
        ({"category": "a" * 51}, "category"),
        ({"level": "wizard"}, "level"),
        ({"language": "english"}, "BCP 47"),
        ({"language": "en_US"}, "BCP 47"),
        ({"estimated_minutes": 0}, "estimated_minutes"),
        ({"price_minor": 49}, "at least 0.50 USD"),
        ({"price_minor": -1}, "0 for a free course"),
        ({"price_minor": 1005, "currency": "kwd"}, "multiple of"),
        ({"currency": "xxx"}, "no currency"),
        ({"words_id": ""}, "words_id"),
        ({"words_hash": "ab"}, "words_hash"),
        ({"items": (item(1), item(1))}, "twice"),
        ({"items": tuple(item(number) for number in range(501))}, "at most 500"),
        ({"items": (item(1, weight=0),)}, r"items\[0\].weight"),
        ({"items": (item(1), item(2, minutes=0))}, r"items\[1\].minutes"),
        ({"items": (item(1, sha256=HASH.upper()),)}, "sha256"),
        ({"items": (item(1, content_ref=""),)}, "content_ref"),
        ({"instructors": ()}, "from 1 to 20 instructors"),
        ({"instructors": (Part(user_id=ANN, part_bp=9_999),)}, "come to 9999"),
        ({"instructors": (Part(user_id=ANN, part_bp=5_000),) * 2}, "there twice"),
        (
            {"instructors": (Part(user_id=ANN, part_bp=10_000), Part(user_id=BOB, part_bp=0))},
            "at least 1",
        ),
    ],
)
def test_content_that_makes_no_sense_is_refused_in_words(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidContent, match=said):
        check(content(**changes))


@pytest.mark.parametrize("language", ["en", "pt-BR", "zh-Hant", "sr-Latn-RS", "es-419"])
def test_a_language_is_named_as_bcp_47_does(language: str) -> None:
    check(content(language=language))


def test_repeats_are_known_whatever_the_plan_says_meanwhile() -> None:
    assert publish().digest() == publish(may_sell=False).digest()
    assert unarchive().digest() == unarchive(may_sell=False).digest()
    assert revise(LONGER).digest() == revise(DEARER).digest(), "the base moved on; what was asked is the same"
    assert revise(LONGER).digest() != revise(LONGER, asked="other").digest()


def test_courses_are_made_by_the_service_and_judged_by_administrators() -> None:
    instructor = Origin(actor=ANN, roles=frozenset({"instructor"}))
    admin = Origin(actor="usr_root", roles=frozenset({"admin"}))
    own: list[CourseCommand] = [revise(LONGER), submit(), publish(), archive(), unarchive()]
    for command in own:
        check_sender(command, instructor)
    judging: list[CourseCommand] = [approve(), reject(), feature(), unfeature(), take_down(), bring_back()]
    for command in judging:
        check_sender(command, admin)
        with pytest.raises(Forbidden):
            check_sender(command, instructor)
    with pytest.raises(Forbidden):
        check_sender(create(), admin)
