"""Buying a course: one purchase at a time, access once the money is captured, and one payment is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.effects import (
    CancelCoursePayment,
    Effect,
    FollowSale,
    RefundCoursePayment,
    ReopenEnrolment,
    StartCoursePayment,
)
from ledger.enrolments.decider import decide
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentExpiring,
    EnrolmentReserved,
    ReservationSuperseded,
    ReturnRequested,
    ReturnWithdrawn,
    SurplusPaymentFound,
)
from ledger.enrolments.following import Unanswered, asked, instead
from ledger.enrolments.learning.refusals import LearntTooMuch
from ledger.enrolments.purchasing import RESERVATION_LASTS
from ledger.enrolments.refusals import (
    AlreadyEnrolled,
    CourseNotForSale,
    GiftNotPossible,
    GiftToSelf,
    InvalidText,
    NotChargeable,
    NotEnrolled,
    NothingPaid,
    OwnCourse,
    PaymentMethodRequired,
    PriceChanged,
    PurchaseInProgress,
    ReturnInProgress,
)
from ledger.enrolments.state import Attempt, Enrolment, evolve
from ledger.enrolments.stream import KIND, parts_of, stream_of
from ledger.errors import NotFound, Refused
from ledger.ids import derived_id
from ledger.journal import postings
from ledger.message import Event
from ledger.payments.commands import CancelPayment, InitiatePayment, RequestRefund
from ledger.payments.decider import decide as decide_payment
from ledger.payments.events import PaymentInitiated, RefundCanceled, RefundFailed, SaleStandingChanged
from ledger.payments.state import Payment
from ledger.policies import react
from ledger.split import WHOLE_BP, Part
from tests.ledger.enrolment_examples import (
    ANN,
    BOB,
    IVY,
    activate,
    after,
    expire,
    release,
    request_return,
    reserve,
    restore,
    revoke,
    when,
    withdraw_return,
)
from tests.ledger.examples import NOON, names, recorded
from tests.ledger.learning_examples import report

STREAM = "enrolment-crs_1-usr_ann"
LATER = NOON + RESERVATION_LASTS


def standing(enrolment: Enrolment) -> tuple[str, str]:
    return enrolment.status, enrolment.payment_id


# --------------------------------------------------------------------------------------------- reserving


def test_a_course_is_reserved_for_half_an_hour_with_the_terms_of_the_sale() -> None:
    enrolment, [reserved] = when(Enrolment(), reserve())
    assert isinstance(reserved, EnrolmentReserved)
    assert (reserved.amount_minor, reserved.currency, reserved.attempt) == (10000, "usd", 1)
    assert reserved.expires_at == NOON + timedelta(minutes=30)
    sale = reserved.sale
    assert (sale.revision, sale.basis_minor, sale.share_bp) == (3, 10000, 7000)
    assert standing(enrolment) == ("reserved", "pay_1")


def test_a_free_course_is_had_at_once() -> None:
    enrolment, [activated] = when(Enrolment(), reserve(offered={"price_minor": 0}, payment_method_id=""))
    assert isinstance(activated, EnrolmentActivated)
    assert (activated.payment_id, activated.revision) == ("", 3)
    assert standing(enrolment) == ("active", "")


def test_a_discount_of_all_of_it_makes_it_free_and_of_the_instructors_nothing_is_posted() -> None:
    offered = {"discount_minor": 10000, "discount_borne_by": "instructor"}
    enrolment, [activated] = when(Enrolment(), reserve(offered=offered, expected_minor=0))
    assert enrolment.status == "active"
    assert postings(recorded(activated, stream=STREAM)) == ()


def test_who_bears_the_discount_is_part_of_the_terms() -> None:
    offered = {"discount_minor": 2000, "discount_borne_by": "instructor", "tax_minor": 800}
    _, [reserved] = when(Enrolment(), reserve(offered=offered, expected_minor=8800))
    assert isinstance(reserved, EnrolmentReserved)
    assert (reserved.sale.basis_minor, reserved.amount_minor) == (8000, 8800)


def test_a_gift_is_for_another_and_paid_by_its_giver() -> None:
    _, [reserved] = when(Enrolment(), reserve(buyer_id=BOB, gift=True))
    assert isinstance(reserved, EnrolmentReserved)
    assert (reserved.buyer_id, reserved.learner_id) == (BOB, ANN)


@pytest.mark.parametrize(
    ("command", "refusal", "why"),
    [
        (reserve(gift=True), GiftToSelf, "for another user"),
        (reserve(offered={"author_id": ANN}), OwnCourse, "own"),
        (reserve(offered={"instructors": (Part(IVY, 5000), Part(ANN, 5000))}), OwnCourse, "own"),
        (reserve(buyer_id=IVY, gift=True), OwnCourse, "own"),
        (reserve(offered={"status": "draft"}), CourseNotForSale, "draft"),
        (reserve(offered={"status": "archived"}), CourseNotForSale, "archived"),
        (reserve(offered={"author_gone": True}), CourseNotForSale, "gone"),
        (reserve(offered={"share_bp": 12000}), CourseNotForSale, "do not add up"),
        (reserve(expected_minor=9000), PriceChanged, "now costs 100.00 USD"),
        (reserve(expected_currency="eur"), PriceChanged, "now costs 100.00 USD"),
        (reserve(payment_method_id=""), PaymentMethodRequired, "payment_method"),
        (
            reserve(offered={"discount_minor": 9990, "discount_borne_by": "platform"}, expected_minor=10),
            NotChargeable,
            "at least 0.50 USD",
        ),
        (reserve(course_id="crs-1"), InvalidText, "hyphen"),
        (reserve(learner_id=""), InvalidText, "learner_id"),
        (reserve(learner_id="x" * 250), InvalidText, "together"),
    ],
)
def test_what_cannot_be_bought_is_refused_in_words(command: Any, refusal: type[Refused], why: str) -> None:
    with pytest.raises(refusal, match=why):
        decide(command, Enrolment())


def test_a_changed_price_is_told() -> None:
    with pytest.raises(PriceChanged) as refused:
        decide(reserve(expected_minor=9000), Enrolment())
    assert (refused.value.to_pay_minor, refused.value.offer.currency) == (10000, "usd")


def test_one_purchase_is_under_way_at_a_time_and_the_second_names_it() -> None:
    with pytest.raises(
        PurchaseInProgress, match=r"POST /api/payments/pay_1/cancel.* until 2026-03-01T12:30:00Z,"
    ):
        decide(reserve(2), after(reserve()))


def test_a_purchase_whose_time_is_over_names_none_and_says_what_is_waited_for() -> None:
    over = after(reserve(), expire(effective_at=LATER))
    with pytest.raises(PurchaseInProgress, match="until the bank has answered") as refused:
        decide(reserve(2), over)
    assert refused.value.until is None


def test_a_gift_that_is_not_paid_gives_way_to_the_learners_own_purchase() -> None:
    given = after(reserve(buyer_id=BOB, gift=True))
    enrolment, [superseded, reserved] = when(given, reserve(2))
    assert isinstance(superseded, ReservationSuperseded)
    assert (superseded.payment_id, superseded.by_payment_id) == ("pay_1", "pay_2")
    assert isinstance(reserved, EnrolmentReserved)
    assert standing(enrolment) == ("reserved", "pay_2")
    assert react(recorded(superseded, stream=STREAM)) == (CancelCoursePayment("crs_1", ANN, "pay_1"),)
    captured_first, _ = when(enrolment, activate(1))
    assert standing(captured_first) == ("active", "pay_1"), "captured money counts, whoever came first"
    _, [_, surplus] = when(enrolment, activate(2), activate(1))
    assert isinstance(surplus, SurplusPaymentFound)


def test_a_gift_that_is_not_paid_gives_way_to_another_givers_and_never_to_its_own() -> None:
    given = after(reserve(buyer_id=BOB, gift=True))
    assert standing(when(given, reserve(2, buyer_id="usr_cleo", gift=True))[0]) == ("reserved", "pay_2")
    with pytest.raises(PurchaseInProgress, match="payment pay_1"):
        decide(reserve(2, buyer_id=BOB, gift=True), given)
    free = when(given, reserve(2, offered={"price_minor": 0}))[0]
    assert standing(free) == ("active", "")


@pytest.mark.parametrize(
    "enrolment",
    [after(reserve()), after(reserve(), activate())],
    ids=["the learner buys it", "the learner has it"],
)
def test_what_somebody_has_or_buys_is_no_givers_to_learn(enrolment: Enrolment) -> None:
    """And the giver's own things come first, so that asking costs a purchase."""
    given = reserve(2, buyer_id=BOB, gift=True)
    with pytest.raises(GiftNotPossible) as one:
        decide(given, enrolment)
    with pytest.raises(GiftNotPossible) as other:
        decide(replace(given, offer=replace(given.offer, author_id=ANN)), Enrolment())
    assert str(one.value) == str(other.value)
    for own, refusal in {
        "expected_minor": PriceChanged,
        "payment_method_id": PaymentMethodRequired,
    }.items():
        with pytest.raises(refusal):
            decide(replace(given, **{own: type(getattr(given, own))()}), enrolment)


