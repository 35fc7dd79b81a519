"""Reviews of a course: one of each learner, and what counts of it follows access and moderation."""

from __future__ import annotations

from collections import Counter
from functools import reduce

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.enrolments.commands import EnrolmentCommand
from ledger.enrolments.decider import decide
from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.reviews.events import (
    ReviewEdited,
    ReviewHidden,
    ReviewPosted,
    ReviewReinstated,
    ReviewReplied,
    ReviewShown,
    ReviewWithdrawn,
)
from ledger.enrolments.reviews.refusals import (
    InvalidReview,
    ReplyNotYours,
    ReviewExists,
    ReviewFrozen,
    ReviewNeedsEnrolment,
    ReviewOfOwnCourse,
    ReviewTooEarly,
)
from ledger.enrolments.state import Enrolment, evolve
from ledger.errors import NotFound, Refused
from tests.ledger.enrolment_examples import (
    IVY,
    activate,
    after,
    request_return,
    reserve,
    restore,
    revoke,
    when,
)
from tests.ledger.examples import names
from tests.ledger.review_examples import (
    HASH,
    OTHER_HASH,
    REVIEW,
    edit,
    hide,
    learner,
    learnt,
    post,
    reply,
    show,
)


def reviewed(*more: EnrolmentCommand) -> Enrolment:
    return when(learner(), post(), *more)[0]


def test_who_has_learnt_some_of_a_course_reviews_it() -> None:
    enrolment, facts = when(learner(), post(4))
    assert facts == (
        ReviewPosted(
            review_id=REVIEW,
            course_id="crs_1",
            learner_id="usr_ann",
            rating=4,
            words_id="wrd_1",
            words_hash=HASH,
        ),
    )
    assert enrolment.review.counts


