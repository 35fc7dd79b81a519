"""Coupons made, listed and ended over HTTP, each by whom it is to be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.coupons.resources import NewCoupon
from api.settings import Settings
from ledger.ids import new_id
from tests.api.courses import ways
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

COUPON: dict[str, Any] = {"code": "Spring-20", "percent_bp": 2000, "scope": "instructor"}


@pytest.fixture(scope="module")
async def app(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One for all: each test has codes and makers of its own."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("coupons"))
    url = clone(server, template)
    async with running(settings, url, FakeStripe()) as opened:
        yield opened
    drop(server, url)


async def author(app: Running, user_id: str) -> Caller:
    caller = app.caller(user_id, "instructor")
    assert (await caller.subscribe("pro")).status_code == 201
    return caller


@pytest.fixture
def root(app: Running) -> Caller:
    return app.caller("usr_root", "admin")


async def make(caller: Caller, key: str = "", **changes: Any) -> httpx.Response:
    body = {**COUPON, **changes}
    return await caller("POST", "/api/coupons", key=key or new_id("key"), json=body)


async def end(caller: Caller, code: str, key: str = "") -> httpx.Response:
    return await caller("POST", f"/api/coupons/{code}/end", key=key or new_id("key"), json={})


async def listed(app: Running, caller: Caller, query: str = "") -> list[str]:
    await app.projected()
    return [one["code"] for one in (await caller.get(f"/api/coupons{query}")).json()["items"]]


async def test_an_author_makes_a_coupon_for_their_own_courses(app: Running) -> None:
    ivy = await author(app, "usr_ivy")
    made = await make(ivy, key="one", max_uses=100, ends_at="2100-01-01T00:00:00+01:00")
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/coupons/SPRING-20"
    standing = made.json()
    assert (standing["code"], standing["maker"], standing["scope_id"]) == ("SPRING-20", "usr_ivy", "usr_ivy")
    assert (standing["borne_by"], standing["uses"], standing["ended"]) == ("instructor", 0, False)
    again = await make(ivy, key="one", max_uses=100, ends_at="2100-01-01T00:00:00+01:00")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    position = {"Ledger-Position": made.headers["ledger-position"]}
    read = (await ivy.get("/api/coupons/spring-20", headers=position)).json()
    assert {name: read[name] for name in standing if name != "ends_at"} == {
        name: value for name, value in standing.items() if name != "ends_at"
    }
    assert (read["reserved"], read["confirmed"], read["ended_at"]) == (0, 0, None)
    taken = await make(ivy)
    assert (taken.status_code, problem(taken)["code"]) == (409, "coupon_code_taken")


async def test_others_are_an_administrators_to_make(app: Running, root: Caller) -> None:
    kim = await author(app, "usr_kim")
    own = await ways.course_of(app.services, "usr_kim", ways.PUBLISHED)
    theirs = await ways.course_of(app.services, "usr_bob", ways.PUBLISHED)
    of_course = {"scope": "course", "scope_id": own}
    assert (await make(kim, code="OWN-COURSE", **of_course)).status_code == 201
    for name, changes in {
        "PLATFORM": {"scope": "platform"},
        "COURSE": {"scope": "course", "scope_id": theirs},
        "OF-BOB": {"scope_id": "usr_bob"},
        "BORNE": {**of_course, "borne_by": "platform"},
    }.items():
        refused = await make(kim, code=name, **changes)
        assert (refused.status_code, problem(refused)["code"]) == (403, "coupon_not_yours_to_make"), name
        assert (await make(root, code=name, **changes)).status_code == 201
    unknown = await make(root, code="NOWHERE", scope="course", scope_id="crs_nowhere")
    assert (unknown.status_code, problem(unknown)["code"]) == (404, "not_found")


async def test_codes_that_are_taken_are_guesses_too(app: Running, root: Caller) -> None:
    nia = await author(app, "usr_nia")
    assert (await make(root, code="SECRET", scope="platform")).status_code == 201
    for _ in range(12):
        assert problem(await make(nia, code="SECRET"))["code"] == "coupon_code_taken"
    stopped = await make(nia, code="FREE-CODE")
    assert (stopped.status_code, problem(stopped)["code"]) == (429, "rate_limited")


async def test_an_author_keeps_so_many_coupons_and_makes_room_by_ending_one(
    app: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in ("api.coupons.routes.MOST_KEPT", "ledger.coupons.decider.MOST_KEPT"):
        monkeypatch.setattr(where, 2)
    ada = await author(app, "usr_ada")
    for code in ("ADA-1", "ADA-2"):
        assert (await make(ada, code=code)).status_code == 201
    await app.projected()
    refused = await make(ada, code="ADA-3")
    assert (refused.status_code, problem(refused)["code"]) == (409, "too_many_coupons")
    await end(ada, "ADA-1")
    await app.projected()
    assert (await make(ada, code="ADA-3")).status_code == 201


async def test_selling_must_be_in_the_authors_plan(app: Running) -> None:
    refused = await make(app.caller("usr_poor", "instructor"), code="POOR")
    assert (refused.status_code, problem(refused)["code"]) == (403, "feature_missing")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": "no spaces"}, "invalid"),
        ({"percent_bp": 10_001}, "invalid"),
        ({"scope": "galaxy"}, "invalid"),
        ({"ends_at": "2100-01-01T00:00:00"}, "invalid"),
        ({"ends_at": "2000-01-01T00:00:00Z"}, "invalid_coupon"),
        ({"amount_minor": 100, "currency": "usd"}, "invalid_coupon"),
        ({"scope": "course"}, "invalid_coupon"),
        ({"minimum_price_minor": 100}, "invalid_coupon"),
    ],
)
async def test_what_makes_no_sense_is_told(root: Caller, changes: dict[str, Any], code: str) -> None:
    refused = await make(root, **{"code": "SENSE", **changes})
    assert (refused.status_code, problem(refused)["code"]) == (422, code), refused.text
    places = {error["pointer"] for error in refused.json()["errors"]}
    assert places
    assert places <= {f"/{name}" for name in NewCoupon.__struct_fields__}


@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00"])
async def test_a_time_that_no_calendar_has_is_refused_at_its_place(
    root: Caller, name: str, moment: str
) -> None:
    refused = await make(root, code="BEYOND", **{name: moment})
    assert (refused.status_code, problem(refused)["code"]) == (422, "invalid"), refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{name}"]


async def test_the_first_and_the_last_moment_of_the_calendar_are_times_whatever_their_zone(
    app: Running, root: Caller
) -> None:
    of = {"starts_at": "0001-01-02T12:00:00+23:59", "ends_at": "9999-12-31T23:59:59Z"}
    made = await make(root, code="FOR-EVER", **of)
    assert made.status_code == 201, made.text
    assert (made.json()["starts_at"], made.json()["ends_at"]) == ("0001-01-01T12:01:00Z", of["ends_at"])
    assert "FOR-EVER" in await listed(app, root)
    read = (await root.get("/api/coupons/FOR-EVER")).json()
    assert (read["starts_at"], read["ends_at"]) == ("0001-01-01T12:01:00Z", of["ends_at"])


async def test_a_coupon_is_ended_by_its_maker_or_an_administrator_and_looks_like_none_to_others(
    app: Running, root: Caller
) -> None:
    lou, eve = await author(app, "usr_lou"), app.caller("usr_eve", "instructor")
    for code in ("LOU-1", "LOU-2"):
        assert (await make(lou, code=code)).status_code == 201
    await app.projected()
    for refused in (await end(eve, "LOU-1"), await eve.get("/api/coupons/LOU-1"), await end(lou, "LOU-9")):
        assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")
    ended = await end(lou, "lou-1", key="one")
    assert (ended.status_code, ended.json()["ended"]) == (200, True)
    again = await end(lou, "lou-1")
    assert (again.status_code, again.json()["ended"]) == (200, True)
    assert (await end(root, "LOU-2")).status_code == 200
    await app.projected()
    assert (await root.get("/api/coupons/LOU-2")).json()["ended_at"] is not None
    for path in ("/api/coupons/x", "/api/coupons/%C3%BC%C3%BC%C3%BC%C3%BC"):
        assert (await lou.get(path)).status_code == 404
    assert (await end(lou, "x")).status_code == 404


async def test_a_list_shows_the_makers_own_page_by_page(app: Running, root: Caller) -> None:
    mia = await author(app, "usr_mia")
    for number in range(3):
        assert (await make(mia, code=f"MIA-{number}")).status_code == 201
    assert await listed(app, mia) == ["MIA-2", "MIA-1", "MIA-0"]
    first = (await mia.get("/api/coupons?limit=2")).json()
    assert (len(first["items"]), first["has_more"]) == (2, True)
    assert await listed(app, mia, f"?limit=2&cursor={first['next_cursor']}") == ["MIA-0"]
    assert await listed(app, root, "?user_id=usr_mia") == ["MIA-2", "MIA-1", "MIA-0"]
    assert (await listed(app, root))[:3] == ["MIA-2", "MIA-1", "MIA-0"]
    student = app.caller("usr_zoe", "student")
    assert await listed(app, student) == []
    assert (await student.get("/api/coupons?user_id=usr_mia")).status_code == 403