def test_nothing_is_bought_twice() -> None:
    with pytest.raises(AlreadyEnrolled):
        decide(reserve(2), after(reserve(), activate()))


# ------------------------------------------------------------------------------------------------ outcome


def test_captured_money_gives_access() -> None:
    enrolment, [activated] = when(after(reserve()), activate())
    assert isinstance(activated, EnrolmentActivated)
    assert (activated.enrolment_id, activated.attempt, activated.as_of) == ("enr_1", 1, 3)
    assert standing(enrolment) == ("active", "pay_1")


def test_attempts_leave_nothing_behind() -> None:
    """Five attempts, four declined: one enrolment, no live reservation."""
    enrolment = Enrolment()
    for number in range(1, 5):
        enrolment, _ = when(enrolment, reserve(number), release(number))
        assert enrolment.status == "released"
    enrolment, facts = when(enrolment, reserve(5), activate(5))
    assert names(facts) == ["EnrolmentReserved", "EnrolmentActivated"]
    assert (standing(enrolment), enrolment.attempt) == (("active", "pay_5"), 5)


@pytest.mark.parametrize("late", [release(as_of=2), activate(as_of=3), revoke(as_of=5), restore(as_of=7)])
def test_what_is_not_newer_changes_nothing(late: Any) -> None:
    assert decide(late, after(reserve(), restore(as_of=7))) == ()


