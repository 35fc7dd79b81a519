"""Everybody asks everything of one organisation: what their standing in it allows is done, all else refused
as declared, and appends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from api.http.access import ACCESS, TABLE
from ledger.ids import new_id
from tests.api.organisations.conftest import Person, School, told
from tests.api.support import Running

INSIDE = frozenset({"owner", "manager", "member"})
MANAGERS = frozenset({"owner", "manager"})
OWNERS = frozenset({"owner"})
ADMIN = frozenset({"admin"})
MAY: Mapping[str, frozenset[str]] = {
    "getOrganisation": INSIDE | ADMIN,
    "renameOrganisation": OWNERS,
    "listMembers": MANAGERS | ADMIN,
    "changeMemberRole": OWNERS,
    "removeMember": MANAGERS,
    "inviteMember": MANAGERS,
    "listMemberInvitations": MANAGERS | ADMIN,
    "withdrawMemberInvitation": MANAGERS,
    "createClass": MANAGERS,
    "listClasses": INSIDE | ADMIN,
    "getClass": MANAGERS | ADMIN,
    "renameClass": MANAGERS,
    "listClassMembers": MANAGERS | ADMIN,
    "addToClass": MANAGERS,
    "removeFromClass": MANAGERS,
    "archiveClass": MANAGERS,
    "closeOrganisation": OWNERS | ADMIN,
}
"""By operation; those that end something come last."""
OF_INVITED = {"acceptMemberInvitation", "declineMemberInvitation"}
ELSEWHERE = {
    *("leaveOrganisation", "getClassLeaderboard"),
    *("getBrand", "setBrand"),
    *("previewCourseOrder", "orderCourses", "listCourseOrders"),
}
"""Told of in tests of their own."""
UNSEEN = {"getClass"}
"""What a member does not know of, rather than may not see: a class that they are not in."""
BODIES: Mapping[str, dict[str, Any]] = {
    "renameOrganisation": {"name": "Lakeside School"},
    "createClass": {"name": "7c"},
    "renameClass": {"name": "7d"},
}


@pytest.fixture
async def people(school: School, shared: Running) -> dict[str, Person]:
    """By their standing."""
    left = await school.join(Person(shared, "enterprise"), "manager")
    assert (await left.post(f"{school.at}/leave")).status_code == 200
    return {
        "owner": school.owner,
        "manager": await school.join(Person(shared), "manager"),
        "member": await school.join(Person(shared)),
        "left": left,
        "stranger": Person(shared, "enterprise"),
        "admin": Person(shared, "admin"),
    }


def test_every_operation_on_an_organisation_is_told_of() -> None:
    ours = {one.operation for one in TABLE if "/organisations/{org_id}" in one.path}
    assert ours == MAY.keys() | OF_INVITED | ELSEWHERE


@pytest.mark.parametrize("standing", ["owner", "manager", "member", "left", "stranger", "admin"])
async def test_each_standing_does_what_it_may_and_nothing_else(
    school: School, shared: Running, people: dict[str, Person], standing: str
) -> None:
    pupil = await school.join(Person(shared))
    class_at = await school.class_of(pupil)
    invited = await school.owner.post(f"{school.at}/invitations", user_id=new_id("usr"))
    ids = {
        "org_id": school.id,
        "class_id": class_at.rpartition("/")[2],
        "invitation_id": invited.json()["invitation_id"],
        "user_id": pupil.id,
    }
    bodies = {
        **BODIES,
        "changeMemberRole": {"role": "member"},
        "addToClass": {"user_id": people["member"].id},
    }
    for operation, may in MAY.items():
        access, head = ACCESS[operation], await shared.services.store.head()
        key = new_id("key") if access.method in {"POST", "PATCH"} else None
        body = {"json": bodies.get(operation, {})} if key else {}
        where = {**ids, "user_id": "usr_nobody"} if operation == "removeMember" else ids
        answer = await people[standing].caller(access.method, access.path.format(**where), key=key, **body)
        if standing in may:
            assert answer.status_code < 300, (operation, answer.text)
            continue
        is_known = standing in INSIDE and operation not in UNSEEN
        refused = (403, "organisation_role_missing") if is_known else (404, "not_found")
        assert told(answer) == refused, operation
        assert await shared.services.store.head() == head, f"{operation} was refused and appended"


@pytest.mark.parametrize("standing", ["owner", "member", "left", "stranger", "admin"])
async def test_an_invitation_is_answered_by_whom_it_is_for_alone(
    school: School, shared: Running, people: dict[str, Person], standing: str
) -> None:
    mia = Person(shared)
    invited = await school.owner.post(f"{school.at}/invitations", user_id=mia.id)
    at = f"{school.at}/invitations/{invited.json()['invitation_id']}"
    for what in ("accept", "decline"):
        assert told(await people[standing].post(f"{at}/{what}")) == (404, "not_found")
    assert (await mia.post(f"{at}/accept")).status_code == 200
