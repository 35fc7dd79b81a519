"""The demonstration's sales: courses are bought, learnt, judged, given away and given back.

One learner for each way that a purchase can go, named after it, and a crowd that makes the numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from api.demo.authors import COURSES, DAILY, PAIRED, TOGETHER, UPGRADED, YEARLY, Course
from api.demo.instructors import SOLD_TOGETHER
from api.demo.plan import Action, AnswerDispute, Authenticate, CourseAction, Refund
from api.demo.subscribers import GOOD

CROWD = 24
SALES = 60
CODE, PLATFORMS_CODE = "SPRING-20", "WELCOME-5"
RETURNED, OVERDRAWN = "usr_returned", "usr_goodwill"
STATISTICS, LEARNING, WATERCOLOUR, SPANISH = (
    *("Statistics with R", "Machine learning in practice"),
    *("Watercolour for beginners", "Spanisch für die Reise"),
)
OPINIONS = (
    (5, "Clear, and never too fast."),
    (5, "The best hours of my month."),
    (4, "Good examples; the last lesson could be longer."),
    (4, "I would have liked more exercises."),
    (3, "Useful, though I knew half of it."),
    (2, "The sound is low in places."),
    (5, "I use it at work every day now."),
    (5, "Finally somebody who explains why."),
    (4, "Well paced. The second lesson is the best."),
    (4, "Short, and to the point."),
    (4, "A good start; I want a sequel."),
    (3, "More theory than I had hoped for."),
    (3, "Fine, but the examples are all alike."),
    (5, "My sister has it now, too."),
)
"""Nobody says of a course what somebody else has said of it."""


class MakeCoupon(CourseAction, frozen=True, kw_only=True):
    """By its author, or an administrator where the platform bears it."""

    body: dict[str, Any]
    author: str = ""

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.author, self.body["code"]})


class LearnerAction(CourseAction, frozen=True, kw_only=True):
    learner: str
    title: str

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.learner, self.title})


class Buy(LearnerAction, frozen=True, kw_only=True):
    """`ref` names the payment in later actions. With `buyer` it is a gift."""

    ref: str
    payment_method: str | None = GOOD
    coupon: str = ""
    buyer: str = ""

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.learner, self.title, self.ref, self.coupon, self.buyer}) - {""}


class Learn(LearnerAction, frozen=True, kw_only=True):
    lessons: int


class Judge(LearnerAction, frozen=True, kw_only=True):
    rating: int
    text: str


class TakeName(CourseAction, frozen=True, kw_only=True):
    """What stands on certificates."""

    learner: str
    name: str

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.learner})


class Learner(msgspec.Struct, frozen=True):
    user_id: str
    about: str


LEARNERS = (
    Learner("usr_learning", "one lesson of three is done"),
    Learner("usr_monthly", "completed, with a certificate: the plan has them"),
    Learner("usr_gifted", "has a course that somebody else paid"),
    Learner("usr_coupon", f"paid with {CODE}, which the author bears"),
    Learner(
        "usr_waiting", "the bank wants a confirmation: the course is held for half an hour, and then released"
    ),
    Learner("usr_declined", "the card was declined"),
    Learner(RETURNED, "gave it back, and has no access any more"),
    Learner("usr_partly", "got a part back, and keeps the course"),
    Learner(
        OVERDRAWN, "got it all back, after the instructors were paid and the tokens for it spent: owes tokens"
    ),
    Learner("usr_disputing", "the bank took the money back, and the access went with it"),
)


def learning(seed: int, scale: float, end: datetime) -> Iterator[Action]:
    """All that learners do, up to some hours before `end`; in no order."""

    def ago(days: float) -> datetime:
        return end - timedelta(days=days)

    yield MakeCoupon(at=ago(60), author=YEARLY, body=_coupon(CODE, percent_bp=2_000, max_uses=100))
    five = {"amount_minor": 500, "currency": "usd", "scope": "platform", "borne_by": "platform"}
    yield MakeCoupon(at=ago(59), body=_coupon(PLATFORMS_CODE, **five, minimum_price_minor=2_000))
    yield from _each_way(ago)
    yield from _crowd(random.Random(f"learners-{seed}"), scale, end)  # noqa: S311  repeatable, no secret


def _coupon(code: str, **terms: Any) -> dict[str, Any]:
    return {"code": code, "scope": "instructor", "max_uses_per_user": 1, **terms}


def _each_way(ago: Callable[[float], datetime]) -> Iterator[Action]:
    yield Buy(at=ago(33), ref="c-learning", learner="usr_learning", title=STATISTICS)
    yield Learn(at=ago(32), learner="usr_learning", title=STATISTICS, lessons=1)
    yield TakeName(at=ago(50), learner="usr_monthly", name="Mona Lindqvist")
    yield Buy(at=ago(49), ref="c-certified", learner="usr_monthly", title=LEARNING)
    yield Learn(at=ago(45), learner="usr_monthly", title=LEARNING, lessons=3)
    yield Judge(at=ago(44), learner="usr_monthly", title=LEARNING, rating=5, text="It pays for itself.")
    yield Buy(at=ago(28), ref="c-gift", learner="usr_gifted", title=WATERCOLOUR, buyer="usr_1001")
    yield Buy(at=ago(27), ref="c-coupon", learner="usr_coupon", title=STATISTICS, coupon=CODE)
    yield Buy(at=ago(0.01), ref="c-waiting", learner="usr_waiting", title=LEARNING,
              payment_method="pm_card_authenticationRequired")  # fmt: skip
    yield Buy(at=ago(8), ref="c-confirmed", learner="usr_confirmed", title=SPANISH,
              payment_method="pm_card_authenticationRequired")  # fmt: skip
    yield Authenticate(at=ago(8) + timedelta(minutes=3), ref="c-confirmed")
    yield Buy(at=ago(6), ref="c-declined", learner="usr_declined", title=SPANISH,
              payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")  # fmt: skip
    yield Buy(at=ago(16), ref="c-returned", learner=RETURNED, title=WATERCOLOUR)
    yield Refund(at=ago(14), ref="c-returned")
    yield Buy(at=ago(25), ref="c-partly", learner="usr_partly", title=LEARNING, coupon=PLATFORMS_CODE)
    yield Refund(at=ago(20), ref="c-partly", amount_minor=2_000, note="A lesson was missing for a week.")
    yield Buy(at=ago(22), ref="c-disputed", learner="usr_disputing", title=LEARNING,
              payment_method="pm_card_createDispute")  # fmt: skip
    yield AnswerDispute(at=ago(17), ref="c-disputed", won=False)
    yield from _paid_out(ago)


def _paid_out(ago: Callable[[float], datetime]) -> Iterator[Action]:
    """What instructors get by payouts, and have to give back."""
    yield Buy(at=ago(SOLD_TOGETHER), ref="c-together", learner="usr_speaker", title=TOGETHER)
    yield Buy(at=ago(84), ref="c-paired", learner="usr_player", title=PAIRED)
    yield Buy(at=ago(83), ref="c-goodwill", learner=OVERDRAWN, title=PAIRED)
    yield Learn(at=ago(80), learner=OVERDRAWN, title=PAIRED, lessons=2)
    yield Refund(at=ago(30), ref="c-goodwill", note="The course was bought for somebody else.")
    yield Buy(at=ago(12), ref="c-later", learner="usr_beginner", title=PAIRED)


def _crowd(lot: random.Random, scale: float, end: datetime) -> Iterator[Action]:
    """Each buys a course at most once, once it is for sale and not in its author's hands."""
    seen: set[tuple[str, str]] = set()
    unsaid = {course.title: lot.sample(OPINIONS, len(OPINIONS)) for course in _for_sale()}
    for number in range(round(SALES * scale)):
        learner, course = f"usr_{2001 + lot.randrange(CROWD)}", lot.choice(_for_sale())
        bought = end - timedelta(days=lot.uniform(0.5, course.days_ago - 1))
        if (learner, course.title) in seen:
            continue
        seen.add((learner, course.title))
        of: Any = {"learner": learner, "title": course.title}
        card = GOOD if course.price_minor else None
        yield Buy(at=bought, ref=f"c-{number:03}", payment_method=card, **of)
        learnt = bought + timedelta(hours=lot.uniform(2, 90))
        if learnt > end - timedelta(hours=2):
            continue
        yield Learn(at=learnt, lessons=lot.randint(1, len(course.lessons)), **of)
        if lot.random() < 0.6 and (left := unsaid[course.title]):  # noqa: PLR2004  not everybody has one
            rating, text = left.pop()
            yield Judge(at=learnt + timedelta(minutes=50), rating=rating, text=text, **of)


def _for_sale() -> list[Course]:
    """Those that stay for sale; the first ones are older, and so sell more. What several teach is bought as
    their payouts need it, and what is learnt a day at a time is learnt by who does so.
    """
    assert {YEARLY, UPGRADED} == {course.author for course in COURSES}
    return [
        course
        for course in COURSES
        if course.end in {"published", "featured"} and not course.taught_with and course.title != DAILY
    ]