def test_the_last_word_counts_in_whatever_order_all_is_said() -> None:
    assert after(reserve(), revoke(as_of=5), activate(as_of=3)).status == "revoked"
    enrolment, facts = when(after(reserve(), activate()), restore(as_of=7), revoke(as_of=5))
    assert (enrolment.status, names(facts)) == ("active", ["EnrolmentRestored"])
    assert after(reserve(), activate(as_of=4), release(as_of=2)).status == "active"


def test_a_payment_that_is_not_known_here_gives_access_too() -> None:
    """Its reservation was lost, as by a restore; the payment was taken up from Stripe."""
    enrolment, [activated] = when(Enrolment(), activate())
    assert isinstance(activated, EnrolmentActivated)
    assert (activated.enrolment_id, activated.revision, activated.attempt) == ("pay_1", 3, 1)
    assert standing(enrolment) == ("active", "pay_1")


# ------------------------------------------------------------------------------------------------ expiring


def test_the_clock_alone_ends_no_reservation() -> None:
    enrolment, facts = when(after(reserve()), expire(effective_at=LATER), expire(effective_at=LATER))
    assert facts == (EnrolmentExpiring(enrolment_id="enr_1", payment_id="pay_1"),)
    assert (enrolment.status, enrolment.expiring) == ("reserved", True)
    with pytest.raises(PurchaseInProgress):
        decide(reserve(2), enrolment)
    assert after(reserve(), expire(effective_at=LATER), release(reason="canceled")).status == "released"
    assert after(reserve(), expire(effective_at=LATER), activate()).status == "active"


def test_nothing_expires_before_its_time_or_when_it_is_over() -> None:
    assert decide(expire(effective_at=LATER - timedelta(seconds=1)), after(reserve())) == ()
    assert decide(expire(effective_at=LATER), after(reserve(), activate())) == ()
    again = after(reserve(), release(), reserve(2))
    assert decide(expire(1, effective_at=LATER), again) == ()


# ------------------------------------------------------------------------------------------------ surplus


