"""Who sees a user: said by themselves, as a fact, and kept when all that is personal is erased."""

from __future__ import annotations

from ledger.visibility.events import VisibilityChanged
from tests.api.support import Caller, Running, problem


async def test_everybody_is_listed_who_says_nothing(student: Caller) -> None:
    assert (await student.get("/api/me")).json()["visibility"] == "listed"
    assert (await student("PUT", "/api/me", json={"name": "Ada"})).json()["visibility"] == "listed"


async def test_it_is_kept_until_somebody_says_otherwise(app: Running, student: Caller) -> None:
    for said, kept in (("hidden", "hidden"), ("named", "named"), (None, "listed"), ("hidden", "hidden")):
        answer = await student("PUT", "/api/me", json={"visibility": said})
        assert (answer.status_code, answer.json()["visibility"]) == (200, kept)
        assert int(answer.headers["ledger-position"]) == await app.services.store.head()
    assert (await student("PUT", "/api/me", json={"name": "Ada"})).json()["visibility"] == "hidden"
    await student("DELETE", "/api/me")
    assert (await student.get("/api/me")).json() == {
        "email": None,
        "name": None,
        "time_zone": "UTC",
        "language": "en",
        "visibility": "hidden",
    }
    facts = await app.services.store.read_stream(f"visibility-{student.user_id}")
    assert [fact.event.visibility for fact in facts if isinstance(fact.event, VisibilityChanged)] == [
        *("hidden", "named", "listed", "hidden")
    ]


async def test_what_is_no_visibility_is_refused_and_nothing_is_kept(student: Caller) -> None:
    refused = await student("PUT", "/api/me", json={"visibility": "famous", "name": "Ada"})
    assert refused.status_code == 422
    assert [error["pointer"] for error in problem(refused)["errors"]] == ["/visibility"]
    assert (await student.get("/api/me")).json()["name"] is None
