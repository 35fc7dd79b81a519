"""Learning: what is reported done, what it comes to, and the certificate that comes and goes with access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.effects import CertifyCompletion, FollowCompletion
from ledger.enrolments.decider import ENROLMENT, decide
from ledger.enrolments.events import EnrolmentActivated
from ledger.enrolments.learning.commands import ReportProgress
from ledger.enrolments.learning.events import (
    CertificateIssued,
    CertificateReinstated,
    CertificateRevoked,
    EnrolmentCompleted,
    ProgressReported,
)
from ledger.enrolments.learning.refusals import (
    AccessEnded,
    LearningFrozen,
    LearntTooMuch,
    NotCompleted,
    UnknownItems,
    WrongMeasure,
)
from ledger.enrolments.refusals import AlreadyEnrolled
from ledger.enrolments.state import Enrolment
from ledger.errors import Forbidden, NotFound, Refused
from ledger.message import Command, Origin
from ledger.permissions import check
from ledger.policies import react
from ledger.store.forms import Form
from tests.ledger.course_examples import item
from tests.ledger.enrolment_examples import (
    ANN,
    BOB,
    activate,
    after,
    release,
    request_return,
    reserve,
    restore,
    revoke,
    when,
    withdraw_return,
)
from tests.ledger.examples import NOON, names, recorded
from tests.ledger.learning_examples import (
    DONE,
    LONG,
    SHORT,
    bought,
    certify,
    percent,
    report,
    syllabus,
)


def percent_of(enrolment: Enrolment, number: int = 1) -> int:
    return enrolment.learning.of(f"enr_{number}").percent


def completion(enrolment: Enrolment) -> EnrolmentCompleted:
    found = enrolment.learning.of("enr_1").completed
    assert found is not None
    return found


# ----------------------------------------------------------------------------------------------- progress


def test_progress_is_the_weight_of_what_is_done_of_all() -> None:
    enrolment, facts = when(bought(), report("itm_1"))
    reported = ProgressReported(
        enrolment_id="enr_1", revision=3, before_bp=0, after_bp=2500, items=("itm_1",)
    )
    assert facts == (reported,)
    assert (enrolment.status, percent_of(enrolment)) == ("active", 25)


def test_progress_is_rounded_down_so_that_nothing_but_all_of_it_is_100() -> None:
    nearly = syllabus(item(1, weight=999), item(2, weight=1000), item(3, weight=1))
    enrolment, _ = when(bought(), report("itm_1", "itm_2", syllabus=nearly))
    assert (percent_of(enrolment), enrolment.status) == (99, "active")


def test_what_was_reported_before_is_no_news() -> None:
    once = when(bought(), report("itm_1"))[0]
    assert decide(report("itm_1"), once) == ()
    assert decide(report("itm_1", "itm_1"), once) == ()
    [more] = when(once, report("itm_1", "itm_2", "itm_2"))[1][:1]
    assert isinstance(more, ProgressReported)
    assert (more.items, more.before_bp, more.after_bp) == (("itm_2",), 2500, 10_000)


def test_items_that_the_course_does_not_have_are_named_and_nothing_is_recorded() -> None:
    with pytest.raises(UnknownItems, match="no item 'itm_8', 'itm_9' at its revision 3") as refused:
        decide(report("itm_1", "itm_8", "itm_9"), bought())
    assert refused.value.items == ("itm_8", "itm_9")


def test_of_many_unknown_items_some_are_named() -> None:
    with pytest.raises(UnknownItems, match="and 5 more"):
        decide(report(*(f"x{number}" for number in range(25))), bought())


def test_progress_never_falls_whatever_the_author_adds() -> None:
    half = when(bought(), report("itm_2"))[0]
    longer = syllabus(SHORT, LONG, item(3, weight=16), item(4, weight=20))
    enrolment, [fact] = when(half, report("itm_1", syllabus=longer))
    assert isinstance(fact, ProgressReported)
    assert (fact.before_bp, fact.after_bp) == (7500, 7500)
    assert percent_of(enrolment) == 75


def test_what_was_done_of_an_item_that_is_gone_may_be_said_again() -> None:
    done = when(bought(), report("itm_1"))[0]
    assert decide(report("itm_1", syllabus=syllabus(LONG)), done) == ()


def test_a_course_that_became_less_is_completed_by_the_next_report() -> None:
    most = when(bought(), report("itm_2"))[0]
    enrolment, facts = when(most, report("itm_2", syllabus=syllabus(LONG)))
    assert names(facts) == ["ProgressReported", "EnrolmentCompleted"]
    assert (enrolment.status, completion(enrolment).revision) == ("completed", 4)


def test_a_course_without_items_is_measured_by_a_service_in_per_cent() -> None:
    enrolment, facts = when(bought(), percent(40), percent(40), percent(20))
    assert [fact.after_bp for fact in facts if isinstance(fact, ProgressReported)] == [4000]
    enrolment, facts = when(enrolment, percent(100))
    assert names(facts) == ["ProgressReported", "EnrolmentCompleted"]
    assert completion(enrolment).minutes == 90, "what its author estimates"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (percent(101), "from 0 to 100"),
        (percent(-1), "from 0 to 100"),
        (report(percent=50), "has items"),
        (report("itm_1", percent=50), "not both"),
        (report("itm_1", syllabus=syllabus()), "has no items"),
    ],
)
def test_progress_in_the_wrong_measure_is_refused(command: ReportProgress, why: str) -> None:
    with pytest.raises(WrongMeasure, match=why):
        decide(command, bought())


# --------------------------------------------------------------------------------------------- completion


def test_all_items_done_complete_the_course_and_say_what_a_bonus_depends_on() -> None:
    enrolment, facts = when(bought(), DONE)
    assert names(facts) == ["ProgressReported", "EnrolmentCompleted"]
    done = completion(enrolment)
    assert (done.revision, done.level, done.attempt, done.completed_at) == (
        3,
        "beginner",
        1,
        DONE.effective_at,
    )
    assert (done.minutes, done.elapsed_s, done.plausible) == (60, 3600, True)
    assert enrolment.status == "completed"


@pytest.mark.parametrize(
    ("took", "plausible"),
    [(timedelta(seconds=1), False), (timedelta(seconds=1799), False), (timedelta(minutes=30), True)],
)
def test_a_course_of_an_hour_is_not_learnt_in_less_than_half_of_one(took: timedelta, plausible: Any) -> None:
    """Completed it is, as its items bear it out; the time is what a bonus goes by."""
    enrolment, _ = when(bought(), report("itm_1", "itm_2", after=took))
    assert enrolment.status == "completed"
    assert completion(enrolment).plausible is plausible


def test_nothing_is_plausible_of_an_access_that_began_nobody_knows_when() -> None:
    """As facts of 0.2.0 tell it."""
    begun = ENROLMENT.evolve(
        Enrolment(),
        EnrolmentActivated(
            enrolment_id="enr_1", course_id="crs_1", learner_id=ANN, buyer_id=ANN, attempt=1, revision=3
        ),
    )
    done = completion(when(begun, DONE)[0])
    assert (done.elapsed_s, done.plausible) == (None, False)


def test_what_is_completed_stays_so_when_items_are_added() -> None:
    done = when(bought(), DONE)[0]
    longer = syllabus(SHORT, LONG, item(3))
    enrolment, facts = when(done, report("itm_3", syllabus=longer))
    assert names(facts) == ["ProgressReported"]
    assert (enrolment.status, percent_of(enrolment)) == ("completed", 100)
    assert completion(enrolment) == completion(done)


def test_what_is_completed_is_the_learners_as_what_is_active() -> None:
    done = when(bought(), DONE)[0]
    with pytest.raises(AlreadyEnrolled):
        decide(reserve(2), done)
    late = when(after(reserve(), release(), reserve(2), activate(2)), report("itm_1", "itm_2"))[0]
    assert late.status == "completed"
    assert names(when(late, activate(1))[1]) == ["SurplusPaymentFound"]
    assert names(when(late, activate(1), revoke(1))[1]) == ["SurplusPaymentFound", "SurplusPaymentReturned"]


# ----------------------------------------------------------------------------------------- access and return


@pytest.mark.parametrize(
    ("enrolment", "refusal", "why"),
    [
        (Enrolment(), NotFound, "must be bought"),
        (after(reserve()), AccessEnded, "is reserved"),
        (after(reserve(), release()), AccessEnded, "is released"),
        (after(reserve(), activate(), revoke()), AccessEnded, "is revoked"),
        (after(reserve(), activate(), request_return()), LearningFrozen, "Refund re_1 is under way"),
    ],
)
def test_without_access_nothing_is_learnt(enrolment: Enrolment, refusal: type[Refused], why: str) -> None:
    with pytest.raises(refusal, match=why):
        decide(report("itm_1"), enrolment)


def test_a_return_that_came_to_nothing_lets_learning_go_on() -> None:
    asked = after(reserve(), activate(), request_return(), withdraw_return())
    assert names(when(asked, report("itm_1"))[1]) == ["ProgressReported"]


def test_a_third_of_the_course_cannot_be_returned_and_less_can() -> None:
    third = syllabus(item(1, weight=30), item(2, weight=70))
    with pytest.raises(LearntTooMuch, match=r"30 % of this course is done; .* below 30 %"):
        decide(request_return(), when(bought(), report("itm_1", syllabus=third))[0])
    less = syllabus(item(1, weight=299), item(2, weight=701))
    asked = when(bought(), report("itm_1", syllabus=less), request_return())[0]
    assert asked.returning == "re_1"


def test_lessons_that_are_weighed_anew_take_no_return_from_whoever_has_bought_them() -> None:
    as_bought = syllabus(item(1, weight=20), item(2, weight=80), revision=1)
    as_it_is = syllabus(item(1, weight=60), item(2, weight=40), revision=2)
    learnt = when(bought(), report("itm_1", syllabus=as_it_is))[0]
    for one in ((as_it_is,), ()):
        with pytest.raises(LearntTooMuch, match="60 %"):
            decide(replace(request_return(), syllabuses=one), learnt)
    asked = when(learnt, replace(request_return(), syllabuses=(as_bought, as_it_is)))[0]
    assert asked.returning == "re_1"


def test_what_has_a_certificate_cannot_be_returned() -> None:
    with pytest.raises(LearntTooMuch, match="certificate"):
        decide(request_return(), when(bought(), DONE, certify())[0])


def test_who_gave_a_course_is_not_told_how_much_of_it_is_done() -> None:
    given = after(reserve(buyer_id=BOB, gift=True), replace(activate(), buyer_id=BOB))
    told = set()
    most = syllabus(item(1, weight=60), item(2, weight=40))
    for learnt in ((report("itm_1", syllabus=most),), (DONE, certify())):
        with pytest.raises(LearntTooMuch) as refused:
            decide(request_return(user_id=BOB), when(given, *learnt)[0])
        told.add(refused.value.detail)
    assert len(told) == 1


def test_progress_belongs_to_its_attempt() -> None:
    """Bought again it begins anew; when the refund fails, what was learnt is there again."""
    lost = when(bought(), report("itm_1"), revoke())[0]
    again = when(lost, reserve(2), activate(2))[0]
    assert (percent_of(again, 2), again.status) == (0, "active")
    back = when(lost, restore(), report("itm_2"))[0]
    assert (percent_of(back), back.status) == (100, "completed")
    superseded = when(when(bought(), DONE, revoke(), reserve(2))[0], restore(1))[0]
    assert (superseded.enrolment_id, superseded.status) == ("enr_1", "completed")


def test_the_time_of_learning_counts_from_the_first_access() -> None:
    back = when(bought(), revoke(), restore())[0]
    assert back.learning.of("enr_1").begun_at == NOON


# -------------------------------------------------------------------------------------------- certificates


def test_a_completion_asks_for_its_certificate_and_its_tokens() -> None:
    done = completion(when(bought(), DONE)[0])
    effects = react(recorded(done, stream="enrolment-crs_1-usr_ann"))
    assert effects == (CertifyCompletion("crs_1", ANN, "enr_1"), FollowCompletion("crs_1", ANN))


def test_a_certificate_says_what_was_completed_and_is_issued_once() -> None:
    enrolment, facts = when(bought(), DONE, certify(), certify(words_id="wrd_2"))
    [issued] = [fact for fact in facts if isinstance(fact, CertificateIssued)]
    assert (issued.enrolment_id, issued.revision, issued.level) == ("enr_1", 3, "beginner")
    assert (issued.completed_at, issued.words_id) == (DONE.effective_at, "wrd_1")
    held = enrolment.learning.of("enr_1").certificate
    assert held is not None
    assert (held.certificate_id, held.status) == (issued.certificate_id, "valid")


@pytest.mark.parametrize(
    ("enrolment", "command", "refusal"),
    [
        (Enrolment(), certify(), NotFound),
        (bought(), certify(2), NotFound),
        (when(bought(), report("itm_1"))[0], certify(), NotCompleted),
        (when(bought(), DONE, revoke())[0], certify(), AccessEnded),
    ],
)
def test_a_certificate_is_for_what_is_completed_and_not_lost(
    enrolment: Enrolment, command: Any, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        decide(command, enrolment)


def test_a_certificate_goes_and_comes_with_the_access_in_one_decision() -> None:
    held = when(bought(), DONE, certify())[0]
    lost, gone = when(held, revoke())
    assert names(gone) == ["EnrolmentRevoked", "CertificateRevoked"]
    assert isinstance(gone[1], CertificateRevoked)
    assert (gone[1].cause, gone[1].cause_id) == ("refunded", "re_1")
    assert decide(certify(), lost) == (), "it is there, and revoked"
    back, found = when(lost, restore())
    assert names(found) == ["EnrolmentRestored", "CertificateReinstated"]
    assert isinstance(found[1], CertificateReinstated)
    assert (back.status, found[1].cause) == ("completed", "refund_failed")


def test_a_certificate_of_an_attempt_that_comes_back_beside_a_new_one_stays_revoked() -> None:
    again = when(bought(), DONE, certify(), revoke(), reserve(2), activate(2))[0]
    enrolment, facts = when(again, restore(1))
    assert names(facts) == ["SurplusPaymentFound"]
    held = enrolment.learning.of("enr_1").certificate
    assert held is not None
    assert held.status == "revoked"


def test_what_was_learnt_survives_a_snapshot_of_its_stream() -> None:
    form = Form(ENROLMENT)
    held = when(bought(), DONE, certify())[0]
    assert form.decode(form.encode(held)) == held


# --------------------------------------------------------------------------------------------- permissions


def origin(actor: str, role: str) -> Origin:
    return Origin(actor=actor, roles=frozenset({role}))


@pytest.mark.parametrize(
    ("command", "sender"),
    [
        (report("itm_1"), origin("usr_bob", "student")),
        (certify(), origin("usr_bob", "student")),
        (percent(50), origin(ANN, "student")),
        (certify(), origin("svc_lms", "service")),
    ],
)
def test_nobody_reports_for_another_nor_says_of_themselves_how_much_is_done(
    command: Command, sender: Origin
) -> None:
    with pytest.raises(Forbidden):
        check(command, sender)


@pytest.mark.parametrize(
    ("command", "sender"),
    [
        (report("itm_1"), origin(ANN, "student")),
        (report("itm_1"), origin("svc_lms", "service")),
        (percent(50), origin("usr_root", "admin")),
        (certify(), origin("worker", "system")),
    ],
)
def test_learners_report_for_themselves_and_services_for_all(command: Command, sender: Origin) -> None:
    check(command, sender)