def test_what_is_paid_twice_is_to_be_given_back() -> None:
    late = after(reserve(), release(), reserve(2), activate(2))
    enrolment, [surplus] = when(late, activate(1))
    assert surplus == SurplusPaymentFound(payment_id="pay_1", buyer_id=ANN, kept_payment_id="pay_2", as_of=3)
    assert standing(enrolment) == ("active", "pay_2")
    enrolment, facts = when(enrolment, revoke(1))
    assert names(facts) == ["SurplusPaymentReturned"]
    assert standing(enrolment) == ("active", "pay_2")


def test_what_was_paid_for_a_course_that_became_free_is_given_back() -> None:
    free = reserve(2, offered={"price_minor": 0}, payment_method_id="")
    assert names(when(after(reserve(), release(), free), activate(1))[1]) == ["SurplusPaymentFound"]


def test_a_surplus_whose_refund_fails_is_found_again() -> None:
    twice = after(reserve(), release(), reserve(2), activate(2), activate(1), revoke(1))
    _, [found] = when(twice, restore(1, as_of=8))
    assert isinstance(found, SurplusPaymentFound)
    assert found.as_of == 8


TWICE = after(reserve(), release(), reserve(2), activate(2), activate(1))
"""By `pay_2`, and by `pay_1`, which goes back."""


def test_a_surplus_that_went_back_after_the_access_was_taken_revokes_nothing() -> None:
    enrolment, facts = when(TWICE, revoke(2), revoke(1))
    assert names(facts) == ["EnrolmentRevoked", "SurplusPaymentReturned"]
    assert standing(enrolment) == ("revoked", "pay_2")


def test_a_surplus_that_bounces_once_the_access_was_taken_gives_it() -> None:
    """It was never active before, so that it is not restored; nobody has the course, and it is paid."""
    enrolment, facts = when(TWICE, revoke(1), revoke(2), restore(1, as_of=9))
    assert names(facts)[-1] == "EnrolmentActivated"
    assert standing(enrolment) == ("active", "pay_1")


def test_an_earlier_payment_that_is_captured_first_ends_the_present_one() -> None:
    """Nobody has the course yet, so that the money that is there gives it."""
    enrolment, facts = when(after(reserve(), release(), reserve(2)), activate(1))
    assert names(facts) == ["ReservationSuperseded", "EnrolmentActivated"]
    assert standing(enrolment) == ("active", "pay_1")
    assert standing(when(enrolment, release(2))[0]) == ("active", "pay_1")
    assert names(when(enrolment, activate(2))[1]) == ["SurplusPaymentFound"]


# ------------------------------------------------------------------------------------- revoked and restored


def test_what_is_given_back_takes_the_access_and_it_can_be_bought_again() -> None:
    revoked = after(reserve(), activate(), revoke())
    assert standing(revoked) == ("revoked", "pay_1")
    assert standing(when(revoked, reserve(2), activate(2))[0]) == ("active", "pay_2")


def test_a_refund_that_fails_later_restores_it() -> None:
    enrolment, facts = when(after(reserve(), activate(), revoke()), restore())
    assert names(facts) == ["EnrolmentRestored"]
    assert standing(enrolment) == ("active", "pay_1")


def test_a_refund_that_fails_after_it_was_bought_again_leaves_a_surplus() -> None:
    again = after(reserve(), activate(), revoke(), reserve(2), activate(2))
    enrolment, facts = when(again, restore(1))
    assert names(facts) == ["SurplusPaymentFound"]
    assert standing(enrolment) == ("active", "pay_2")


def test_a_refund_that_fails_while_it_is_bought_again_spares_the_second_payment() -> None:
    enrolment, facts = when(after(reserve(), activate(), revoke(), reserve(2)), restore(1))
    assert names(facts) == ["ReservationSuperseded", "EnrolmentRestored"]
    assert standing(enrolment) == ("active", "pay_1")


# -------------------------------------------------------------------------------------------------- return


def test_a_return_waits_for_its_refund_and_ends_with_it() -> None:
    asked_back = after(reserve(), activate(), request_return())
    assert (asked_back.status, asked_back.returning) == ("active", "re_1")
    assert decide(request_return(), asked_back) == ()
    assert when(asked_back, revoke())[0].returning == ""
    enrolment, facts = when(asked_back, withdraw_return("re_2"), withdraw_return(), withdraw_return())
    assert names(facts) == ["ReturnWithdrawn"]
    assert (enrolment.status, enrolment.returning) == ("active", "")


