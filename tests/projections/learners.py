"""Learners of courses who do as the rules let them, and the history of it."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from functools import reduce
from typing import Any

from msgspec.structs import replace

from ledger.courses import events as courses
from ledger.courses.stream import stream_of as course_stream
from ledger.enrolments.commands import EnrolmentCommand
from ledger.enrolments.decider import decide
from ledger.enrolments.state import Enrolment, evolve
from ledger.enrolments.stream import stream_of
from ledger.errors import Refused
from ledger.votes.events import MarkedHelpful, UnmarkedHelpful
from ledger.votes.stream import stream_of as votes_stream
from tests.ledger.course_examples import ANN, content
from tests.ledger.enrolment_examples import activate, reserve, restore, revoke
from tests.ledger.review_examples import edit, hide, learnt, post, reply, show
from tests.projections.histories import History

Who = tuple[str, str]
"""A course and a learner."""


class Learners:
    def __init__(self) -> None:
        self.history = History()
        self.enrolments: dict[Who, Enrolment] = {}

    def course(self, course_id: str) -> None:
        """A published one."""
        uploaded = courses.CourseUploaded(course_id=course_id, user_id=ANN, content=content())
        published = courses.CoursePublished(course_id=course_id, revision=1)
        self.history.add(course_stream(course_id), uploaded, published)

    def ask(self, who: Who, *commands: EnrolmentCommand, at: datetime | None = None) -> None:
        """What the rules refuse leaves nothing."""
        for command in commands:
            to: dict[str, Any] = {"course_id": who[0], "learner_id": who[1]}
            if hasattr(command, "review_id"):
                to["review_id"] = review_of(*who)
            enrolment = learnt(self.enrolments.get(who, Enrolment()))
            try:
                facts = decide(replace(command, **to), enrolment)
            except Refused:
                continue
            self.enrolments[who] = reduce(evolve, facts, enrolment)
            if facts:
                self.history.add(stream_of(*who), *facts, effective_at=at)

    def buys(self, *who: str, at: datetime | None = None) -> None:
        self.ask((who[0], who[1]), reserve(), activate(), at=at)

    def vote(self, who: Who, voter: str, *, helpful: bool = True) -> None:
        kind = MarkedHelpful if helpful else UnmarkedHelpful
        fact = kind(review_id=review_of(*who), course_id=who[0], user_id=voter)
        self.history.add(votes_stream(review_of(*who)), fact)

    def stars(self, course_id: str) -> Counter[int]:
        """Of the visible reviews, looked at one by one."""
        return Counter(
            one.review.rating
            for (course, _), one in self.enrolments.items()
            if course == course_id and one.review.counts
        )

    def active(self, course_id: str) -> int:
        return sum(of == course_id and one.status == "active" for (of, _), one in self.enrolments.items())


def review_of(course_id: str, learner_id: str) -> str:
    return f"rvw_{course_id}_{learner_id}"


def by_chance(seed: int, steps: int) -> Learners:
    """Anything that may be asked, in any order, by some learners of some courses."""
    chance, learners = random.Random(seed), Learners()  # noqa: S311  # a test's dice
    courses_ = [f"crs_{number}" for number in range(3)]
    for course_id in courses_:
        learners.course(course_id)
    for step in range(steps):
        who = (chance.choice(courses_), f"usr_{chance.randrange(4)}")
        number, as_of = chance.choice((1, 2)), step + 5
        asked: list[EnrolmentCommand] = [
            reserve(number),
            *(activate(number, as_of), revoke(number, as_of), restore(number, as_of)),
            *(post(chance.randint(1, 5)), edit(chance.randint(1, 5))),
            *(hide(), show(), reply()),
        ]
        learners.ask(who, chance.choice(asked))
        if chance.random() < 0.2 and (known := learners.enrolments.get(who)) and known.review.review_id:
            learners.vote(who, f"usr_{step}")
    return learners
