"""A course for tokens: given when they are spent, or they come back; and taken when they are given back."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.catalogue import DEFAULT_CATALOGUE, InvalidCatalogue
from ledger.catalogue import check as check_catalogue
from ledger.earnings.following import asked as accruals
from ledger.effects import (
    EnrolRedeemer,
    FollowEarnings,
    FollowRedeemedCourse,
    RestoreRedemption,
    RevokeRedeemedCourse,
)
from ledger.enrolments.commands import EnrolRedeemer as Enrol
from ledger.enrolments.decider import decide
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentEvent,
    EnrolmentRevoked,
    RedeemedCourseDeclined,
    ReservationSuperseded,
    SurplusPaymentFound,
)
from ledger.enrolments.redeeming import enrolment_id_of
from ledger.enrolments.refusals import NothingPaid
from ledger.enrolments.reviews.events import ReviewReinstated, ReviewWithdrawn
from ledger.enrolments.state import Enrolment, evolve
from ledger.enrolments.stream import stream_of
from ledger.journal import postings
from ledger.payments.state import Payment
from ledger.policies import react
from ledger.redemptions.commands import (
    CompleteRedemption,
    ConfirmRedemption,
    GiveUpRedemption,
    Offer,
    ReleaseRedemption,
)
from ledger.redemptions.decider import decide as decide_reward
from ledger.redemptions.events import RedemptionCancelled, RedemptionFulfilled
from ledger.redemptions.refusals import RedemptionInProgress, RedemptionNotOpen
from ledger.redemptions.state import Redeemed
from ledger.shelf import Reward
from tests.ledger.enrolment_examples import (
    ANN,
    BOB,
    IVY,
    activate,
    after,
    enrol_redeemer,
    request_return,
    reserve,
    revoke,
    revoke_redeemed,
    when,
)
from tests.ledger.examples import recorded
from tests.ledger.learning_examples import DONE
from tests.ledger.review_examples import post
from tests.ledger.test_redemptions import CANCEL, FULFIL, of, redeem, status
from tests.ledger.test_redemptions import when as reward_after

COURSE = Offer(kind="premium_content", cost=50, course_id="crs_1")
CONFIRM, COMPLETE = of(ConfirmRedemption), of(CompleteRedemption)
GIVE_UP = of(GiveUpRedemption, reason="already_enrolled")
AT = stream_of("crs_1", ANN)


def declined(enrolment: Enrolment, command: Enrol) -> str:
    """The code of why; the fact changes nothing of the enrolment."""
    (fact,) = decide(command, enrolment)
    assert isinstance(fact, RedeemedCourseDeclined)
    assert evolve(enrolment, fact) == enrolment
    return fact.reason


# ---------------------------------------------------------------------------------------------- the reward


def test_a_course_waits_until_it_is_had_and_nobody_decides_otherwise_meanwhile() -> None:
    waiting = reward_after(Redeemed(), redeem(COURSE), CONFIRM)
    assert status(waiting) == "waiting"
    for asked in (FULFIL, CANCEL):
        with pytest.raises(RedemptionNotOpen, match="being given"):
            decide_reward(asked, waiting)
    with pytest.raises(RedemptionInProgress, match="already"):
        decide_reward(redeem(COURSE, 2), waiting)
    assert status(reward_after(waiting, COMPLETE)) == "fulfilled"


def test_a_course_that_could_not_be_given_gives_the_tokens_back_and_takes_no_course() -> None:
    waiting = reward_after(Redeemed(), redeem(COURSE), CONFIRM)
    (fact,) = decide_reward(GIVE_UP, waiting)
    assert react(recorded(fact, stream="reward-rwd_1")) == (RestoreRedemption("rdm_1", ANN),)
    gone = reward_after(waiting, GIVE_UP)
    assert (status(gone), gone.live, gone.redemptions["rdm_1"].was_given_up) == ("cancelled", 0, True)
    assert decide_reward(COMPLETE, gone) == decide_reward(GIVE_UP, gone) == ()


def test_a_cancelled_course_is_taken_with_the_tokens_given_back() -> None:
    had = reward_after(Redeemed(), redeem(COURSE), CONFIRM, COMPLETE)
    (fact,) = decide_reward(CANCEL, had)
    assert react(recorded(fact, stream="reward-rwd_1")) == (
        RestoreRedemption("rdm_1", ANN),
        RevokeRedeemedCourse("crs_1", ANN, "rdm_1"),
    )
    assert not reward_after(had, CANCEL).redemptions["rdm_1"].was_given_up


def test_no_course_goes_with_tokens_that_were_taken_after_the_release() -> None:
    released = reward_after(Redeemed(), redeem(COURSE), of(ReleaseRedemption, reason="insufficient_tokens"))
    (fact,) = decide_reward(CONFIRM, released)
    assert isinstance(fact, RedemptionCancelled)
    assert fact.course_id == ""


def test_reward_and_enrolment_follow_each_other() -> None:
    (confirmed,) = decide_reward(CONFIRM, reward_after(Redeemed(), redeem(COURSE)))
    asked = react(recorded(confirmed, stream="reward-rwd_1"))
    assert asked == (EnrolRedeemer("crs_1", ANN, "rwd_1", "rdm_1"),)
    (given,) = decide(enrol_redeemer(), Enrolment())
    assert FollowRedeemedCourse("rwd_1", "rdm_1") in react(recorded(given, stream=AT))
    (not_given,) = decide(enrol_redeemer(), after(reserve(), activate()))
    assert react(recorded(not_given, stream=AT)) == (
        FollowRedeemedCourse("rwd_1", "rdm_1", "already_enrolled"),
    )
    (done,) = decide_reward(COMPLETE, reward_after(Redeemed(), redeem(COURSE), CONFIRM))
    assert isinstance(done, RedemptionFulfilled)


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        (Reward(title="?", kind="premium_content", cost=1), "needs it"),
        (Reward(title="?", kind="donation", cost=1, course_id="crs_1"), "belongs to"),
        (Reward(title="?", kind="premium_content", cost=1, course_id="crs_1-usr_2"), "id of a course"),
    ],
)
def test_a_course_on_the_shelf_is_named_as_courses_are(reward: Reward, words: str) -> None:
    with pytest.raises(InvalidCatalogue, match=f"rewards.odd.*{words}"):
        check_catalogue(replace(DEFAULT_CATALOGUE, rewards={"odd": reward}))


# ------------------------------------------------------------------------------------------- the enrolment


def test_the_learner_has_the_course_and_its_instructors_their_part() -> None:
    (given,) = decide(enrol_redeemer(), Enrolment())
    assert isinstance(given, EnrolmentActivated)
    assert (given.redemption_id, given.payment_id, given.buyer_id) == ("rdm_1", "", ANN)
    assert given.sale is not None
    assert (given.sale.price_minor, given.sale.given_minor, given.sale.charged_minor) == (10000, 10000, 0)
    fact = recorded(given, stream=AT)
    legs = {(one.account, one.party): one.amount_minor for one in postings(fact)}
    assert legs == {("2100", IVY): -7000, ("4030", ""): -3000, ("4920", ""): 10000}
    assert FollowEarnings(AT, fact.position) in react(fact)
    assert [(one.user_id, one.amount_minor) for one in accruals(fact, Payment())] == [(IVY, 7000)]
    enrolment = reduce(evolve, (given,), Enrolment())
    assert (enrolment.status, enrolment.sold) == ("active", True), "whatever the plan is"
    with pytest.raises(NothingPaid):
        decide(request_return(), enrolment)


@pytest.mark.parametrize(
    ("enrolment", "offered", "code"),
    [
        (after(reserve(), activate()), {}, "already_enrolled"),
        (after(reserve()), {}, "purchase_in_progress"),
        (Enrolment(), {"author_id": ANN}, "own_course"),
        (Enrolment(), {"status": "archived"}, "course_not_for_sale"),
        (Enrolment(), {"price_minor": 0}, "course_not_for_sale"),
        (Enrolment(), {"instructors": ()}, "course_not_for_sale"),
    ],
)
def test_what_cannot_be_given_is_a_fact_that_says_why(
    enrolment: Enrolment, offered: dict[str, Any], code: str
) -> None:
    assert declined(enrolment, enrol_redeemer(**offered)) == code


def test_somebody_elses_gift_that_is_not_paid_bars_nobody() -> None:
    gift = after(reserve(buyer_id=BOB, gift=True))
    enrolment, facts = when(gift, enrol_redeemer())
    assert [type(one) for one in facts] == [ReservationSuperseded, EnrolmentActivated]
    assert isinstance(decide(activate(), enrolment)[0], SurplusPaymentFound), "it is given back"


def test_what_is_taken_again_takes_what_goes_with_it_and_can_be_had_anew() -> None:
    learnt = after(enrol_redeemer(), DONE, post())
    taken, facts = when(learnt, revoke_redeemed())
    assert isinstance(facts[0], EnrolmentRevoked)
    assert (facts[0].cause, facts[0].cause_id) == ("redemption_cancelled", "rdm_1")
    assert any(isinstance(one, ReviewWithdrawn) for one in facts)
    assert (taken.status, taken.is_live, taken.attempts) == ("revoked", False, learnt.attempts)
    assert decide(revoke_redeemed(), taken) == ()
    again, back = when(taken, enrol_redeemer(2))
    assert (again.status, again.attempt) == ("active", 2)
    assert any(isinstance(one, ReviewReinstated) for one in back)
    assert decide(revoke_redeemed(), again) == (), "it is had by another redemption"
    assert after(enrol_redeemer(), revoke_redeemed(), reserve()).status == "reserved", "and it can be bought"


def test_a_course_that_was_bought_is_not_taken_with_a_redemption_that_was_declined() -> None:
    bought = after(reserve(), activate())
    assert decide(revoke_redeemed(), evolve(bought, decide(enrol_redeemer(), bought)[0])) == ()
    lost: tuple[EnrolmentEvent, ...] = decide(enrol_redeemer(), after(reserve(), activate(), revoke()))
    assert [type(one) for one in lost] == [EnrolmentActivated]


def test_one_redemption_is_one_enrolment() -> None:
    (given,) = decide(enrol_redeemer(), Enrolment())
    assert isinstance(given, EnrolmentActivated)
    assert given.enrolment_id == enrolment_id_of("rdm_1") != enrolment_id_of("rdm_2")