@pytest.mark.parametrize(
    ("enrolment", "command", "refusal"),
    [
        (Enrolment(), request_return(), NotEnrolled),
        (after(reserve()), request_return(), NotEnrolled),
        (after(reserve(offered={"price_minor": 0})), request_return(), NothingPaid),
        (after(reserve(), activate()), request_return(user_id=BOB), NotFound),
        (after(reserve(), activate(), request_return()), request_return("re_2"), ReturnInProgress),
        (after(reserve(), activate()), replace(request_return(), payment_id="pay_2"), NotEnrolled),
    ],
)
def test_only_what_was_paid_is_returned_to_its_buyer_and_once(
    enrolment: Enrolment, command: Any, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        decide(command, enrolment)


def test_who_lost_the_access_asks_for_what_is_left_of_the_money() -> None:
    """As an administrator took it for a part, or the bank did; the payment knows how much there is."""
    lost = after(reserve(), activate(), revoke())
    enrolment, [asked] = when(lost, replace(request_return("re_rest"), payment_id="pay_1"))
    assert isinstance(asked, ReturnRequested)
    assert (asked.enrolment_id, asked.payment_id, asked.buyer_id) == ("enr_1", "pay_1", ANN)
    assert (enrolment.status, enrolment.returning) == ("revoked", "re_rest")
    done = replace(revoke(as_of=9), cause_id="re_rest")
    assert when(enrolment, done)[0].returning == ""
    assert when(enrolment, withdraw_return("re_rest"))[0].returning == ""
    with pytest.raises(NotFound):
        decide(request_return(user_id=BOB), lost)
    with pytest.raises(ReturnInProgress):
        decide(request_return("re_2"), enrolment)


def test_what_was_learnt_counts_also_when_the_access_is_gone() -> None:
    learnt = [report(f"itm_{number}", command_id=f"cmd_learn_{number}") for number in (1, 2)]
    with pytest.raises(LearntTooMuch):
        decide(request_return(), after(reserve(), activate(), *learnt, revoke()))


def test_a_return_of_an_earlier_payment_freezes_nothing_of_what_was_bought_since() -> None:
    bought_again = after(reserve(), activate(), revoke(), reserve(2), activate(2))
    enrolment, _ = when(bought_again, replace(request_return("re_rest"), payment_id="pay_1"))
    assert (standing(enrolment), enrolment.returning) == (("active", "pay_2"), "")
    assert enrolment.returning_of("pay_1") == "re_rest"
    over, facts = when(enrolment, replace(revoke(1, as_of=9), cause_id="re_rest"))
    assert names(facts) == ["SurplusPaymentReturned"]
    assert (standing(over), over.returning_of("pay_1")) == (("active", "pay_2"), "")
    again, facts = when(over, revoke(2), restore(1, as_of=11))
    assert names(facts)[-1] == "EnrolmentRestored", "it gave access before, and was no surplus"
    assert standing(again) == ("active", "pay_1")


def test_a_return_of_what_a_restored_ledger_has_forgotten_is_its_buyers() -> None:
    heard = replace(revoke(7), buyer_id=ANN)
    enrolment, [asked] = when(after(heard), request_return("re_rest"))
    assert isinstance(asked, ReturnRequested)
    assert (asked.enrolment_id, asked.buyer_id, enrolment.status) == ("pay_7", ANN, "revoked")
    with pytest.raises(NotFound):
        decide(request_return(user_id=BOB), after(heard))


def test_a_return_that_came_to_nothing_is_that_of_its_own_payment() -> None:
    one, another = Attempt(returning="re_1"), Attempt(returning="re_2")
    attempts = Enrolment().attempts.put("pay_1", one).put("pay_2", another)
    enrolment = Enrolment(payment_id="pay_2", attempts=attempts)
    withdrawn = ReturnWithdrawn(enrolment_id="enr_1", refund_id="re_1", payment_id="pay_1")
    after_it = evolve(enrolment, withdrawn)
    assert (after_it.returning_of("pay_1"), after_it.returning_of("pay_2")) == ("", "re_2")


def test_news_of_a_return_that_come_late_leave_nobody_frozen() -> None:
    """It was done, and a part that went with it bounced; what came later is heard first."""
    asked_back = after(reserve(), activate(), request_return("re_9"))
    early, _ = when(asked_back, restore(as_of=9))
    assert early.returning == "re_9", "of refund re_1"
    late = replace(revoke(as_of=8), cause_id="re_9")
    enrolment, facts = when(early, late, late)
    assert names(facts) == ["ReturnWithdrawn"]
    assert (enrolment.status, enrolment.returning) == ("active", "")


# ------------------------------------------------------------------------------------------- what follows


def wish(refund_id: str = "re_1", **more: str) -> RefundCoursePayment:
    """As it follows from a buyer's wish for a return."""
    return RefundCoursePayment("crs_1", ANN, "pay_1", refund_id, ANN, "requested_by_customer", **more)


def changed(state: str, cause: str) -> SaleStandingChanged:
    return SaleStandingChanged(
        payment_id="pay_1",
        user_id=ANN,
        purpose="course",
        purpose_ref=STREAM,
        standing=state,
        cause=cause,
        cause_id="re_1",
        revision=3,
    )


def follow(state: str, cause: str) -> FollowSale:
    return FollowSale("crs_1", ANN, "pay_1", ANN, 3, state, cause, "re_1", as_of=1)


SURPLUS = SurplusPaymentFound(payment_id="pay_1", buyer_id=ANN, kept_payment_id="pay_2", as_of=3)
RETURN = ReturnRequested(enrolment_id="enr_1", payment_id="pay_1", refund_id="re_9", buyer_id=ANN)
SUPERSEDED = ReservationSuperseded(enrolment_id="enr_2", payment_id="pay_2", by_payment_id="pay_1")
SURPLUS_REFUND = derived_id("re", "surplus", "pay_1", "3")


@pytest.mark.parametrize(
    ("event", "effects"),
    [
        (when(Enrolment(), reserve())[1][0], (StartCoursePayment("crs_1", ANN, "pay_1"),)),
        (
            EnrolmentExpiring(enrolment_id="enr_1", payment_id="pay_1"),
            (CancelCoursePayment("crs_1", ANN, "pay_1"),),
        ),
        (SUPERSEDED, (CancelCoursePayment("crs_1", ANN, "pay_2"),)),
        (SURPLUS, (RefundCoursePayment("crs_1", ANN, "pay_1", SURPLUS_REFUND, ANN, "duplicate"),)),
        (RETURN, (wish("re_9", stated_reason="requested_by_customer"),)),
        (when(Enrolment(), activate())[1][0], ()),
    ],
)
def test_a_fact_of_an_enrolment_asks_for_what_must_follow(event: Event, effects: tuple[Effect, ...]) -> None:
    assert react(recorded(event, stream=STREAM)) == effects


@pytest.mark.parametrize(
    ("event", "effects"),
    [
        (changed("paid", "captured"), (follow("paid", "captured"),)),
        (
            RefundFailed(refund_id="re_1", reason="declined", purpose_ref=STREAM),
            (ReopenEnrolment("crs_1", ANN, "re_1"),),
        ),
        (RefundCanceled(refund_id="re_1", purpose_ref=STREAM), (ReopenEnrolment("crs_1", ANN, "re_1"),)),
        (RefundFailed(refund_id="re_1", reason="declined"), ()),
    ],
)
def test_a_fact_of_its_payment_is_followed(event: Event, effects: tuple[Effect, ...]) -> None:
    assert react(recorded(event)) == effects


@pytest.mark.parametrize(
    ("effect", "command"),
    [
        (follow("paid", "captured"), "enrolments.activate"),
        (follow("paid", "dispute_won"), "enrolments.restore"),
        (follow("unpaid", "failed"), "enrolments.release"),
        (follow("given_back", "refunded"), "enrolments.revoke"),
        (ReopenEnrolment("crs_1", ANN, "re_1"), "enrolments.withdraw_return"),
        (CancelCoursePayment("crs_1", ANN, "pay_1"), "payments.cancel"),
    ],
)
def test_each_effect_is_one_command_with_an_id_of_its_own(effect: Any, command: str) -> None:
    first, again = asked(effect, Enrolment(), NOON), asked(effect, Enrolment(), LATER)
    assert first is not None
    assert again is not None
    assert (first.NAME, first.command_id) == (command, again.command_id)
    assert first.digest() == again.digest()


def test_how_a_later_version_says_that_a_sale_stands_changes_nothing() -> None:
    assert asked(follow("lent", ""), Enrolment(), NOON) is None


def test_a_reservation_is_paid_on_its_own_terms() -> None:
    enrolment = after(reserve())
    command = asked(StartCoursePayment("crs_1", ANN, "pay_1"), enrolment, NOON)
    assert isinstance(command, InitiatePayment)
    [initiated] = decide_payment(command, Payment())
    assert isinstance(initiated, PaymentInitiated)
    assert (initiated.purpose_ref, initiated.amount_minor) == (STREAM, 10000)
    assert initiated.sale == enrolment.reservation.sale if enrolment.reservation else False


@pytest.mark.parametrize(
    "enrolment",
    [
        Enrolment(),
        after(reserve(), release()),
        after(reserve(), release(), reserve(2)),
        after(reserve(), expire(effective_at=LATER)),
    ],
)
def test_what_is_not_held_any_more_is_not_paid(enrolment: Enrolment) -> None:
    assert asked(StartCoursePayment("crs_1", ANN, "pay_1"), enrolment, NOON) is None


def test_a_payment_that_was_never_started_releases_its_reservation() -> None:
    expiring = after(reserve(), expire(effective_at=LATER))
    effect = CancelCoursePayment("crs_1", ANN, "pay_1")
    cancel = asked(effect, expiring, LATER)
    assert isinstance(cancel, CancelPayment)
    with pytest.raises(NotFound):
        decide_payment(cancel, Payment())
    command: Any = instead(effect, NotFound.code, LATER)
    assert when(expiring, command)[0].status == "released"


def test_a_surplus_goes_back_in_full_whenever_it_is_found_and_a_return_as_any_refund() -> None:
    surplus = asked(RefundCoursePayment("crs_1", ANN, "pay_1", "re_1", ANN, "duplicate"), Enrolment(), NOON)
    asked_back = after(reserve(), activate(), request_return())
    returned = asked(wish(stated_reason="fraudulent", note="It was my cat."), asked_back, NOON)
    assert isinstance(surplus, RequestRefund)
    assert isinstance(returned, RequestRefund)
    assert (surplus.by_admin, surplus.amount_minor, surplus.reason) == (True, None, "duplicate")
    assert (returned.by_admin, returned.user_id, returned.amount_minor) == (False, ANN, None)
    assert (returned.revoke_access, surplus.revoke_access) == (True, False)
    assert (returned.reason, returned.note) == ("fraudulent", "It was my cat.")
    refused: Any = instead(wish(), "refund_window_closed", NOON)
    assert when(asked_back, refused)[0].returning == ""


def test_a_return_that_is_over_is_asked_for_no_more() -> None:
    for over in (withdraw_return(), revoke()):
        enrolment = after(reserve(), activate(), request_return(), over)
        assert asked(wish(), enrolment, NOON) is None


def test_a_refund_of_a_part_that_fails_ends_no_return_that_is_under_way() -> None:
    asked_back = after(reserve(), activate(), request_return("re_9"))
    assert when(asked_back, restore())[0].returning == "re_9", "of refund re_1"
    assert when(after(reserve(), activate(), request_return()), restore())[0].returning == ""


def test_a_surplus_that_cannot_go_back_now_is_asked_for_again() -> None:
    effect = RefundCoursePayment("crs_1", ANN, "pay_1", "re_1", ANN, "duplicate")
    assert instead(effect, "already_refunded", NOON) is None
    with pytest.raises(Unanswered, match="dispute_open"):
        instead(effect, "dispute_open", NOON)


def test_a_stream_names_its_course_and_its_learner_whatever_the_learners_id() -> None:
    name = stream_of("crs_1", "0f-1a-2b")
    assert KIND.has(name)
    assert parts_of(name) == ("crs_1", "0f-1a-2b")


def test_shares_of_several_instructors_are_kept_as_they_were_agreed() -> None:
    shared = (Part(IVY, 6000), Part("usr_ola", WHOLE_BP - 6000))
    _, [reserved] = when(Enrolment(), reserve(offered={"instructors": shared}))
    assert isinstance(reserved, EnrolmentReserved)
    assert reserved.sale.instructors == shared
