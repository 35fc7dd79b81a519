"""A course through any commands in any order: its status moves along the listed steps alone."""

from __future__ import annotations

from functools import reduce

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.courses.commands import CourseCommand
from ledger.courses.content import CourseContent
from ledger.courses.decider import COURSE
from ledger.courses.events import CourseEvent, CourseRevised, InstructorAccepted, InstructorLeft
from ledger.courses.state import TRANSITIONS, Course
from ledger.errors import Refused
from ledger.split import WHOLE_BP, Part
from tests.ledger.course_examples import (
    ANN,
    BOB,
    approve,
    archive,
    bring_back,
    content,
    create,
    feature,
    item,
    join,
    leave,
    publish,
    reject,
    revise,
    submit,
    take_down,
    unarchive,
    unfeature,
)

CONTENTS = (
    content(),
    content(price_minor=0),
    content(price_minor=9900),
    content(currency="eur"),
    content(items=()),
    content(described=False),
    content(items=(item(1),), words_id="wrd_2"),
    content(level="wizard"),
    content(instructors=(Part(ANN, 6_000), Part(BOB, 4_000))),
    content(instructors=(Part(BOB, 10_000),), level="advanced"),
    content(instructors=(Part(BOB, 1), Part("usr_eve", 9_999))),
)
_USERS = st.sampled_from([ANN, ANN, ANN, BOB])
_REVISIONS = st.integers(-1, 0)


class Courses(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.course = Course()
        self.facts: list[CourseEvent] = []
        self.refusals: list[Refused] = []
        self.agreed: set[str] = set()
        self.do(create())

    def do(self, command: CourseCommand) -> None:
        before = self.course
        try:
            facts = COURSE.decide(command, before)
        except Refused as refusal:
            self.refusals.append(refusal)
            return
        for fact in facts:
            self.step(before, fact)
        self.facts += facts

    def step(self, before: Course, fact: CourseEvent) -> None:
        self.course = after = COURSE.evolve(before, fact)
        assert after.status in {before.status, *TRANSITIONS[before.status]}
        grows = isinstance(fact, CourseRevised) or not before.status
        assert after.revision == before.revision + int(grows)
        self.agree(fact)

    def agree(self, fact: CourseEvent) -> None:
        """Who said that they teach it, for as long as they are named."""
        if isinstance(fact, InstructorAccepted):
            self.agreed.add(fact.user_id)
        elif isinstance(fact, InstructorLeft):
            self.agreed.discard(fact.user_id)
        elif isinstance(fact, CourseRevised):
            self.agreed &= {one.user_id for one in fact.content.instructors}

    @rule(after=st.sampled_from(CONTENTS), behind=_REVISIONS, user=_USERS, may_sell=st.booleans())
    def revises(self, after: CourseContent, behind: int, user: str, *, may_sell: bool) -> None:
        self.do(revise(after, self.course.revision + behind, user_id=user, may_sell=may_sell))

    @rule(user=_USERS)
    def submits(self, user: str) -> None:
        self.do(submit(user_id=user))

    @rule(behind=_REVISIONS)
    def is_approved(self, behind: int) -> None:
        self.do(approve(self.course.revision + behind))

    @rule(behind=_REVISIONS)
    def is_rejected(self, behind: int) -> None:
        self.do(reject(self.course.revision + behind))

    @rule(user=_USERS, may_sell=st.booleans())
    def publishes(self, user: str, *, may_sell: bool) -> None:
        self.do(publish(user_id=user, may_sell=may_sell))

    @rule(command=st.sampled_from([archive(), take_down(), bring_back(), feature(), unfeature(), create()]))
    def something_else(self, command: CourseCommand) -> None:
        self.do(command)

    @rule(
        command=st.sampled_from([join(), join("usr_eve"), join(ANN), leave(), leave("usr_eve"), leave(ANN)])
    )
    def comes_or_goes(self, command: CourseCommand) -> None:
        self.do(command)

    @rule(may_sell=st.booleans())
    def unarchives(self, *, may_sell: bool) -> None:
        self.do(unarchive(may_sell=may_sell))

    @invariant()
    def live_is_rebuilt(self) -> None:
        assert reduce(COURSE.evolve, self.facts, Course()) == self.course

    @invariant()
    def refusals_say_what_to_do(self) -> None:
        assert all(len(refusal.detail) > 20 and refusal.code != "refused" for refusal in self.refusals)

    @invariant()
    def nobody_teaches_unasked_and_all_of_the_share_is_somebodys(self) -> None:
        assert self.course.content is not None
        parts = self.course.content.instructors
        assert {one.user_id for one in parts} <= {ANN, *self.agreed}
        assert sum(one.part_bp for one in parts) == WHOLE_BP
        assert len({one.user_id for one in parts}) == len(parts)

    @invariant()
    def nothing_is_listed_that_is_not_whole(self) -> None:
        whole = self.course.content
        if self.course.status in {"in_review", "approved"}:
            assert whole is not None
            assert whole.items
            assert whole.described


Courses.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCourses = Courses.TestCase
