"""The demonstration's courses go each way that a course can go, by authors whose plan allows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec

from api.courses.resources import UploadCourse
from api.demo.authors import AUTHORS, COURSES, End, steps_of, teaching, upload_of
from api.demo.subscribers import Subscribe, subscriptions
from ledger.courses.content import LEVELS

END = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)


def test_each_way_is_gone_by_somebody_who_has_subscribed_before() -> None:
    began = {action.user_id: action.at for action in subscriptions(END) if isinstance(action, Subscribe)}
    assert {action.course.author for action in teaching(END)} == set(AUTHORS)
    assert all(began[action.course.author] < action.at < END for action in teaching(END))
    assert {course.end for course in COURSES} == set(get_args(End)) - {"draft", "approved"}
    assert {course.level for course in COURSES} == set(LEVELS)


def test_what_is_uploaded_is_a_body_of_the_api() -> None:
    for course in COURSES:
        body = msgspec.convert(upload_of(course), UploadCourse)
        assert len(body.items) == len(course.lessons)


def test_who_decides_is_no_author() -> None:
    for course in COURSES:
        decided = {what for what, _, by_admin in steps_of(course) if by_admin}
        assert decided <= {"approve", "reject", "feature", "archive"}
        assert ("archive" in decided) == (course.end == "taken_down")
