"""Teaching another's course over HTTP: by invitation, and not beside a review of it."""

from __future__ import annotations

from typing import Any

import httpx

from ledger.courses.commands import ReviseCourse
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of
from ledger.ids import new_id
from ledger.message import Origin
from ledger.split import Part
from tests.api.courses import ways
from tests.api.reviews.conftest import AUTHOR, Class
from tests.api.support import Caller, Running, problem

PARTS = (Part(user_id=AUTHOR, part_bp=7_500), Part(user_id="usr_cid", part_bp=2_500))


async def does(caller: Caller, course_id: str, what: str) -> httpx.Response:
    return await caller("POST", f"/api/courses/{course_id}/{what}", key=new_id("key"), json={})


async def invite(app: Running, course_id: str, parts: tuple[Part, ...] = PARTS) -> None:
    course = await app.services.store.state(COURSE, stream_of(course_id))
    assert course.written is not None
    command = ReviseCourse(
        command_id=new_id("cmd"),
        effective_at=app.services.now(),
        course_id=course_id,
        user_id=AUTHOR,
        expected_revision=course.revision,
        content=_with(course.written, parts),
        asked="",
        may_sell=True,
    )
    await app.services.store.handle(command, Origin(actor=AUTHOR, roles=frozenset({"instructor"})))
    await app.projected()


def _with(content: Any, parts: tuple[Part, ...]) -> Any:
    return type(content)(
        **{
            **{name: getattr(content, name) for name in content.__struct_fields__},
            "instructors": parts,
        }
    )


async def alone(app: Running, way: tuple[str, ...] = ways.PUBLISHED) -> Class:
    course_id = await ways.course_of(app.services, AUTHOR, way, price_minor=0)
    await app.projected()
    return Class(app, course_id)


async def test_a_critic_who_is_named_unasked_is_still_a_critic(app: Running) -> None:
    course = await alone(app)
    cid = await course.learner("usr_cid")
    await invite(app, course.course_id)
    assert (await course.says(cid, 1, "Thin.")).status_code == 201
    assert (await course.shown())["rating"]["count"] == 1
    listed = (await app.client.get(f"/api/courses/{course.course_id}")).json()
    assert listed["instructors"] == [AUTHOR]


async def test_who_is_invited_reads_so_and_accepts(app: Running) -> None:
    course = await alone(app, ways.DRAFT)
    cid, ivy, eve = (app.caller(one, "student") for one in ("usr_cid", AUTHOR, "usr_eve"))
    detail = f"/api/courses/{course.course_id}"
    assert (await cid.get(detail)).status_code == 404
    await invite(app, course.course_id)
    invited = (await cid.get("/api/instructor/invitations")).json()["items"][0]
    assert (invited["course_id"], invited["author"], invited["part_bp"]) == (course.course_id, AUTHOR, 2_500)
    assert (await eve.get("/api/instructor/invitations")).json()["items"] == []
    seen = (await cid.get(detail)).json()
    assert (seen["parts"], seen["items"][0]["content_ref"]) == ([], None), "its content is not open"
    told = (await ivy.get(detail)).json()
    assert told["parts"] == [{"user_id": AUTHOR, "part_bp": 10_000}]
    assert told["invited"] == [{"user_id": "usr_cid", "part_bp": 2_500}]
    assert (await does(eve, course.course_id, "invitation/accept")).status_code == 404
    assert (await does(cid, course.course_id, "invitation/accept")).status_code == 200
    await app.projected()
    told = (await cid.get(detail)).json()
    assert (told["invited"], told["parts"][1]) == ([], {"user_id": "usr_cid", "part_bp": 2_500})
    assert told["items"][0]["content_ref"] is not None
    own = (await cid.get("/api/instructor/courses")).json()["items"]
    assert course.course_id in [one["course_id"] for one in own]
    waiting = (await cid.get("/api/instructor/invitations")).json()["items"]
    assert course.course_id not in [one["course_id"] for one in waiting]


async def test_who_declines_or_leaves_is_none_of_its_instructors(app: Running) -> None:
    course = await alone(app)
    cid = app.caller("usr_cid", "student")
    await invite(app, course.course_id)
    assert (await does(cid, course.course_id, "invitation/decline")).status_code == 200
    assert (await does(cid, course.course_id, "invitation/accept")).status_code == 404
    await invite(app, course.course_id)
    assert (await does(cid, course.course_id, "invitation/accept")).status_code == 200
    await app.projected()
    shown = (await app.client.get(f"/api/courses/{course.course_id}")).json()
    assert shown["instructors"] == [AUTHOR, "usr_cid"]
    assert (await does(cid, course.course_id, "leave")).status_code == 200
    await app.projected()
    shown = (await app.client.get(f"/api/courses/{course.course_id}")).json()
    assert shown["instructors"] == [AUTHOR]
    author = await does(app.caller(AUTHOR, "instructor"), course.course_id, "leave")
    assert (author.status_code, problem(author)["code"]) == (409, "author_stays")


async def test_a_learner_who_comes_to_teach_has_no_review_any_more(app: Running) -> None:
    course = await alone(app)
    review_id = await course.review("usr_cid", 5)
    await invite(app, course.course_id)
    cid = course.caller("usr_cid")
    assert (await course.shown())["rating"]["count"] == 1, "an invitation alone takes nothing"
    assert (await does(cid, course.course_id, "invitation/accept")).status_code == 200
    assert (await course.shown())["rating"]["count"] == 0
    edited = await course.does(cid, review_id, method="PATCH", rating=4)
    assert (edited.status_code, problem(edited)["code"]) == (403, "review_of_own_course")
    for back in (False, True):
        await course.money_goes("usr_cid", back=back, as_of=2 + back)
        assert (await course.shown())["rating"]["count"] == 0
    assert (await does(cid, course.course_id, "leave")).status_code == 200
    assert (
        problem(await course.does(cid, review_id, method="PATCH", rating=4))["code"] == "review_of_own_course"
    )
