"""API keys with scopes: what they open, and what a service does for a user."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from api.courses.listing import HANDLERS
from api.http.access import TABLE, guard, operation_of
from api.http.api_keys import create_api_key
from api.http.auth import Principal
from api.http.behalf import HEADER
from api.http.scopes import ACT
from ledger.errors import Invalid
from ledger.ids import new_id
from ledger.message import Origin
from ledger.store import conninfo
from ledger.visibility.commands import SetVisibility
from tests.api.support import Caller, Running, problem

BODY = {"amount_minor": 700, "currency": "usd", "payment_method": "pm_ok"}


def keyed(app: Running, *scopes: str, roles: Collection[str] = ("service",), user_id: str = "") -> Caller:
    """A service by its key, for `user_id` in each of its requests if there is one."""
    with psycopg.connect(conninfo(app.services.database_url, role=None), autocommit=True) as owner:
        made = create_api_key(owner, "shop", roles, scopes=scopes)
    caller = Caller(app.client, made.key_id, made.key)
    if user_id:
        caller.headers[HEADER] = user_id
    return caller


async def test_what_a_service_does_for_a_user_is_theirs_and_is_known_to_be_its_doing(
    app: Running, admin: Caller
) -> None:
    shop = keyed(app, ACT, "payments:read", "payments:write", user_id="usr_ann")
    paid = await shop.pay(key="one")
    assert (paid.status_code, paid.json()["user_id"]) == (201, "usr_ann")
    payment_id = paid.json()["payment_id"]
    await app.projected()
    assert (await shop.get(f"/api/payments/{payment_id}")).status_code == 200
    assert (await app.caller("usr_ann", "student").get(f"/api/payments/{payment_id}")).status_code == 200
    shop.headers[HEADER] = "usr_bob"
    assert (await shop.get(f"/api/payments/{payment_id}")).status_code == 404
    found = (await admin.get("/api/audit", params={"on_behalf_of": "usr_ann"})).json()["items"]
    assert {(one["actor"], one["on_behalf_of"], tuple(one["roles"])) for one in found} == {
        (shop.user_id, "usr_ann", ("student",))
    }
    by_key = (await admin.get("/api/audit", params={"actor": shop.user_id})).json()["items"]
    assert by_key == found
    others = (await admin.get("/api/audit", params={"actor": "usr_ann"})).json()["items"]
    assert others == [], "what the user did themselves"
    assert "usr_bob" not in app.services.limit._due, "it is the service that is counted"
    assert shop.user_id in app.services.limit._due


async def test_a_key_of_an_intent_is_that_of_the_service_and_the_user_together(app: Running) -> None:
    shop = keyed(app, ACT, "payments:write", user_id="usr_ann")
    first = await shop.pay(key="same")
    again = await shop.pay(key="same")
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    ids = {first.json()["payment_id"]}
    shop.headers[HEADER] = "usr_bob"
    ids.add((await shop.pay(key="same")).json()["payment_id"])
    ids.add((await app.caller("usr_ann", "student").pay(key="same")).json()["payment_id"])
    ids.add((await keyed(app, ACT, "payments:write", user_id="usr_ann").pay(key="same")).json()["payment_id"])
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("scopes", "user_id", "method", "path", "expected"),
    [
        ((), "usr_ann", "GET", "/api/payments/history", (403, "forbidden")),
        (("payments:read",), "usr_ann", "GET", "/api/payments/history", (403, "forbidden")),
        ((ACT,), "usr_ann", "GET", "/api/payments/history", (403, "forbidden")),
        ((ACT, "payments:write"), "usr_ann", "GET", "/api/payments/history", (403, "forbidden")),
        ((ACT, "payments:read"), "usr_ann", "POST", "/api/payments/process", (403, "forbidden")),
        ((ACT, "payments:read"), "usr_ann", "GET", "/api/me", (403, "forbidden")),
        ((ACT, "payments:read"), "usr_ann", "DELETE", "/api/me", (403, "forbidden")),
        ((ACT, "payments:read"), "usr_ann", "GET", "/api/friends", (403, "forbidden")),
        ((ACT, "payments:read"), "ann@example.org", "GET", "/api/payments/history", (422, "invalid")),
        ((ACT, "payments:read"), "worker", "GET", "/api/payments/history", (422, "invalid")),
        ((ACT, "payments:read"), "", "GET", "/api/payments/history", (403, "forbidden")),
        (("books:read",), "", "GET", "/api/audit", (403, "forbidden")),
        (("payments:read",), "", "GET", "/api/ledger/accounts", (403, "forbidden")),
    ],
)
async def test_scopes_open_what_they_name_and_nothing_else(
    refusing: Running, scopes: tuple[str, ...], user_id: str, method: str, path: str, expected: Any
) -> None:
    answer = await keyed(refusing, *scopes, user_id=user_id)(method, path, key="k", json=BODY)
    assert (answer.status_code, problem(answer)["code"]) == expected


async def test_no_one_else_names_a_user(refusing: Running) -> None:
    header = {HEADER: "usr_ann"}
    for role in ("admin", "student"):
        answer = await refusing.caller("usr_adam", role).get("/api/payments/history", headers=header)
        assert (answer.status_code, ACT in problem(answer)["detail"]) == (403, True)
    answer = await refusing.client.get("/api/plans", headers=header)
    assert (answer.status_code, problem(answer)["code"]) == (401, "unauthenticated")


async def test_scopes_narrow_the_roles_of_a_key(refusing: Running) -> None:
    books = keyed(refusing, "books:read")
    assert (await books.get("/api/ledger/accounts")).status_code == 200
    assert (await books.get("/api/livez")).status_code == 404
    assert (await books.get("/livez")).status_code == 200
    with_roles = keyed(refusing, "payments:read", roles=("admin",))
    assert (await with_roles.get("/api/payments/history")).status_code == 200
    assert (await with_roles.get("/api/audit")).status_code == 403


async def test_roles_are_those_a_user_was_last_seen_with_and_never_an_administrators(app: Running) -> None:
    store = app.services.store
    for user_id, roles in (("usr_ines", {"instructor", "admin"}), ("usr_adam", {"admin"})):
        command = SetVisibility(
            command_id=new_id("cmd"), effective_at=app.services.now(), user_id=user_id, visibility="hidden"
        )
        await store.handle(command, Origin(actor=user_id, roles=frozenset(roles)))
    await app.projected()
    shop = keyed(app, ACT, "payouts:read", "payments:read", roles=("admin", "service"))
    expected = {"usr_ines": 200, "usr_adam": 403, "usr_unseen": 403}
    for user_id, status in expected.items():
        header = {HEADER: user_id}
        assert (await shop.get("/api/payouts", headers=header)).status_code == status, user_id
        assert (await shop.get("/api/payments/history", headers=header)).status_code == 200, user_id
        assert (await shop.get("/api/earnings/owed", headers=header)).status_code == 403, user_id


async def test_without_the_scope_a_public_address_shows_what_everybody_sees() -> None:
    [handler] = [one for one in HANDLERS if operation_of(one) == "getCourse"]
    for scopes, shown in (({"payments:read"}, False), ({"courses:read"}, True), (set(), True)):
        principal = Principal("usr_ann", frozenset({"student"}), 0.0, scopes=frozenset(scopes))
        connection = SimpleNamespace(scope={"method": "GET", "user": principal})
        await guard(cast("Any", connection), handler)
        assert (connection.scope["user"] is principal) is shown


def test_keys_have_scopes_that_there_are(refusing: Running) -> None:
    with pytest.raises(Invalid, match="payments:read"):
        keyed(refusing, "payments:all")
    with (
        psycopg.connect(conninfo(refusing.services.database_url, role=None)) as owner,
        pytest.raises(Invalid, match="acts for no user"),
    ):
        create_api_key(owner, "lms", ("service",), licence_id="lic_1", scopes=(ACT,))


def test_what_no_scope_opens_is_chosen() -> None:
    """A new address is in an area of `api/http/scopes.py`, or here."""
    closed = {"/".join(access.path.split("/")[:3]) for access in TABLE if access.roles and not access.scope}
    assert closed == {
        "/api/audit",
        "/api/effects",
        "/api/enterprise",
        "/api/friends",
        "/api/leaderboard",
        "/api/me",
        "/api/webhooks",
    }
