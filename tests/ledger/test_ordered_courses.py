"""A course that an organisation ordered: had on the order's terms, declined, returned, or taken again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.earnings.following_orders import asked_of_order
from ledger.effects import EnrolMember, FollowEarnings, FollowOrderedCourse, RevokeOrderedCourse
from ledger.enrolments.commands import DeclineMember, ReturnOrdered, RevokeOrdered
from ledger.enrolments.commands import EnrolMember as Enrol
from ledger.enrolments.decider import decide
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentRevoked,
    OrderedCourseDeclined,
    ReservationSuperseded,
    SurplusPaymentFound,
)
from ledger.enrolments.learning.refusals import LearntTooMuch
from ledger.enrolments.ordered import enrolment_id_of
from ledger.enrolments.refusals import InvalidText, NotEnrolled, NothingPaid
from ledger.enrolments.state import Enrolment
from ledger.enrolments.stream import stream_of
from ledger.journal import postings
from ledger.orders.commands import WriteOffOrder
from ledger.orders.stream import stream_of as order_stream
from ledger.orders.terms import item_id_of
from ledger.payments.refusals import RefundWindowClosed
from ledger.policies import react
from tests.ledger.enrolment_examples import ANN, BOB, IVY, OF, activate, after, request_return, reserve, when
from tests.ledger.examples import NOON, recorded
from tests.ledger.learning_examples import DONE
from tests.ledger.order_examples import NEW_YEAR, ORDER, SHARED, Ordered, line

AT = stream_of("crs_1", ANN)
ITEM = item_id_of(ORDER, "crs_1", ANN)
SALE = line("crs_1", ANN).sale


def of(kind: type[Any], **changes: Any) -> Any:
    fields: dict[str, Any] = {**OF, "command_id": kind.NAME, "effective_at": NOON, "order_id": ORDER}
    if kind is Enrol:
        fields |= {"sale": SALE, "currency": "usd"}
    if kind is ReturnOrdered:
        fields["reason"] = "By mistake"
    return kind(**{**fields, **changes})


def test_the_member_has_the_course_and_whose_its_price_is_the_order_says() -> None:
    (given,) = decide(of(Enrol), Enrolment())
    assert isinstance(given, EnrolmentActivated)
    assert (given.order_id, given.payment_id, given.buyer_id, given.revision) == (ORDER, "", ANN, 1)
    fact = recorded(given, stream=AT)
    assert postings(fact) == ()
    assert FollowOrderedCourse(ORDER, ITEM, "given") in react(fact)
    enrolment = after(of(Enrol))
    assert (enrolment.status, enrolment.sold) == ("active", True), "it counts to no limit of free courses"
    with pytest.raises(NothingPaid):
        decide(request_return(), enrolment)


@pytest.mark.parametrize(
    ("enrolment", "changes", "code"),
    [
        (after(reserve(), activate()), {}, "already_enrolled"),
        (after(reserve()), {}, "purchase_in_progress"),
        (Enrolment(), {"learner_id": IVY}, "own_course"),
    ],
)
def test_what_cannot_be_given_any_more_is_a_fact_that_says_why(
    enrolment: Enrolment, changes: dict[str, Any], code: str
) -> None:
    (fact,) = decide(of(Enrol, **changes), enrolment)
    assert isinstance(fact, OrderedCourseDeclined)
    assert fact.reason == code
    assert react(recorded(fact, stream=AT)) == (FollowOrderedCourse(ORDER, ITEM, "declined", code),)


def test_who_left_before_it_was_given_is_told_of_by_a_fact_too() -> None:
    (fact,) = decide(of(DeclineMember, reason="not_a_member"), Enrolment())
    assert react(recorded(fact, stream=AT)) == (FollowOrderedCourse(ORDER, ITEM, "declined", "not_a_member"),)


def test_somebody_elses_gift_that_is_not_paid_bars_no_order() -> None:
    gift = after(reserve(buyer_id=BOB, gift=True))
    enrolment, facts = when(gift, of(Enrol))
    assert [type(one) for one in facts] == [ReservationSuperseded, EnrolmentActivated]
    assert isinstance(decide(activate(), enrolment)[0], SurplusPaymentFound), "it is given back"


def test_what_is_returned_is_taken_and_credited() -> None:
    enrolment, facts = when(after(of(Enrol)), of(ReturnOrdered))
    assert isinstance(facts[0], EnrolmentRevoked)
    assert (facts[0].cause, facts[0].cause_id) == ("order_returned", ORDER)
    assert FollowOrderedCourse(ORDER, ITEM, "returned", "By mistake") in react(recorded(facts[0], stream=AT))
    assert enrolment.status == "revoked"
    with pytest.raises(NotEnrolled, match="was returned already"):
        decide(of(ReturnOrdered), enrolment)


@pytest.mark.parametrize(
    ("before", "changes", "refusal"),
    [
        ((of(Enrol),), {"effective_at": NOON + timedelta(days=30, seconds=1)}, RefundWindowClosed),
        ((of(Enrol), DONE), {}, LearntTooMuch),
    ],
)
def test_only_an_admin_returns_late_or_what_is_learnt(
    before: tuple[Any, ...], changes: dict[str, Any], refusal: type[Exception]
) -> None:
    enrolment = after(*before)
    with pytest.raises(refusal):
        decide(of(ReturnOrdered, **changes), enrolment)
    assert isinstance(decide(of(ReturnOrdered, **changes, by_admin=True), enrolment)[0], EnrolmentRevoked)


def test_a_return_says_why() -> None:
    with pytest.raises(InvalidText):
        decide(of(ReturnOrdered, reason=" "), after(of(Enrol)))


def test_what_is_not_paid_is_taken_and_nothing_that_is_had_by_something_else() -> None:
    assert after(of(Enrol), of(RevokeOrdered)).status == "revoked"
    bought = after(reserve(), activate())
    assert decide(of(RevokeOrdered), bought) == ()
    assert decide(of(RevokeOrdered, order_id="ord_other"), after(of(Enrol))) == ()
    (taken, *_) = decide(of(RevokeOrdered), after(of(Enrol)))
    assert not any(isinstance(one, FollowOrderedCourse) for one in react(recorded(taken, stream=AT)))
    assert enrolment_id_of(ORDER, "crs_1", ANN) != enrolment_id_of("ord_other", "crs_1", ANN)


def test_an_order_asks_for_what_follows() -> None:
    ordered = Ordered(line("crs_1", ANN), net_days=30)
    _, released = (recorded(fact, stream=order_stream(ORDER)) for fact in ordered.facts)
    assert react(released) == (EnrolMember(ORDER, ITEM, "crs_1", ANN),)
    (lost,) = ordered.do(WriteOffOrder)
    assert react(recorded(lost, stream=order_stream(ORDER))) == (
        RevokeOrderedCourse(ORDER, ITEM, "crs_1", ANN),
    )
    (recalled,) = ordered.settle("crs_1", ANN)
    assert react(recorded(recalled, stream=order_stream(ORDER))) == (
        RevokeOrderedCourse(ORDER, ITEM, "crs_1", ANN),
    )


def test_earnings_follow_what_is_shared_out_and_what_comes_back() -> None:
    ordered = Ordered(line("crs_1", ANN, BOB, tax=1_000, instructors=SHARED), line("crs_2", ANN), net_days=30)
    (paid,) = ordered.pay(32_000)
    fact = recorded(paid, 7, order_stream(ORDER))
    assert FollowEarnings(fact.stream, 7) in react(fact)
    told = {(one.course_id, one.user_id): one for one in asked_of_order(fact, ordered.order)}
    assert {key: one.amount_minor for key, one in told.items()} == {
        ("crs_1", IVY): 9_334,
        ("crs_1", "usr_max"): 4_666,
        ("crs_2", IVY): 7_000,
    }
    assert len({one.command_id for one in told.values()}) == 3
    ivys = told["crs_1", IVY]
    assert (ivys.kind, ivys.available_on) == ("sale", (NOON + timedelta(days=30)).date())
    assert (ivys.reckoning.basis_minor, ivys.reckoning.kept_minor) == (20_000, 9_334)
    (credited,) = ordered.settle("crs_1", BOB, "returned", "By mistake")
    later = recorded(credited, 8, order_stream(ORDER))
    later = replace(later, metadata=replace(later.metadata, effective_at=NOON + timedelta(days=9)))
    back = {(one.course_id, one.user_id): one for one in asked_of_order(later, ordered.order)}
    assert {key: one.amount_minor for key, one in back.items()} == {
        ("crs_1", IVY): -4_667,
        ("crs_1", "usr_max"): -2_333,
    }
    first = (NEW_YEAR + timedelta(days=30)).date()
    assert {(one.kind, one.available_on) for one in back.values()} == {("refund", first)}


def test_what_is_paid_before_anybody_has_anything_earns_nobody_anything() -> None:
    ordered = Ordered(line("crs_1", ANN))
    (paid,) = ordered.pay(1)
    assert react(recorded(paid, stream=order_stream(ORDER))) == ()
    (paid, _) = ordered.pay(9_999)
    (earned,) = asked_of_order(recorded(paid, stream=order_stream(ORDER)), ordered.order)
    assert earned.amount_minor == 7_000
