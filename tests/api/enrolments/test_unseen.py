"""What is not public is not there for a stranger, at any address; who has or had it sees what they bought."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.courses.commands import ReviseCourse
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of as course_stream
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.stream import stream_of
from ledger.ids import new_id
from ledger.message import Origin
from tests.api.courses import ways
from tests.api.enrolments.conftest import AUTHOR, Market
from tests.api.support import Caller, problem
from tests.ledger.course_examples import item

UNSEEN = (ways.DRAFT, ways.IN_REVIEW, ways.APPROVED, ways.TAKEN_DOWN)
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "purchase": ("POST", "/api/courses/purchase", {"course_id": "{}", "payment_method": "pm_card_visa"}),
    "price": ("GET", "/api/courses/{}/price", None),
    "detail": ("GET", "/api/courses/{}", None),
    "reviews": ("GET", "/api/courses/{}/reviews", None),
    "review": ("POST", "/api/courses/{}/reviews", {"rating": 5, "text": "Clear."}),
    "progress": ("POST", "/api/courses/{}/progress", {"items_done": ["itm_1"]}),
    "content": ("POST", "/api/courses/{}/content", {}),
    "submit": ("POST", "/api/courses/{}/submit", {}),
    "publish": ("POST", "/api/courses/{}/publish", {}),
    "archive": ("POST", "/api/courses/{}/archive", {}),
    "unarchive": ("POST", "/api/courses/{}/unarchive", {}),
    "accept": ("POST", "/api/courses/{}/invitation/accept", {}),
    "decline": ("POST", "/api/courses/{}/invitation/decline", {}),
    "leave": ("POST", "/api/courses/{}/leave", {}),
    "revise": ("PATCH", "/api/courses/{}", {"expected_revision": 1, "title": "Mine"}),
}


async def asked(caller: Caller, name: str, course_id: str) -> Any:
    method, path, body = REQUESTS[name]
    if body is None:
        return await caller.get(path.format(course_id))
    filled = {key: course_id if value == "{}" else value for key, value in body.items()}
    return await caller(method, path.format(course_id), key=new_id("key"), json=filled)


async def test_to_a_stranger_what_is_not_public_is_as_what_there_is_not(market: Market, ann: Caller) -> None:
    await _are_hidden([await market.course(way) for way in UNSEEN], market, ann)


async def test_what_is_published_and_erased_is_as_what_there_is_not(market: Market, ann: Caller) -> None:
    await market.app.projected()
    assert (await market.app.caller(AUTHOR, "instructor")("DELETE", "/api/me")).status_code == 204
    await _are_hidden([market.course_id], market, ann)


async def _are_hidden(hidden: list[str], market: Market, ann: Caller) -> None:
    await market.app.projected()
    for name in REQUESTS:
        nothing = problem(await asked(ann, name, "crs_none"))
        assert (nothing["status"], nothing["code"]) == (404, "not_found"), name
        for course_id in hidden:
            told = problem(await asked(ann, name, course_id))
            assert (told["status"], told["detail"]) == (
                404,
                nothing["detail"].replace("crs_none", course_id),
            ), name


@pytest.mark.parametrize("ends", ["archive", "erase"])
async def test_who_has_or_had_a_course_that_is_sold_no_longer_still_sees_it(
    market: Market, ann: Caller, ends: str
) -> None:
    bob, ivy = await market.buyer("usr_bob"), market.app.caller(AUTHOR, "instructor")
    assert (await ann.buy(market.course_id)).status_code == 201
    payment_id = (await bob.buy(market.course_id)).json()["payment"]["payment_id"]
    assert (await bob.refund(payment_id)).status_code == 201
    if ends == "archive":
        done = await ivy("POST", f"/api/courses/{market.course_id}/archive", key="one", json={})
    else:
        done = await ivy("DELETE", "/api/me")
    assert done.status_code in {200, 204}
    await market.app.projected()
    for caller in (ann, bob):
        for name in ("detail", "reviews"):
            assert (await asked(caller, name, market.course_id)).status_code == 200, name
    assert (await asked(ann, "progress", market.course_id)).status_code == 200
    shown = (await asked(ann, "detail", market.course_id)).json()
    assert (shown["parts"], shown["items"][0]["content_ref"]) == ([], None)
    eve = await market.buyer("usr_eve")
    assert (await asked(eve, "detail", market.course_id)).status_code == 404


async def test_a_free_course_is_begun_and_not_bought(market: Market, ann: Caller) -> None:
    free = await market.course(price_minor=0)
    assert "begin it with POST /api/courses/purchase" in problem(await asked(ann, "content", free))["detail"]
    assert "must be bought" in problem(await asked(ann, "content", market.course_id))["detail"]


async def revised(market: Market, **changes: Any) -> None:
    store = market.app.services.store
    course = await store.state(COURSE, course_stream(market.course_id))
    assert course.content is not None
    command = ReviseCourse(
        command_id=new_id("cmd"),
        effective_at=market.app.services.now(),
        course_id=market.course_id,
        user_id=AUTHOR,
        expected_revision=course.revision,
        content=replace(course.content, **changes),
        asked="",
        may_sell=True,
    )
    await store.handle(command, Origin(actor=AUTHOR, roles=frozenset({"instructor"})))


ONE_OF_FOUR = tuple(item(number) for number in range(1, 5))


@pytest.mark.parametrize(
    "after",
    [(item(1, weight=1000), *ONE_OF_FOUR[1:]), (item(1),), (item(1), item(9))],
    ids=["weighed anew", "taken away", "replaced"],
)
async def test_no_revision_of_its_author_takes_a_return_from_who_has_bought(
    market: Market, ann: Caller, after: Any
) -> None:
    """A fourth of what was bought is done, and reported again once it counts for more."""
    await revised(market, items=ONE_OF_FOUR)
    payment_id = (await ann.buy(market.course_id)).json()["payment"]["payment_id"]
    assert (await asked(ann, "progress", market.course_id)).json()["progress_percent"] == 25
    await revised(market, items=after)
    assert (await asked(ann, "progress", market.course_id)).json()["progress_percent"] > 30
    assert (await ann.refund(payment_id)).status_code == 201
    state = await market.app.services.store.state(ENROLMENT, stream_of(market.course_id, "usr_ann"))
    assert state.status == "revoked"


async def test_what_was_learnt_of_the_course_as_it_was_bought_counts(market: Market, ann: Caller) -> None:
    payment_id = (await ann.buy(market.course_id)).json()["payment"]["payment_id"]
    await asked(ann, "progress", market.course_id)
    refused = await ann.refund(payment_id)
    assert problem(refused)["code"] == "learnt_too_much"
