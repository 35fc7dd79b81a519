"""Reviews over HTTP: posted, changed, replied to, voted on, hidden and erased."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.courses.resources import ERASED
from ledger.enrolments.reviews import rules
from tests.api.reviews.conftest import AUTHOR, INSTRUCTOR, Class, class_of
from tests.api.support import Running, problem


async def test_a_review_is_shown_to_everybody_with_the_rating(course: Class) -> None:
    ann = await course.learner("usr_ann")
    said = await course.says(ann, 4, "Clear, and never too fast.")
    assert said.status_code == 201
    standing = said.json()
    assert (standing["rating"], standing["visible"], standing["learner_id"]) == (4, True, "usr_ann")
    assert "Clear" not in said.text, "the answer is kept"
    shown = await course.shown()
    [review] = shown["items"]
    assert (review["text"], review["learner_id"], review["reply"]) == (
        "Clear, and never too fast.",
        "usr_ann",
        None,
    )
    assert shown["rating"] == {
        "average": "4.00",
        "sum": 4,
        "count": 1,
        "histogram": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0},
    }
    of_course = (await course.app.client.get(f"/api/courses/{course.course_id}")).json()
    assert (of_course["rating"], of_course["learners"]) == (shown["rating"], 1)
    assert (shown["own"], (await course.shown(ann))["own"]) == (None, review)


async def test_what_a_learner_may_not_says_why(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await course.app.client.post(course.path, json={})).status_code == 401
    stranger, author = course.caller("usr_stranger"), course.caller(AUTHOR)
    refused = await course.says(stranger)
    assert (refused.status_code, problem(refused)["code"]) == (403, "review_needs_enrolment")
    for teacher in (author, course.caller(INSTRUCTOR)):
        refused = await course.says(teacher)
        assert (refused.status_code, problem(refused)["code"]) == (403, "review_of_own_course")
    ann = await course.learner("usr_ann")
    monkeypatch.setattr(rules, "LEAST_PROGRESS_BP", 1_000)
    refused = await course.says(ann)
    assert (refused.status_code, problem(refused)["code"]) == (403, "review_too_early")
    monkeypatch.setattr(rules, "LEAST_PROGRESS_BP", 0)
    assert (await course.says(ann)).status_code == 201
    refused = await course.says(ann)
    assert (refused.status_code, problem(refused)["code"]) == (409, "review_exists")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"rating": 0}, "/rating"),
        ({"rating": 6}, "/rating"),
        ({"rating": 4.5}, "/rating"),
        ({"text": " \n"}, "/text"),
        ({"text": ""}, "/text"),
        ({"text": "x" * 5_001}, "/text"),
        ({"title": "Good"}, "/title"),
    ],
)
async def test_a_review_that_makes_no_sense_is_refused(
    course: Class, body: dict[str, Any], pointer: str
) -> None:
    refused = await course.says(course.caller("usr_ann"), **body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in problem(refused)["errors"]] == [pointer]


async def test_what_is_not_there_is_not_found(course: Class) -> None:
    ann, admin = course.caller("usr_ann"), course.admin
    nowhere = Class(course.app, "crs_nowhere")
    strange = Class(course.app, "strange")
    assert (await nowhere.says(ann)).status_code == 404
    assert (await strange.says(ann)).status_code == 404
    assert (await course.app.client.get(nowhere.path)).status_code == 404
    for review_id in ("rvw_nowhere", "strange"):
        for caller, what, method, body in (
            (ann, "", "PATCH", {}),
            (ann, "helpful", "POST", {}),
            (ann, "helpful", "DELETE", {}),
            (ann, "reply", "PUT", {"text": "Thanks."}),
            (admin, "hide", "POST", {"reason": "An insult."}),
            (admin, "show", "POST", {}),
        ):
            answer = await course.does(caller, review_id, what, method=method, **body)
            assert (answer.status_code, problem(answer)["code"]) == (404, "not_found"), (review_id, what)


async def test_a_review_is_of_its_course_alone(course: Class, app: Running) -> None:
    review_id, another = await course.review("usr_ann"), await class_of(app)
    assert (await another.does(another.admin, review_id, "hide", reason="An insult.")).status_code == 404
    assert (await another.does(another.caller("usr_bob"), review_id, "helpful")).status_code == 404


async def test_the_same_review_twice_is_one(course: Class) -> None:
    ann = await course.learner("usr_ann")
    first, again = await course.says(ann, key="one"), await course.says(ann, key="one")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json() == first.json()
    other = await course.says(ann, rating=1, key="one")
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_mismatch")
    async with course.app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")  # as after a crash
    later = await course.says(ann, key="one")
    assert (later.status_code, later.json()) == (201, first.json())


async def test_its_learner_changes_it_and_nobody_else_does(course: Class) -> None:
    review_id = await course.review("usr_ann", 5, "Clear.")
    ann, bob = course.caller("usr_ann"), await course.learner("usr_bob")
    assert (await course.does(ann, review_id, method="PATCH", rating=3)).json()["rating"] == 3
    assert (await course.does(ann, review_id, method="PATCH", text="Less clear.")).status_code == 200
    head = await course.app.services.store.head()
    same = await course.does(ann, review_id, method="PATCH", rating=3, text="Less clear.")
    assert (same.status_code, await course.app.services.store.head()) == (200, head)
    assert (await course.does(bob, review_id, method="PATCH", rating=1)).status_code == 404
    blank = await course.does(ann, review_id, method="PATCH", text=" ")
    assert (blank.status_code, problem(blank)["errors"][0]["pointer"]) == (422, "/text")
    [review] = (await course.shown())["items"]
    assert (review["rating"], review["text"]) == (3, "Less clear.")
    assert review["edited_at"] > review["posted_at"]


async def test_who_loses_the_course_loses_their_say_until_they_have_it_again(course: Class) -> None:
    review_id = await course.review("usr_ann", 2)
    await course.money_goes("usr_ann")
    ann = course.caller("usr_ann")
    shown = await course.shown(ann)
    assert (shown["items"], shown["rating"]["count"]) == ([], 0)
    assert (shown["own"]["review_id"], shown["own"]["visible"]) == (review_id, False)
    refused = await course.does(ann, review_id, method="PATCH", rating=1)
    assert (refused.status_code, problem(refused)["code"]) == (403, "review_needs_enrolment")
    await course.money_goes("usr_ann", back=True, as_of=3)
    assert (await course.shown())["rating"]["average"] == "2.00"


async def test_an_administrator_hides_and_shows_and_the_average_follows(course: Class) -> None:
    for user_id in ("usr_ann", "usr_bob"):
        await course.review(user_id, 5)
    review_id = await course.review("usr_cat", 2, "Useless, as its author is.")
    assert (await course.shown())["rating"]["average"] == "4.00"

    hidden = await course.does(course.admin, review_id, "hide", reason="An insult.")
    assert (hidden.status_code, hidden.json()["hidden"], hidden.json()["visible"]) == (200, True, False)
    shown = await course.shown()
    assert (shown["rating"]["average"], shown["rating"]["count"], len(shown["items"])) == ("5.00", 2, 2)
    own = (await course.shown(course.caller("usr_cat")))["own"]
    assert (own["hidden"], own["reason"], own["text"]) == (True, "An insult.", "Useless, as its author is.")
    of_admin = await course.shown(course.admin, hidden="true")
    assert [one["review_id"] for one in of_admin["items"]] == [review_id]
    for headers in ({}, course.caller("usr_bob").headers):
        refused = await course.app.client.get(course.path, params={"hidden": "true"}, headers=headers)
        assert (refused.status_code, problem(refused)["code"]) == (403, "forbidden")

    assert (await course.does(course.admin, review_id, "show")).json()["visible"] is True
    rating = (await course.shown())["rating"]
    assert (rating["average"], rating["count"], rating["histogram"]) == (
        "4.00",
        3,
        {"1": 0, "2": 1, "3": 0, "4": 0, "5": 2},
    )


async def test_hiding_needs_a_reason_and_an_administrator(course: Class) -> None:
    review_id = await course.review("usr_ann")
    blank = await course.does(course.admin, review_id, "hide", reason=" ")
    assert blank.status_code == 422
    for what, body in (("hide", {"reason": "No."}), ("show", {})):
        refused = await course.does(course.caller("usr_ann"), review_id, what, **body)
        assert (refused.status_code, problem(refused)["code"]) == (403, "forbidden")


async def test_an_instructor_replies_and_another_reply_takes_its_place(course: Class) -> None:
    review_id = await course.review("usr_ann")
    ivy, joy = course.caller(AUTHOR), course.caller(INSTRUCTOR)
    assert (await course.does(ivy, review_id, "reply", method="PUT", text="Thanks.")).json()["replied"]
    head = await course.app.services.store.head()
    await course.does(ivy, review_id, "reply", method="PUT", text="Thanks.")
    assert await course.app.services.store.head() == head, "nothing changed"
    assert (await course.does(joy, review_id, "reply", method="PUT", text="Thank you.")).status_code == 200
    [review] = (await course.shown())["items"]
    assert (review["reply"]["instructor_id"], review["reply"]["text"]) == (INSTRUCTOR, "Thank you.")
    refused = await course.does(course.caller("usr_ann"), review_id, "reply", method="PUT", text="Welcome.")
    assert (refused.status_code, problem(refused)["code"]) == (403, "reply_not_yours")
    await course.does(course.admin, review_id, "hide", reason="An insult.")
    assert (await course.does(ivy, review_id, "reply", method="PUT", text="Really?")).status_code == 404


async def test_of_fifty_who_vote_at_once_each_counts_once(course: Class) -> None:
    review_id = await course.review("usr_ann")
    voters = [course.caller(f"usr_{number}") for number in range(50)]
    votes = [course.does(voter, review_id, "helpful") for voter in (*voters, *voters[:10])]
    answers = await asyncio.gather(*votes)
    assert {answer.status_code for answer in answers} == {200}
    assert max(answer.json()["helpful"] for answer in answers) == 50
    taken = await course.does(voters[0], review_id, "helpful", method="DELETE")
    assert taken.json() == {"review_id": review_id, "helpful": 49, "voted": False}
    again = await course.does(voters[0], review_id, "helpful", method="DELETE")
    assert (again.status_code, again.json()["helpful"]) == (200, 49)
    [review] = (await course.shown())["items"]
    assert review["helpful"] == 49


async def test_nobody_votes_in_a_course_that_is_taken_down(course: Class) -> None:
    review_id = await course.review("usr_ann")
    path, body = f"/api/courses/{course.course_id}/archive", {"reason": "Not so."}
    assert (await course.admin("POST", path, key=course.course_id, json=body)).status_code == 200
    await course.app.projected()
    bob = course.caller("usr_bob")
    assert (await course.app.client.get(course.path)).status_code == 404
    assert (await course.does(bob, review_id, "helpful")).status_code == 404
    assert (await course.does(bob, review_id, "helpful", method="DELETE")).status_code == 404


async def test_nobody_votes_on_their_own_nor_on_what_is_not_to_be_seen(course: Class) -> None:
    review_id = await course.review("usr_ann")
    refused = await course.does(course.caller("usr_ann"), review_id, "helpful")
    assert (refused.status_code, problem(refused)["code"]) == (409, "vote_on_own_review")
    for teacher in (AUTHOR, INSTRUCTOR):
        refused = await course.does(course.caller(teacher), review_id, "helpful")
        assert (refused.status_code, problem(refused)["code"]) == (409, "vote_on_own_course")
    await course.does(course.admin, review_id, "hide", reason="An insult.")
    assert (await course.does(course.caller("usr_bob"), review_id, "helpful")).status_code == 404


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("newest", ["d", "c", "b", "a"]), ("rating", ["c", "b", "d", "a"]), ("helpful", ["a", "d", "c", "b"])],
)
async def test_pages_neither_repeat_nor_skip_while_reviews_come(
    course: Class, sort: str, expected: list[str]
) -> None:
    first = await course.review("usr_a", 1)
    for name, stars in (("b", 4), ("c", 5), ("d", 2)):
        await course.review(f"usr_{name}", stars)
    await course.does(course.caller("usr_x"), first, "helpful")
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await course.shown(sort=sort, limit=2, **cursor)
        seen += [one["learner_id"].removeprefix("usr_") for one in page["items"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
        await course.review(f"usr_new{len(seen)}", 5)
    assert [name for name in seen if name in expected] == expected
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("query", [{"sort": "best"}, {"cursor": "xx"}, {"limit": 0}, {"stars": 5}])
async def test_a_question_that_makes_no_sense_is_refused(course: Class, query: dict[str, Any]) -> None:
    refused = await course.app.client.get(course.path, params=query)
    assert refused.status_code == 422
    assert [error["parameter"] for error in problem(refused)["errors"]] == list(query)


async def test_words_are_in_no_fact_and_can_be_erased_while_the_stars_stay(course: Class) -> None:
    review_id = await course.review("usr_ann", 4, "Heteroscedasticity made plain.")
    ivy = course.caller(AUTHOR)
    await course.does(ivy, review_id, "reply", method="PUT", text="Autocorrelation comes next.")
    async with course.app.services.reading() as connection:
        query = (
            "SELECT (SELECT string_agg(convert_from(data, 'UTF8') || metadata::text, ' ') FROM events)"
            " || (SELECT string_agg(convert_from(body, 'UTF8'), ' ') FROM idempotency_keys)"
        )
        (kept,) = await (await connection.execute(query)).fetchall()
    assert review_id in kept[0]
    assert "Heteroscedasticity" not in kept[0]
    assert "Autocorrelation" not in kept[0]

    assert (await course.caller("usr_ann")("DELETE", "/api/me")).status_code == 204
    shown = await course.shown()
    [review] = shown["items"]
    assert (review["text"], review["reply"]["text"]) == (ERASED, "Autocorrelation comes next.")
    assert (review["rating"], shown["rating"]["average"]) == (4, "4.00")
