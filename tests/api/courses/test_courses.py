"""A course over HTTP, from its upload to its take-down."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from api.background.deliveries import Worker
from api.courses import words as course_words
from api.erasable import salted
from api.stripe import courses
from api.stripe.delivery import Delivered
from ledger.courses.decider import COURSE
from ledger.courses.stream import stream_of
from ledger.effects import CreateCourse, Effect
from ledger.message import Origin
from tests.api.conftest import OpenApp
from tests.api.courses.conftest import COURSE as BODY
from tests.api.courses.conftest import LESSON, Author, author_of, published
from tests.api.support import Caller, FakeStripe, Running, problem, until


async def test_an_upload_is_a_draft_that_its_author_alone_sees(
    app: Running, ann: Author, root: Author, other: Caller
) -> None:
    made = await ann.upload()
    assert made.status_code == 201
    body = made.json()
    assert (body["status"], body["revision"], body["author"]) == ("draft", 1, "usr_ann")
    assert made.headers["location"] == f"/api/courses/{body['course_id']}"
    await app.projected()
    seen = (await ann.caller.get(made.headers["location"])).json()
    assert (seen["title"], seen["description"]) == (BODY["title"], BODY["description"])
    assert [item["title"] for item in seen["items"]] == ["First steps", "A second look"]
    assert seen["items"][0]["content_ref"] == "s3://lessons/1"
    assert seen["parts"] == [{"user_id": "usr_ann", "part_bp": 10_000}]
    assert (await root.caller.get(made.headers["location"])).status_code == 200
    assert (await other.get(made.headers["location"])).status_code == 404
    assert (await app.client.get(made.headers["location"])).status_code == 404


async def test_no_word_of_it_is_in_the_ledger_nor_in_a_kept_answer(app: Running, ann: Author) -> None:
    made = await ann.upload()
    await ann.revise(made.json()["course_id"], expected_revision=1, title="Statistics without tears")
    async with app.services.reading() as connection:
        (kept,) = await (
            await connection.execute(
                "SELECT (SELECT string_agg(convert_from(data, 'UTF8') || metadata::text, ' ') FROM events)"
                " || (SELECT string_agg(convert_from(body, 'UTF8'), ' ') FROM idempotency_keys)"
            )
        ).fetchall()
    assert made.json()["course_id"] in kept[0]
    for said in ("Statistics", "Means", "First steps", "tears"):
        assert said not in kept[0]


async def test_a_course_is_reviewed_published_and_shown_to_everybody(
    app: Running, ann: Author, root: Author
) -> None:
    course_id = await published(ann, root)
    await app.projected()
    shown = await app.client.get(f"/api/courses/{course_id}")
    assert shown.status_code == 200
    body = shown.json()
    assert (body["status"], body["title"], body["reason"], body["parts"]) == (
        "published",
        "Statistics with R",
        "",
        [],
    )
    assert body["items"][0]["content_ref"] is None, "for who may see it only"
    again = await app.client.get(
        f"/api/courses/{course_id}", headers={"If-None-Match": shown.headers["etag"]}
    )
    assert again.status_code == 304


async def test_the_same_upload_twice_is_one(app: Running, ann: Author) -> None:
    first, again = await ann.upload(key="one"), await ann.upload(key="one")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    other_body = await ann.upload(key="one", title="Another")
    assert (other_body.status_code, problem(other_body)["code"]) == (422, "idempotency_mismatch")
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")  # as after a crash
    later = await ann.upload(key="one")
    assert (later.status_code, later.json()) == (201, first.json())


async def test_the_sixth_upload_of_a_month_is_refused_with_what_is_used(
    ann: Author, stripe: FakeStripe
) -> None:
    for _ in range(5):
        assert (await ann.upload()).status_code == 201
    refused = await ann.upload()
    body = problem(refused)
    assert (refused.status_code, body["code"]) == (403, "upload_limit_reached")
    assert (body["used"], body["limit"], body["begins_anew_at"][8:10]) == (5, 5, "01")
    told = (await ann.caller.get("/api/features/upload_courses/check")).json()
    assert (told["allowed"], told["used"], told["reason"]) == (False, 5, "limit_reached")
    stripe.offset = timedelta(days=31)
    told = (await ann.caller.get("/api/features/upload_courses/check")).json()
    assert (told["allowed"], told["used"]) == (True, 0)


async def test_an_upload_needs_a_plan_that_has_it(app: Running, student: Caller) -> None:
    poor = Author(app.caller("usr_poor", "instructor"))
    refused = await poor.upload()
    assert (refused.status_code, problem(refused)["code"]) == (403, "feature_missing")
    assert problem(refused)["plans"] == ["pro", "enterprise"]
    nobody = await Author(student).upload()
    assert (nobody.status_code, problem(nobody)["code"]) == (403, "forbidden")


async def test_of_twenty_uploads_at_once_with_one_left_one_is_accepted(
    app: Running, ann: Author, open_app: OpenApp
) -> None:
    for _ in range(4):
        await ann.upload()
    elsewhere = await open_app()
    there = Author(elsewhere.caller("usr_ann", "instructor"))
    answers = await asyncio.gather(*((ann, there)[number % 2].upload() for number in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 19
    assert {answer.json().get("code") for answer in answers} == {None, "upload_limit_reached"}
    await app.projected()
    assert len((await ann.caller.get("/api/instructor/courses")).json()["items"]) == 5


async def test_the_worker_makes_a_course_whose_request_died_between_the_two_facts(
    app: Running, ann: Author, stripe: FakeStripe, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> Delivered:
        """What is left when a process dies there: one fact, and the outbox."""
        return Delivered()

    with monkeypatch.context() as patched:
        patched.setattr(stripe, "deliver_now", die)
        accepted = await ann.upload(key="dies")
    assert (accepted.status_code, accepted.json()["status"]) == (202, "draft")
    course_id = accepted.json()["course_id"]
    assert (await app.services.store.state(COURSE, stream_of(course_id))).status == ""
    await app.projected()

    tools: Any = SimpleNamespace(store=app.services.store, clock=stripe)

    class Deliverer:
        async def deliver(self, effect: Effect, origin: Origin) -> Delivered:
            assert isinstance(effect, CreateCourse)
            return await courses.create(tools, effect, origin, cause=None)

    async def made() -> bool:
        return (await app.services.store.state(COURSE, stream_of(course_id))).status == "draft"

    async with Worker(database_url, Deliverer(), poll_s=0.01):
        await until(made)
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    again = await ann.upload(key="dies")
    assert (again.status_code, again.json()["course_id"]) == (201, course_id)


async def test_a_revision_changes_what_it_names_and_keeps_the_ids_of_what_stays(
    app: Running, ann: Author
) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    await app.projected()
    first, second = (await ann.caller.get(f"/api/courses/{course_id}")).json()["items"]
    stays = {key: first[key] for key in ("item_id", "title", "minutes", "content_ref", "sha256")}
    revised = await ann.revise(
        course_id, expected_revision=1, title="R, the language", items=[LESSON, {**stays, "title": "Renamed"}]
    )
    assert (revised.status_code, revised.json()["revision"]) == (200, 2)
    await app.projected()
    seen = (await ann.caller.get(f"/api/courses/{course_id}")).json()
    assert (seen["title"], seen["description"]) == ("R, the language", BODY["description"])
    new, kept = seen["items"]
    assert (kept["item_id"], kept["title"]) == (first["item_id"], "Renamed")
    assert new["item_id"] not in {first["item_id"], second["item_id"]}


async def test_a_revision_of_what_is_not_the_present_one_is_told_which_is(ann: Author) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    assert (await ann.revise(course_id, expected_revision=1, level="advanced")).status_code == 200
    late = await ann.revise(course_id, expected_revision=1, price_minor=9900)
    assert (late.status_code, problem(late)["code"], problem(late)["revision"]) == (
        409,
        "revision_conflict",
        2,
    )


async def test_a_repeated_revision_is_one_also_when_others_followed(app: Running, ann: Author) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    first = await ann.revise(course_id, key="r", expected_revision=1, title="Second title")
    await ann.revise(course_id, expected_revision=2, title="Third title")
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    again = await ann.revise(course_id, key="r", expected_revision=1, title="Second title")
    assert (first.json()["revision"], again.status_code, again.json()["revision"]) == (2, 200, 3)
    assert again.headers["idempotent-replayed"] == "true"


async def test_only_the_price_changes_without_a_new_review(app: Running, ann: Author, root: Author) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    await ann.does(course_id, "submit")
    dearer = await ann.revise(course_id, expected_revision=1, price_minor=9900, title=BODY["title"])
    assert dearer.json()["status"] == "in_review", "the title is as it was"
    stale = await root.does(course_id, "approve", revision=1)
    assert (stale.status_code, problem(stale)["revision"]) == (409, 2)
    assert (await root.does(course_id, "approve", revision=2)).json()["status"] == "approved"
    assert (await ann.revise(course_id, expected_revision=2, title="Other")).json()["status"] == "draft"


async def test_a_rejected_course_tells_its_author_why(app: Running, ann: Author, root: Author) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    await ann.does(course_id, "submit")
    unsaid = await root.does(course_id, "reject", revision=1, reason=" ")
    assert (unsaid.status_code, problem(unsaid)["errors"][0]["pointer"]) == (422, "/reason")
    assert (await root.does(course_id, "reject", revision=1, reason="No sound.")).status_code == 200
    await app.projected()
    (own,) = (await ann.caller.get("/api/instructor/courses?status=draft")).json()["items"]
    assert (own["course_id"], own["reason"]) == (course_id, "No sound.")


async def test_what_is_not_whole_is_not_submitted(ann: Author) -> None:
    course_id = (await ann.upload(items=[], description=" ")).json()["course_id"]
    refused = await ann.does(course_id, "submit")
    assert (refused.status_code, problem(refused)["code"]) == (409, "course_incomplete")
    assert "a description and an item" in problem(refused)["detail"]
    assert [one["pointer"] for one in problem(refused)["errors"]] == ["/description", "/items"]


async def test_what_is_sold_is_not_emptied(ann: Author, root: Author) -> None:
    course_id = await published(ann, root)
    for emptied, pointer in (({"items": []}, "/items"), ({"description": "\u200b"}, "/description")):
        refused = await ann.revise(course_id, expected_revision=1, **emptied)
        assert (refused.status_code, problem(refused)["code"]) == (409, "course_incomplete")
        assert [one["pointer"] for one in problem(refused)["errors"]] == [pointer]


async def test_an_author_archives_and_an_admin_takes_down(app: Running, ann: Author, root: Author) -> None:
    course_id = await published(ann, root)
    assert (await ann.does(course_id, "archive")).json()["status"] == "archived"
    refused = await root.does(course_id, "unarchive")
    assert (refused.status_code, problem(refused)["code"]) == (409, "course_status")
    assert (await ann.does(course_id, "unarchive")).json()["status"] == "published"
    assert (await root.does(course_id, "archive")).status_code == 422
    assert (await root.does(course_id, "archive", reason="Not so.")).json()["taken_down"] is True
    mine = await ann.does(course_id, "unarchive")
    assert (mine.status_code, problem(mine)["code"]) == (409, "taken_down")
    assert (await root.does(course_id, "unarchive")).json()["status"] == "published"


async def test_a_price_needs_a_plan_that_sells(app: Running, ann: Author, root: Author) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    await ann.does(course_id, "submit")
    await root.does(course_id, "approve", revision=1)
    await ann.caller.wish("pause")
    refused = await ann.does(course_id, "publish")
    assert (refused.status_code, problem(refused)["code"]) == (403, "selling_not_in_plan")
    assert (await ann.revise(course_id, expected_revision=1, price_minor=0)).json()["status"] == "approved"
    assert (await ann.does(course_id, "publish")).json()["status"] == "published"
    dear = await ann.revise(course_id, expected_revision=2, price_minor=4900)
    assert (dear.status_code, problem(dear)["code"]) == (403, "selling_not_in_plan")


async def test_the_currency_of_a_published_course_stays(ann: Author, root: Author) -> None:
    course_id = await published(ann, root)
    refused = await ann.revise(course_id, expected_revision=1, currency="EUR")
    assert (refused.status_code, problem(refused)["code"]) == (409, "currency_fixed")


async def test_a_featured_course_is_found_among_them(app: Running, ann: Author, root: Author) -> None:
    course_id = await published(ann, root)
    assert (await ann.does(course_id, "feature")).status_code == 403
    assert (await root.does(course_id, "feature")).json()["featured"] is True
    await app.projected()
    found = (await app.client.get("/api/courses/list?featured=true")).json()["items"]
    assert [course["course_id"] for course in found] == [course_id]
    assert (await root.does(course_id, "unfeature")).json()["featured"] is False


async def test_anothers_course_looks_as_one_that_is_not_there(ann: Author, bob: Author) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    for what in ("submit", "publish", "archive", "unarchive"):
        assert (await bob.does(course_id, what)).status_code == 404
        assert (await bob.does("crs_nothing", what)).status_code == 404
    assert (await bob.revise(course_id, expected_revision=1, level="advanced")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"title": "  "}, "/title"),
        ({"title": "a\0"}, "/title"),
        ({"level": "wizard"}, "/level"),
        ({"language": "english"}, "/language"),
        ({"category": "Data Science"}, "/category"),
        ({"items": [{**LESSON, "sha256": "x"}]}, "/items/0/sha256"),
        ({"items": [{**LESSON, "weight": 0}]}, "/items/0/weight"),
        ({"instructors": []}, "/instructors"),
        ({"color": "blue"}, "/color"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_at_its_place(
    ann: Author, changes: dict[str, Any], pointer: str
) -> None:
    refused = await ann.upload(**changes)
    assert refused.status_code == 422
    assert problem(refused)["errors"][0]["pointer"].startswith(pointer)


@pytest.mark.parametrize(
    ("changes", "said", "pointer"),
    [
        ({"price_minor": 10}, "at least 0.50 USD", "/price_minor"),
        ({"instructors": [{"user_id": "usr_ann", "part_bp": 9000}]}, "10000", "/instructors"),
        (
            {"instructors": [{"user_id": "usr_ann", "part_bp": 5000}] * 2},
            "twice",
            "/instructors/1/user_id",
        ),
    ],
)
async def test_what_the_rules_refuse_is_said_in_words_and_where(
    ann: Author, changes: dict[str, Any], said: str, pointer: str
) -> None:
    refused = await ann.upload(**changes)
    assert (refused.status_code, problem(refused)["code"]) == (422, "invalid_course")
    assert said in problem(refused)["detail"]
    assert [one["pointer"] for one in problem(refused)["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"title": "\u200b"}, ["/title"]),
        ({"items": [LESSON, {**LESSON, "title": "\u2060 \u3164"}]}, ["/items/1/title"]),
        ({"items": [{"title": "One"}]}, ["/items/0/minutes", "/items/0/content_ref", "/items/0/sha256"]),
        ({"items": [{**LESSON, "minutes": 0}], "level": "wizard"}, ["/level", "/items/0/minutes"]),
        ({"instructors": [{"user_id": "usr_ann"}]}, ["/instructors/0/part_bp"]),
        ({"instructors": []}, ["/instructors"]),
        (
            {"instructors": [1, {"user_id": "usr_ann", "part_bp": 1, "x": 1}]},
            ["/instructors/0", "/instructors/1/x"],
        ),
    ],
)
async def test_what_is_wrong_within_a_list_is_pointed_to_by_member(
    ann: Author, changes: dict[str, Any], pointers: list[str]
) -> None:
    refused = await ann.upload(**changes)
    assert (refused.status_code, problem(refused)["code"]) == (422, "invalid")
    assert sorted(one["pointer"] for one in problem(refused)["errors"]) == sorted(pointers)


async def test_erased_words_are_gone_and_the_course_is_listed_no_longer(
    app: Running, ann: Author, root: Author
) -> None:
    course_id = await published(ann, root)
    await app.projected()
    assert len((await app.client.get("/api/courses/list")).json()["items"]) == 1
    assert (await ann.caller("DELETE", "/api/me")).status_code == 204
    assert (await app.client.get("/api/courses/list")).json()["items"] == []
    assert (await app.client.get(f"/api/courses/{course_id}")).status_code == 404
    seen = (await ann.caller.get(f"/api/courses/{course_id}")).json()
    assert (seen["title"], seen["description"], seen["items"][0]["title"]) == (
        "(erased)",
        "",
        "(erased)",
    )
    async with app.services.reading() as connection:
        left = await (
            await connection.execute("SELECT salt, search, item_titles, erased_at FROM course_words")
        ).fetchall()
    assert [(row[0], row[1], row[2], row[3] is None) for row in left] == [(None, "", None, False)]
    without = await ann.revise(course_id, expected_revision=1, title="Anew")
    assert problem(without)["errors"][0]["pointer"] == "/items"
    anew = await ann.revise(
        course_id, expected_revision=1, title="Anew", items=[LESSON], description="Means."
    )
    assert (anew.status_code, anew.json()["status"]) == (200, "published")
    await app.projected()
    (listed,) = (await app.client.get("/api/courses/list")).json()["items"]
    assert listed["title"] == "Anew"


async def test_the_hash_in_the_fact_proves_the_words_for_as_long_as_they_are_kept(
    app: Running, ann: Author
) -> None:
    course_id = (await ann.upload()).json()["course_id"]
    course = await app.services.store.state(COURSE, stream_of(course_id))
    assert course.content is not None
    async with app.services.reading() as connection:
        words = await course_words.read(connection, course.content.words_id)
        ((salt,),) = await (await connection.execute("SELECT salt FROM course_words")).fetchall()
    assert course.content.words_hash == salted(bytes(salt), words)


async def test_an_author_sees_their_own_and_an_admin_everybodys(
    app: Running, ann: Author, bob: Author, root: Author
) -> None:
    hers = (await ann.upload()).json()["course_id"]
    his = (await bob.upload()).json()["course_id"]
    await app.projected()

    async def listed(author: Author, query: str = "") -> list[str]:
        items = (await author.caller.get(f"/api/instructor/courses{query}")).json()["items"]
        return [course["course_id"] for course in items]

    assert await listed(ann) == [hers]
    assert await listed(root) == [his, hers]
    assert await listed(root, "?user_id=usr_ann&status=draft") == [hers]
    assert await listed(root, "?status=published") == []
    assert (await ann.caller.get("/api/instructor/courses?user_id=usr_bob")).status_code == 403
    again = await author_of(app, "usr_new")
    assert await listed(again) == []