@pytest.mark.parametrize(
    ("enrolment", "command", "refusal"),
    [
        (Enrolment(), post(), ReviewNeedsEnrolment),
        (learnt(after(reserve())), post(), ReviewNeedsEnrolment),
        (learnt(after(reserve(), activate(), revoke())), post(), ReviewNeedsEnrolment),
        (learner(999), post(), ReviewTooEarly),
        (learner(), post(teaches=True), ReviewOfOwnCourse),
        (reviewed(), post(1), ReviewExists),
        (reviewed(hide()), post(1), ReviewExists),
        (learner(), post(0), InvalidReview),
        (learner(), post(6), InvalidReview),
        (learner(), post(words_id=""), InvalidReview),
        (learner(), post(words_hash="AB" * 32), InvalidReview),
        (learner(), post(review_id=""), InvalidReview),
        (learner(), edit(1), NotFound),
        (reviewed(), edit(1, review_id="rvw_of_another"), NotFound),
        (reviewed(), edit(6), InvalidReview),
        (reviewed(), edit(words_id="wrd_2"), InvalidReview),
        (reviewed(revoke()), edit(1), ReviewNeedsEnrolment),
        (learnt(after(reserve(), activate(), request_return())), post(), ReviewFrozen),
        (reviewed(request_return()), edit(1), ReviewFrozen),
        (reviewed(), edit(1, teaches=True), ReviewOfOwnCourse),
        (reviewed(), hide(" "), InvalidReview),
        (reviewed(), hide("x" * 501), InvalidReview),
        (learner(), hide(), NotFound),
        (learner(), show(), NotFound),
        (reviewed(), reply(teaches=False), ReplyNotYours),
        (reviewed(hide()), reply(), NotFound),
        (reviewed(revoke()), reply(), NotFound),
    ],
)
def test_what_is_refused_says_why(
    enrolment: Enrolment, command: EnrolmentCommand, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        decide(command, enrolment)


def test_a_tenth_of_the_course_is_told_to_who_has_less() -> None:
    with pytest.raises(ReviewTooEarly, match=r"You are 2\.5 % through .* from 10 % on"):
        decide(post(), learner(250))


def test_an_edit_is_a_fact_with_the_stars_before() -> None:
    enrolment, facts = when(reviewed(), edit(2, words_id="wrd_2", words_hash=OTHER_HASH))
    assert facts == (
        ReviewEdited(
            review_id=REVIEW,
            course_id="crs_1",
            rating=2,
            rating_before=5,
            words_id="wrd_2",
            words_hash=OTHER_HASH,
            counts=True,
        ),
    )
    assert (enrolment.review.rating, enrolment.review.words_id) == (2, "wrd_2")


def test_an_edit_changes_what_it_names_alone() -> None:
    (stars,) = decide(edit(2), reviewed())
    (words,) = decide(edit(words_id="wrd_2", words_hash=OTHER_HASH), reviewed())
    assert isinstance(stars, ReviewEdited)
    assert isinstance(words, ReviewEdited)
    assert (stars.rating, stars.words_id) == (2, "wrd_1")
    assert (words.rating, words.words_id) == (5, "wrd_2")


@pytest.mark.parametrize(
    ("enrolment", "command"),
    [
        (reviewed(), edit()),
        (reviewed(), edit(5)),
        (reviewed(hide()), hide("Another reason.")),
        (reviewed(), show()),
        (reviewed(reply()), reply()),
    ],
)
def test_what_is_so_already_is_no_fact(enrolment: Enrolment, command: EnrolmentCommand) -> None:
    assert decide(command, enrolment) == ()


def test_a_hidden_one_does_not_count_until_it_is_shown_and_may_be_mended_meanwhile() -> None:
    enrolment, facts = when(reviewed(), hide(), edit(3), show())
    assert names(facts) == ["ReviewHidden", "ReviewEdited", "ReviewShown"]
    hidden, edited, shown = facts
    assert isinstance(hidden, ReviewHidden)
    assert (hidden.reason, hidden.rating, hidden.counted) == ("An insult.", 5, True)
    assert isinstance(edited, ReviewEdited)
    assert not edited.counts
    assert isinstance(shown, ReviewShown)
    assert (shown.rating, shown.counts) == (3, True)
    assert enrolment.review.counts


def test_it_goes_and_comes_back_with_the_access() -> None:
    enrolment, lost = when(reviewed(), revoke())
    assert names(lost) == ["EnrolmentRevoked", "ReviewWithdrawn"]
    assert not enrolment.review.counts
    enrolment, back = when(enrolment, restore())
    assert names(back) == ["EnrolmentRestored", "ReviewReinstated"]
    assert enrolment.review.counts


@pytest.mark.parametrize(
    "bought", [(reserve(2), activate(2)), (reserve(2, offered={"price_minor": 0}, expected_minor=0),)]
)
def test_bought_again_after_a_refund_the_old_one_is_there_and_is_still_one(
    bought: tuple[EnrolmentCommand, ...],
) -> None:
    enrolment, facts = when(reviewed(revoke()), *bought)
    assert names(facts)[-2:] == ["EnrolmentActivated", "ReviewReinstated"]
    enrolment = learnt(enrolment, 0)
    with pytest.raises(ReviewExists, match=REVIEW):
        decide(post(), enrolment)
    (edited,) = decide(edit(1), enrolment)
    assert isinstance(edited, ReviewEdited)
    assert edited.counts


def test_an_earlier_payment_that_wins_over_a_reservation_brings_it_back_too() -> None:
    _, facts = when(reviewed(revoke(), reserve(2)), restore())
    assert names(facts) == ["ReservationSuperseded", "EnrolmentRestored", "ReviewReinstated"]


def test_news_of_a_payment_that_gives_no_access_move_no_review() -> None:
    _, facts = when(reviewed(), activate(2, 3), revoke(2, 4))
    assert names(facts) == ["SurplusPaymentFound", "SurplusPaymentReturned"]


def test_one_that_was_hidden_and_withdrawn_counts_again_once_neither_is_so() -> None:
    _, facts = when(reviewed(), hide(), revoke(), show(), restore())
    counted = [getattr(fact, "counts", getattr(fact, "counted", None)) for fact in facts]
    assert names(facts) == [
        *("ReviewHidden", "EnrolmentRevoked", "ReviewWithdrawn"),
        *("ReviewShown", "EnrolmentRestored", "ReviewReinstated"),
    ]
    assert counted == [True, None, False, False, None, True]


def test_one_that_is_hidden_does_not_count_when_the_access_is_back() -> None:
    enrolment, facts = when(reviewed(), hide(), revoke(), restore())
    assert isinstance(facts[-1], ReviewReinstated)
    assert not facts[-1].counts
    assert not enrolment.review.counts


def test_a_reply_takes_the_place_of_the_one_before() -> None:
    enrolment, facts = when(reviewed(), reply(), reply(words_id="wrd_3", user_id="usr_joy"))
    assert [fact.instructor_id for fact in facts if isinstance(fact, ReviewReplied)] == [IVY, "usr_joy"]
    assert (enrolment.review.reply_by, enrolment.review.reply_words_id) == ("usr_joy", "wrd_3")


class Course:
    """Several learners of one course, and its stars as the facts add up to."""

    def __init__(self) -> None:
        self.learners = [learner() for _ in range(3)]
        self.stars: Counter[int] = Counter()

    def ask(self, number: int, command: EnrolmentCommand) -> None:
        try:
            facts = decide(command, self.learners[number])
        except Refused:
            return
        for fact in facts:
            self._add(fact)
        self.learners[number] = reduce(evolve, facts, self.learners[number])

    def _add(self, fact: EnrolmentEvent) -> None:
        match fact:
            case ReviewPosted(rating=rating):
                self.stars[rating] += 1
            case ReviewEdited(counts=True):
                self.stars[fact.rating_before] -= 1
                self.stars[fact.rating] += 1
            case ReviewHidden(counted=True) | ReviewWithdrawn(counted=True):
                self.stars[fact.rating] -= 1
            case ReviewShown(counts=True) | ReviewReinstated(counts=True):
                self.stars[fact.rating] += 1
            case _:
                pass  # nothing that others see of it changes

    def visible(self) -> Counter[int]:
        """Looked at one by one."""
        shown = [one.review for one in self.learners if one.review.counts and one.status == "active"]
        return Counter(review.rating for review in shown)


STARS = st.integers(1, 5)
STEPS = st.one_of(
    STARS.map(post),
    STARS.map(edit),
    st.sampled_from([hide(), show(), reply()]),
    st.integers(5, 40).map(lambda at: revoke(as_of=at)),
    st.integers(5, 40).map(lambda at: restore(as_of=at)),
    st.sampled_from([reserve(2), activate(2), revoke(2, 6), restore(2, 8)]),
)


@for_all(st.lists(st.tuples(st.integers(0, 2), STEPS), max_size=40))
def test_the_stars_that_facts_add_up_to_are_those_of_the_visible(
    steps: list[tuple[int, EnrolmentCommand]],
) -> None:
    course = Course()
    for number, command in steps:
        course.ask(number, command)
        assert +course.stars == course.visible()
        assert min(course.stars.values(), default=0) >= 0
