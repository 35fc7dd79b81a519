"""A course for sale, made over HTTP at a whole service, as its instructor and an administrator make it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import httpx

from tests.service import Service, eventually

AUTHOR = "usr_ivy"
LESSON = {
    "title": "Means",
    "minutes": 20,
    "content_ref": "s3://lessons/means.mp4",
    "sha256": sha256(b"means").hexdigest(),
}


def content(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Statistics with R",
        "description": "Means, medians and models.",
        "category": "data-science",
        "level": "beginner",
        "language": "en",
        "estimated_minutes": 90,
        "price_minor": 4900,
        "items": [LESSON],
        **changes,
    }


def upload(service: Service, key: str, *, user: str = AUTHOR, **changes: Any) -> httpx.Response:
    return service.post("/api/courses/upload", content(**changes), user=user, role="instructor", key=key)


def may_sell(service: Service, user: str = AUTHOR) -> None:
    """Has the plan for it."""
    body = {"tier": "pro", "payment_method": "pm_card_visa"}
    subscribed = service.post("/api/subscriptions/create", body, user=user, role="instructor", key="pro")
    assert subscribed.status_code == 201, subscribed.text
    features = "/api/features/upload_courses/check"
    eventually(lambda: service.get(features, user=user, role="instructor")["allowed"])


def course(service: Service, user: str = AUTHOR, *, lessons: int = 1) -> str:
    """The id of one that is published for 49.00 USD."""
    may_sell(service, user)
    items = [{**LESSON, "title": f"Means, part {number}"} for number in range(1, lessons + 1)]
    uploaded = upload(service, "course", user=user, items=items)
    assert uploaded.status_code == 201, uploaded.text
    course_id: str = uploaded.json()["course_id"]
    for step, role, body in (
        ("submit", "instructor", {}),
        ("approve", "admin", {"revision": 1}),
        ("publish", "instructor", {}),
    ):
        done = service.post(f"/api/courses/{course_id}/{step}", body, user=user, role=role, key=step)
        assert done.status_code == 200, done.text
    return course_id


def buy(service: Service, course_id: str, user: str, *, key: str = "buy", **more: Any) -> httpx.Response:
    body = {"course_id": course_id, "payment_method": "pm_card_visa", **more}
    return service.post("/api/courses/purchase", body, user=user, key=key)
