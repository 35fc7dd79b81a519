"""How many free courses a learner starts is one decision for all of them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from ledger.errors import Forbidden
from ledger.learners.commands import StartCourse
from ledger.learners.decider import LEARNER, Learner, decide
from ledger.learners.refusals import CourseLimitReached
from ledger.message import Origin
from ledger.permissions import check
from tests.ledger.examples import NOON


def start(number: int, limit: int | None = 2, **changes: Any) -> StartCourse:
    fields: dict[str, Any] = {
        "command_id": f"cmd_{number}",
        "effective_at": NOON,
        "learner_id": "usr_ann",
        "course_id": f"crs_{number}",
        "limit": limit,
        "tier": "free",
        "catalogue_version": "2026-03",
    }
    return StartCourse(**{**fields, **changes})


def after(*commands: StartCourse) -> Learner:
    learner = Learner()
    for command in commands:
        learner = reduce(LEARNER.evolve, decide(command, learner), learner)
    return learner


def test_a_course_is_started_once_and_counts_for_ever() -> None:
    [started] = decide(start(1), Learner())
    assert (started.course_id, started.limit, started.tier) == ("crs_1", 2, "free")
    assert decide(start(1, limit=0), after(start(1))) == ()


def test_of_two_that_are_started_with_one_left_one_is_refused() -> None:
    one_left = after(start(1))
    assert decide(start(2), one_left)
    with pytest.raises(CourseLimitReached, match="2 free courses, and 2 are started") as refused:
        decide(start(3), after(start(1), start(2)))
    assert (refused.value.used, refused.value.limit) == (2, 2)


def test_without_limit_any_number_is_started() -> None:
    assert len(after(*(start(number, limit=None) for number in range(20))).started) == 20


def test_another_limit_is_the_same_intent() -> None:
    assert start(1).digest() == start(1, limit=None, tier="pro", catalogue_version="2027").digest()


def test_learners_start_their_own_and_services_those_of_all() -> None:
    check(start(1), Origin(actor="usr_ann", roles=frozenset({"student"})))
    check(start(1), Origin(actor="svc_lms", roles=frozenset({"service"})))
    with pytest.raises(Forbidden):
        check(start(1), Origin(actor="usr_bob", roles=frozenset({"student"})))
