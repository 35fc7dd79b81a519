"""An author with a plan that lets them upload and sell, and the ways of a course."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from ledger.ids import new_id
from tests.api.support import Caller, Running

HASH = "ab" * 32
LESSON = {"title": "First steps", "minutes": 10, "content_ref": "s3://lessons/1", "sha256": HASH}
COURSE: dict[str, Any] = {
    "title": "Statistics with R",
    "description": "Means, medians and models.",
    "category": "data-science",
    "level": "beginner",
    "language": "en",
    "estimated_minutes": 90,
    "price_minor": 4900,
    "items": [LESSON, {**LESSON, "title": "A second look"}],
}

Act = Callable[..., Awaitable[httpx.Response]]


class Author:
    """Somebody who uploads, and what they do."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def upload(self, *, key: str | None = None, **changes: Any) -> httpx.Response:
        body = {**COURSE, **changes}
        return await self.caller("POST", "/api/courses/upload", key=key or new_id("key"), json=body)

    async def revise(self, course_id: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        return await self.caller("PATCH", f"/api/courses/{course_id}", key=key or new_id("key"), json=body)

    async def does(self, course_id: str, what: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        path = f"/api/courses/{course_id}/{what}"
        return await self.caller("POST", path, key=key or new_id("key"), json=body)


async def author_of(app: Running, user_id: str, tier: str = "pro") -> Author:
    caller = app.caller(user_id, "instructor")
    assert (await caller.subscribe(tier)).status_code == 201
    return Author(caller)


@pytest.fixture
async def ann(app: Running) -> Author:
    return await author_of(app, "usr_ann")


@pytest.fixture
async def bob(app: Running) -> Author:
    """Without limit."""
    return await author_of(app, "usr_bob", "enterprise")


@pytest.fixture
def root(admin: Caller) -> Author:
    return Author(admin)


async def published(author: Author, root: Author, **changes: Any) -> str:
    """The id of a course that went all its way."""
    course_id: str = (await author.upload(**changes)).json()["course_id"]
    assert (await author.does(course_id, "submit")).status_code == 200
    assert (await root.does(course_id, "approve", revision=1)).status_code == 200
    assert (await author.does(course_id, "publish")).status_code == 200
    return course_id
