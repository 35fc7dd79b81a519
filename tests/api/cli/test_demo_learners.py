"""The demonstration's learners go each way that a purchase can go, by what is there when they do."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from api.coupons.resources import NewCoupon
from api.demo.authors import COURSES, teaching
from api.demo.learners import LEARNERS, Buy, Judge, Learn, LearnerAction, MakeCoupon, learning
from api.demo.plan import OfPayment
from api.reviews.resources import PostReview

END = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
ACTIONS = sorted(learning(1, 1.0, END), key=lambda action: action.at)
BOUGHT = {(one.learner, one.title): one for one in ACTIONS if isinstance(one, Buy)}


def test_everybody_who_is_told_of_buys_something() -> None:
    assert {one.user_id for one in LEARNERS} <= {learner for learner, _ in BOUGHT}
    assert all(one.at < END for one in ACTIONS)


def test_what_is_bought_is_for_sale_by_then_and_bought_once() -> None:
    taught = {one.course.title: one.at for one in teaching(END)}
    for_sale = {course.title for course in COURSES if course.end in {"published", "featured"}}
    purchases = [one for one in ACTIONS if isinstance(one, Buy)]
    assert len(purchases) == len(BOUGHT) == len({one.ref for one in purchases})
    assert all(one.title in for_sale and taught[one.title] < one.at for one in purchases)


def test_nobody_learns_or_judges_what_they_do_not_have() -> None:
    learnt = {(one.learner, one.title): one.at for one in ACTIONS if isinstance(one, Learn)}
    for action in ACTIONS:
        if isinstance(action, LearnerAction) and not isinstance(action, Buy):
            assert BOUGHT[action.learner, action.title].at < action.at
        if isinstance(action, Judge):
            assert learnt[action.learner, action.title] < action.at
            msgspec.convert({"rating": action.rating, "text": action.text}, PostReview)


def test_coupons_are_bodies_of_the_api_and_there_before_they_are_used() -> None:
    made = {one.body["code"]: one.at for one in ACTIONS if isinstance(one, MakeCoupon)}
    used = [one for one in ACTIONS if isinstance(one, Buy) and one.coupon]
    assert {one.coupon for one in used} == made.keys()
    assert all(made[one.coupon] < one.at for one in used)
    for one in ACTIONS:
        if isinstance(one, MakeCoupon):
            msgspec.convert(one.body, NewCoupon)


def test_what_is_given_back_or_disputed_was_bought() -> None:
    refs = {one.ref for one in BOUGHT.values()}
    assert {one.ref for one in ACTIONS if isinstance(one, OfPayment)} <= refs
