"""The guard of routes that need a feature, and the question that it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.datastructures import State

from api.http import access, problems
from api.http.access import ACCESS, Access
from api.http.admission import Admission, Door
from api.http.context import RequestContext
from api.http.cors import Origins
from api.services import Services
from api.subscriptions import entitlements
from api.subscriptions.entitlements import COUNTS, feature_guard
from tests.api.support import Caller, FakeStripe, Running, problem

ROUTE = Access("GET", "/sell", "sellSomething", access.PEOPLE, "own", feature="sell_courses")


@get("/sell", operation_id="sellSomething")
async def sell() -> str:
    return "sold"


@pytest.fixture
async def shop(app: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """An application with one route that needs a feature, on the services of the real one."""
    declared = MappingProxyType({**ACCESS, ROUTE.operation: ROUTE})
    for module in ("api.http.access", "api.http.admission", "api.subscriptions.entitlements"):
        monkeypatch.setattr(f"{module}.ACCESS", declared)
    services = app.services
    door = Door(
        services.authenticator,
        services.limit,
        services.client_addresses,
        services.positions,
        services.point_reads,
    )
    asgi: Any = Litestar(
        [sell],
        state=State({"services": services, "door": door}),
        middleware=[Admission()],
        guards=[access.guard, feature_guard],
        exception_handlers=problems.HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    outer: Any = RequestContext(asgi, services.metrics, services.positions.current, 1_000, Origins())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://test") as client:
        yield client


async def test_a_route_that_needs_a_feature_says_so_and_what_has_it(
    shop: httpx.AsyncClient, student: Caller
) -> None:
    assert (await shop.get("/sell")).status_code == 401
    refused = await shop.get("/sell", headers=student.headers)
    assert refused.status_code == 403
    body = problem(refused)
    assert (body["code"], body["feature"], body["reason"]) == (
        "feature_missing",
        "sell_courses",
        "not_in_tier",
    )
    assert body["plans"] == ["pro", "enterprise"]
    assert "pro or enterprise" in body["detail"]
    await student.subscribe()
    assert (await shop.get("/sell", headers=student.headers)).text == "sold"
    await student.wish("pause")
    paused = problem(await shop.get("/sell", headers=student.headers))
    assert (paused["reason"], "resume" in paused["detail"]) == ("not_live", True)


async def test_the_answer_is_of_now_whatever_the_projections_have_seen(app: Running, student: Caller) -> None:
    assert app.services.runner is not None
    app.services.runner.stop()
    assert (await student.get("/api/features/sell_courses/check")).json()["allowed"] is False
    assert (await student.subscribe()).status_code == 201
    told = (await student.get("/api/features/sell_courses/check")).json()
    assert (told["allowed"], told["reason"], told["tier"]) == (True, "granted", "pro")


async def test_a_limit_is_told_with_what_is_used_and_kept(
    student: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = 4

    async def count(_services: Services, user_id: str, _at: datetime) -> int:
        assert user_id == "usr_student"
        return used

    await student.subscribe()
    path = "/api/features/upload_courses/check"
    unused = (await student.get(path)).json()
    assert (unused["limit"], unused["per"], unused["used"]) == (5, "month", 0)
    monkeypatch.setitem(COUNTS, "upload_courses", count)
    below = (await student.get(path)).json()
    assert (below["allowed"], below["used"]) == (True, 4)
    used = 5
    reached = (await student.get(path)).json()
    assert (reached["allowed"], reached["reason"], reached["plans"]) == (
        False,
        "limit_reached",
        ["enterprise"],
    )
    missing = entitlements.FeatureMissing(
        entitlements.Entitlement(**reached)  # as the guard would raise it
    )
    assert "5 of 5 of upload_courses this month" in missing.detail


async def test_a_service_asks_for_any_user_and_a_misspelt_feature_is_404(
    student: Caller, service: Caller, other: Caller
) -> None:
    await student.subscribe()
    told = await service.get("/api/features/sell_courses/check?user_id=usr_student")
    assert told.json()["allowed"] is True
    assert (await other.get("/api/features/sell_courses/check?user_id=usr_student")).status_code == 404
    unknown = await student.get("/api/features/sel_courses/check")
    assert (unknown.status_code, problem(unknown)["code"]) == (404, "not_found")


async def test_a_repeat_of_a_question_that_has_the_same_answer_is_304(
    student: Caller, stripe: FakeStripe
) -> None:
    first = await student.get("/api/features/sell_courses/check")
    again = await student.get(
        "/api/features/sell_courses/check", headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert stripe.customers == 0
