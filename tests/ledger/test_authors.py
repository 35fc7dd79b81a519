"""An author's uploads: as many in a calendar month as the plan allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import reduce

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.authors.commands import AcceptUpload
from ledger.authors.decider import AUTHOR, Author, begins_anew_at
from ledger.authors.events import UploadAccepted
from ledger.authors.refusals import UploadLimitReached
from ledger.courses.refusals import InvalidContent
from ledger.effects import CreateCourse
from ledger.errors import Forbidden
from ledger.message import Origin
from ledger.permissions import check
from ledger.policies import react
from tests.ledger.course_examples import ANN, accept, content
from tests.ledger.examples import NOON, recorded

MARCH_ENDS = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)


def after(*commands: AcceptUpload) -> Author:
    author = Author()
    for command in commands:
        author = reduce(AUTHOR.evolve, AUTHOR.decide(command, author), author)
    return author


def uploads(count: int, at: datetime = NOON) -> list[AcceptUpload]:
    return [accept(course_id=f"crs_{at:%m}_{number}", effective_at=at) for number in range(count)]


def test_an_upload_is_accepted_with_all_that_its_course_is_made_of() -> None:
    (event,) = AUTHOR.decide(accept(), Author())
    assert event == UploadAccepted(
        user_id=ANN,
        course_id="crs_1",
        month="2026-03",
        content=content(),
        tier="pro",
        catalogue_version="2026-03",
        limit=5,
    )


def test_the_sixth_upload_of_a_month_is_refused_with_what_is_used_and_when_it_begins_anew() -> None:
    with pytest.raises(UploadLimitReached, match="5 uploads a month and 5 are used") as refused:
        after(*uploads(6))
    why = refused.value
    assert (why.used, why.limit, why.begins_anew_at) == (5, 5, datetime(2026, 4, 1, tzinfo=UTC))


def test_a_new_month_has_all_its_uploads() -> None:
    author = after(*uploads(5, MARCH_ENDS), *uploads(5, MARCH_ENDS + timedelta(seconds=1)))
    assert (author.used(MARCH_ENDS), author.used(MARCH_ENDS + timedelta(seconds=1))) == (5, 5)


def test_the_month_is_the_one_in_utc_wherever_the_author_is() -> None:
    in_auckland = datetime(2026, 4, 1, 8, tzinfo=timezone(timedelta(hours=13)))
    assert after(accept(effective_at=in_auckland)).used(MARCH_ENDS) == 1


def test_an_upload_that_comes_late_counts_in_its_own_month() -> None:
    author = after(*uploads(1, MARCH_ENDS + timedelta(days=1)), *uploads(2, MARCH_ENDS))
    assert author.used(MARCH_ENDS) == 2


def test_a_plan_without_limit_has_none() -> None:
    many = [accept(course_id=f"crs_{number}", limit=None) for number in range(30)]
    assert after(*many).used(NOON) == 30


def test_a_plan_that_allows_none_accepts_none() -> None:
    with pytest.raises(UploadLimitReached):
        after(accept(limit=0))


def test_one_course_takes_one_upload_however_often_it_is_asked() -> None:
    assert AUTHOR.decide(accept(), after(accept())) == ()


def test_what_no_course_can_be_takes_no_upload() -> None:
    with pytest.raises(InvalidContent):
        AUTHOR.decide(accept(content=content(level="wizard")), Author())


def test_a_repeat_is_known_when_the_plan_has_changed_meanwhile() -> None:
    assert accept().digest() == accept(limit=None, tier="enterprise", catalogue_version="2").digest()
    assert accept().digest() != accept(content=content(price_minor=5000)).digest()


def test_a_course_is_made_of_each_upload() -> None:
    (event,) = AUTHOR.decide(accept(), Author())
    fact = recorded(event, position=7, stream=AUTHOR.stream(accept()))
    assert react(fact) == (CreateCourse(ANN, "crs_1", version=7),)


@pytest.mark.parametrize("role", ["student", "enterprise", "service", "system"])
def test_only_instructors_and_admins_upload(role: str) -> None:
    for may in ("instructor", "admin"):
        check(accept(), Origin(actor=ANN, roles=frozenset({may})))
    with pytest.raises(Forbidden):
        check(accept(), Origin(actor=ANN, roles=frozenset({role})))


@for_all(st.integers(0, 50_000_000))
def test_a_month_begins_anew_with_the_next_first_day(minutes: int) -> None:
    at = NOON + timedelta(minutes=minutes)
    anew = begins_anew_at(at)
    before = anew - timedelta(microseconds=1)
    assert (anew.day, anew.time()) == (1, anew.min.time())
    assert (before.year, before.month) == (at.year, at.month)
