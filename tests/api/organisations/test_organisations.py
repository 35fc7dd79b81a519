"""Organisations over HTTP: who comes in and how, who leaves, and who sees what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from api.organisations.membership import Belongs, organisations_of
from ledger.catalogue import OrganisationLimits
from ledger.ids import new_id
from ledger.store import conninfo
from tests.api.organisations.conftest import AT, Person, School, found, told
from tests.api.support import FakeStripe, Running, problem

_FIND = SQL("SELECT 1 FROM {} AS t WHERE t::text LIKE %s OR t::text LIKE %s LIMIT 1")
ACCEPT = "/api/enterprise/invitations/accept"
CODES = {"code": f"oic_{'A' * 54}"}


async def test_who_creates_one_is_its_owner(shared: Running) -> None:
    ola = Person(shared, "enterprise")
    created = await ola.post(AT, name="Lakeside")
    org_id = created.json()["org_id"]
    shown = {"org_id": org_id, "name": "Lakeside", "role": "owner", "closed": False, "members": 1}
    assert (created.status_code, created.json()) == (201, shown)
    assert created.headers["location"] == f"{AT}/{org_id}"
    assert (await ola.get(f"{AT}/{org_id}")).json() == shown
    assert [one["org_id"] for one in await ola.listed(AT)] == [org_id]
    assert told(await Person(shared).get(AT, user_id=ola.id)) == (404, "not_found")


async def test_an_admin_creates_one_for_its_owner_and_nobody_else_does(shared: Running) -> None:
    root, ola, eve = Person(shared, "admin"), Person(shared), Person(shared, "enterprise")
    created = await root.post(AT, name="Lakeside", owner_id=ola.id)
    assert (created.status_code, created.json()["role"]) == (201, None)
    assert (await ola.get(f"{AT}/{created.json()['org_id']}")).json()["role"] == "owner"
    forgotten = await root.post(AT, name="Lakeside")
    assert [error["pointer"] for error in problem(forgotten)["errors"]] == ["/owner_id"]
    assert told(await eve.post(AT, name="Lakeside", owner_id=ola.id)) == (404, "not_found")
    assert told(await ola.post(AT, name="Lakeside")) == (403, "forbidden")


async def test_a_user_accepts_an_invitation_of_theirs(school: School, shared: Running) -> None:
    mia = Person(shared)
    invited = await school.owner.post(f"{school.at}/invitations", user_id=mia.id, role="manager")
    assert (invited.json()["code"], invited.json()["user_id"]) == (None, mia.id)
    (seen,) = await mia.listed("/api/enterprise/invitations")
    assert (seen["org_id"], seen["name"], seen["role"]) == (school.id, "Lakeside", "manager")
    accepted = await mia.post(f"{school.at}/invitations/{seen['invitation_id']}/accept")
    assert accepted.json() == {"org_id": school.id, "user_id": mia.id, "role": "manager"}
    assert await mia.listed("/api/enterprise/invitations") == []
    members = await school.owner.listed(f"{school.at}/members")
    assert [(one["user_id"], one["role"]) for one in members] == [
        (mia.id, "manager"),
        (school.owner.id, "owner"),
    ]


async def test_a_code_is_shown_once_and_taken_once(school: School, shared: Running) -> None:
    key = new_id("key")
    first = await school.owner.post(f"{school.at}/invitations", key=key)
    again = await school.owner.post(f"{school.at}/invitations", key=key)
    assert (again.status_code, again.json()) == (201, {**first.json(), "code": None})
    assert again.headers["idempotent-replayed"] == "true"
    (listed,) = await school.owner.listed(f"{school.at}/invitations")
    assert "code" not in listed
    people = [Person(shared) for _ in range(3)]
    answers = await asyncio.gather(*(one.post(ACCEPT, code=first.json()["code"]) for one in people))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
    assert (await school.owner.get(school.at)).json()["members"] == 2


async def test_no_code_is_kept_anywhere(school: School, shared: Running) -> None:
    """Nor in the answers that are kept for repeats; its hash alone is in the fact."""
    mia = Person(shared)
    code = await school.code()
    assert (await mia.post(ACCEPT, code=code)).status_code == 200
    with psycopg.connect(conninfo(shared.services.database_url)) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [name for (name,) in tables.fetchall()]
        patterns = (f"%{code}%", f"%{code.encode().hex()}%")
        kept = [name for name in names if conn.execute(_FIND.format(Identifier(name)), patterns).fetchone()]
    assert "idempotency_keys" in names
    assert kept == []


@pytest.mark.parametrize("code", [CODES["code"], "oic_short", "lk_" + "A" * 55, f"oic_{'A' * 53}\n"])
async def test_a_made_up_code_is_nobodys(shared: Running, code: str) -> None:
    told_ = told(await Person(shared).post(ACCEPT, code=code))
    assert told_ == ((404, "not_found") if code == CODES["code"] else (422, "invalid"))


async def test_a_code_with_one_letter_changed_is_none(school: School, shared: Running) -> None:
    code = await school.code()
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert told(await Person(shared).post(ACCEPT, code=wrong)) == (404, "not_found")


@pytest.mark.parametrize("ending", ["withdraw", "decline"])
async def test_an_invitation_that_ended_is_in_no_list(school: School, shared: Running, ending: str) -> None:
    mia = Person(shared)
    invited = (await school.owner.post(f"{school.at}/invitations", user_id=mia.id)).json()
    at = f"{school.at}/invitations/{invited['invitation_id']}"
    ended = await (mia if ending == "decline" else school.owner).post(f"{at}/{ending}")
    assert (ended.status_code, ended.json()["status"][:7]) == (200, f"{ending}n"[:7])
    assert await mia.listed("/api/enterprise/invitations") == []
    assert await school.owner.listed(f"{school.at}/invitations") == []
    assert told(await mia.post(f"{at}/accept")) == (404, "not_found")
    assert (await school.owner.post(f"{school.at}/invitations", user_id=mia.id)).status_code == 201


async def test_who_left_sees_nothing_and_may_be_invited_anew(school: School, shared: Running) -> None:
    mia = await school.join(Person(shared), "manager")
    class_at = await school.class_of(mia)
    left = await mia.post(f"{school.at}/leave")
    assert left.json() == {"org_id": school.id, "user_id": mia.id, "role": None}
    nowhere = f"{AT}/org_{'0' * 32}"
    for path in ("", "/members", "/invitations", "/classes"):
        hidden, unknown = await mia.get(school.at + path), await mia.get(nowhere + path)
        assert told(hidden) == told(unknown) == (404, "not_found")
        assert hidden.json()["detail"].replace(school.id, "x") == unknown.json()["detail"].replace(
            nowhere.rpartition("/")[2], "x"
        )
    assert told(await mia.get(class_at)) == told(await mia.get(f"{class_at}/members")) == (404, "not_found")
    assert await mia.listed(AT) == []
    assert await school.owner.listed(f"{class_at}/members") == []
    await school.join(mia)
    assert (await mia.get(school.at)).json()["role"] == "member"
    assert told(await mia.get(class_at)) == (404, "not_found")


async def test_who_is_removed_takes_their_invitations_along(school: School, shared: Running) -> None:
    max_ = await school.join(Person(shared), "manager")
    code = await school.code(by=max_)
    assert (await school.owner.delete(f"{school.at}/members/{max_.id}")).json()["role"] is None
    assert told(await max_.post(ACCEPT, code=code)) == (404, "not_found")
    again = await school.owner.delete(f"{school.at}/members/{max_.id}")
    assert (again.status_code, again.json()["role"]) == (200, None)


async def test_of_two_last_owners_who_leave_at_once_one_stays(school: School, shared: Running) -> None:
    zoe = await school.join(Person(shared), "owner")
    answers = await asyncio.gather(*(one.post(f"{school.at}/leave") for one in (school.owner, zoe)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert problem(refused)["code"] == "last_owner"
    assert "make somebody else its owner first, or close it" in refused.json()["detail"]


async def test_each_role_does_what_it_may(school: School, shared: Running) -> None:
    max_, mia = await school.join(Person(shared), "manager"), await school.join(Person(shared))
    refused = (403, "organisation_role_missing")
    for path in ("/members", "/invitations"):
        assert (await max_.get(school.at + path)).status_code == 200
        assert told(await mia.get(school.at + path)) == refused
    assert told(await mia.post(f"{school.at}/invitations")) == refused
    assert told(await max_.post(f"{school.at}/invitations", role="manager")) == refused
    assert told(await max_.patch(school.at, name="Max's")) == refused
    assert told(await max_.patch(f"{school.at}/members/{mia.id}", role="owner")) == refused
    assert told(await max_.delete(f"{school.at}/members/{school.owner.id}")) == refused
    assert told(await max_.post(f"{school.at}/close")) == refused
    assert told(await mia.post(f"{school.at}/classes", name="Mine")) == refused
    changed = await school.owner.patch(f"{school.at}/members/{mia.id}", role="manager")
    assert changed.json() == {"org_id": school.id, "user_id": mia.id, "role": "manager"}
    assert (await mia.post(f"{school.at}/classes", name="Mine")).status_code == 201
    assert (await school.owner.patch(school.at, name="Ola's")).json()["name"] == "Ola's"


async def test_an_admin_looks_and_closes_and_is_no_member(school: School, shared: Running) -> None:
    root = Person(shared, "admin")
    class_at = await school.class_of()
    for path in (school.at, f"{school.at}/members", f"{school.at}/invitations", f"{school.at}/classes"):
        assert (await root.get(path)).status_code == 200
    assert (await root.get(class_at)).status_code == 200
    assert [one["org_id"] for one in await root.listed(AT, user_id=school.owner.id)] == [school.id]
    assert told(await root.patch(school.at, name="Root's")) == (404, "not_found")
    assert told(await root.get(f"{AT}/org_{'0' * 32}")) == (404, "not_found")
    assert (await root.post(f"{school.at}/close")).json()["closed"] is True
    assert told(await school.owner.post(f"{school.at}/leave")) == (409, "organisation_closed")
    assert (await school.owner.get(school.at)).json()["closed"] is True


async def test_one_that_is_closed_invites_nobody_and_belongs_to_nobodys_features(
    school: School, shared: Running
) -> None:
    mia = Person(shared)
    await school.owner.post(f"{school.at}/invitations", user_id=mia.id)
    await shared.projected()
    point_reads = shared.services.point_reads
    assert await organisations_of(point_reads, school.owner.id) == (
        Belongs(school.id, "owner", closed=False),
    )
    assert await organisations_of(point_reads, mia.id) == ()
    assert (await school.owner.post(f"{school.at}/close")).status_code == 200
    assert await mia.listed("/api/enterprise/invitations") == []
    assert await organisations_of(point_reads, school.owner.id) == ()


async def test_names_are_erased_with_their_author_and_can_be_given_anew(
    school: School, shared: Running
) -> None:
    class_at = await school.class_of()
    mia = await school.join(Person(shared))
    assert (await school.owner.delete("/api/me")).status_code == 204
    assert (await mia.get(school.at)).json()["name"] == "(erased)"
    assert [one["name"] for one in await mia.listed(AT)] == ["(erased)"]
    assert (await school.owner.get(class_at)).json()["name"] == "(erased)"
    assert [one["name"] for one in await school.owner.listed(f"{school.at}/classes")] == ["(erased)"]
    assert (await school.owner.patch(school.at, name="Lakeside")).json()["name"] == "Lakeside"
    assert (await school.owner.patch(class_at, name="7c")).json()["name"] == "7c"
    assert (await mia.get(school.at)).json()["name"] == "Lakeside"


async def test_members_are_in_classes_of_theirs_and_see_no_other(school: School, shared: Running) -> None:
    mia, zoe = await school.join(Person(shared)), await school.join(Person(shared))
    theirs, other = await school.class_of(mia, zoe, name="7a"), await school.class_of(mia, name="7b")
    assert [one["name"] for one in await mia.listed(f"{school.at}/classes")] == ["7b", "7a"]
    assert [one["name"] for one in await zoe.listed(f"{school.at}/classes")] == ["7a"]
    assert (await zoe.get(theirs)).json()["members"] == 2
    assert told(await zoe.get(other)) == (404, "not_found")
    assert told(await zoe.get(f"{theirs}/members")) == (403, "organisation_role_missing")
    assert [one["user_id"] for one in await school.owner.listed(f"{theirs}/members")] == [zoe.id, mia.id]
    out = await school.owner.delete(f"{theirs}/members/{zoe.id}")
    assert out.json() == {"class_id": theirs.rpartition("/")[2], "user_id": zoe.id, "is_in": False}
    assert told(await school.owner.post(f"{theirs}/members", user_id="usr_nobody")) == (404, "not_found")
    archived = await school.owner.post(f"{theirs}/archive")
    assert (archived.json()["archived"], archived.json()["members"]) == (True, 1)
    refused = await school.owner.post(f"{theirs}/members", user_id=zoe.id)
    assert told(refused) == (409, "class_archived")
    (_, first) = await school.owner.listed(f"{school.at}/classes")
    assert first["archived"] is True


@pytest.fixture
def tight(shared: Running) -> Iterator[None]:
    whole = shared.services.catalogue
    limits = OrganisationLimits(owned=1, members=2, open_invitations=1, classes=1, class_members=1)
    shared.replace(catalogue=msgspec.structs.replace(whole, organisations=limits))
    yield
    shared.replace(catalogue=whole)


@pytest.mark.usefixtures("tight")
async def test_limits_are_the_catalogues(school: School, shared: Running) -> None:
    mia, zoe = Person(shared), Person(shared)
    code = await school.code()
    assert told(await school.owner.post(f"{school.at}/invitations")) == (409, "too_many_invitations")
    assert (await mia.post(ACCEPT, code=code)).status_code == 200
    assert told(await zoe.post(ACCEPT, code=await school.code())) == (409, "too_many_members")
    at = await school.class_of(mia)
    full = await school.owner.post(f"{at}/members", user_id=school.owner.id)
    assert told(full) == (409, "too_many_members")
    assert told(await school.owner.post(f"{school.at}/classes", name="8a")) == (409, "too_many_classes")
    await shared.projected()
    assert told(await school.owner.post(AT, name="Another")) == (409, "too_many_organisations")
    assert (await school.owner.post(f"{school.at}/close")).status_code == 200
    await shared.projected()
    assert (await school.owner.post(AT, name="Another")).status_code == 201


@pytest.mark.usefixtures("tight")
async def test_nobody_is_made_owner_of_more_than_they_may(school: School, shared: Running) -> None:
    other = await found(shared)
    await shared.projected()
    code = await school.code("owner")
    assert told(await other.owner.post(ACCEPT, code=code)) == (409, "too_many_organisations")


async def test_an_invitation_ends_by_the_clock(app: Running, stripe: FakeStripe) -> None:
    school, mia = await found(app), Person(app)
    invited = (await school.owner.post(f"{school.at}/invitations", user_id=mia.id)).json()
    code = await school.code()
    stripe.offset += timedelta(days=14)
    assert await mia.listed("/api/enterprise/invitations") == []
    assert await school.owner.listed(f"{school.at}/invitations") == []
    at = f"{school.at}/invitations/{invited['invitation_id']}/accept"
    for late in (await mia.post(at), await mia.post(ACCEPT, code=code)):
        assert told(late) == (409, "invitation_expired")


async def test_a_repeat_is_the_first_answer_even_when_things_went_on(school: School, shared: Running) -> None:
    mia, key = Person(shared), new_id("key")
    code = await school.code()
    first = await mia.post(ACCEPT, key=key, code=code)
    await mia.post(f"{school.at}/leave")
    again = await mia.post(ACCEPT, key=key, code=code)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert told(await mia.get(school.at)) == (404, "not_found")


async def test_pages_join_to_the_whole_list(school: School, shared: Running) -> None:
    people = [await school.join(Person(shared)) for _ in range(4)]
    paged: list[Any] = []
    query: dict[str, Any] = {"limit": "2"}
    while True:
        page = (await school.owner.get(f"{school.at}/members", **query)).json()
        paged += [one["user_id"] for one in page["items"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == [*(one.id for one in reversed(people)), school.owner.id]


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "\u200b"}, {"name": "x" * 201}, {}])
async def test_a_name_can_be_seen(refusing: Running, body: dict[str, str]) -> None:
    assert told(await Person(refusing, "enterprise").post(AT, **body)) == (422, "invalid")
