"""Organisations of somebody, in which each operation finds what it is asked of."""

from __future__ import annotations

from typing import Any

from ledger.ids import new_id
from tests.api.support import Caller, Running

AT = "/api/enterprise/organisations"
Ids = dict[str, str]


async def _post(caller: Caller, path: str, **body: Any) -> dict[str, Any]:
    answer = await caller("POST", path, key=new_id("key"), json=body)
    assert answer.status_code < 300, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _found(app: Running, owner_id: str) -> str:
    root = app.caller("usr_root", "admin")
    return str((await _post(root, AT, name="Lakeside", owner_id=owner_id))["org_id"])


async def _invites(app: Running, org_id: str, by: str, **body: Any) -> dict[str, Any]:
    return await _post(app.caller(by, "student"), f"{AT}/{org_id}/invitations", **body)


async def _class(caller: Caller, org_id: str) -> str:
    return str((await _post(caller, f"{AT}/{org_id}/classes", name="7b"))["class_id"])


async def organisations(app: Running, owner_id: str) -> dict[str, Ids]:
    """The parts of an address by operation, for all others under no name; and the code of an invitation."""
    owner = app.caller(owner_id, "student")
    org_id, closing = await _found(app, owner_id), await _found(app, owner_id)
    await _post(
        app.caller("usr_member", "student"),
        "/api/enterprise/invitations/accept",
        code=(await _invites(app, org_id, owner_id))["code"],
    )
    waits = await _invites(app, org_id, owner_id, user_id="usr_invited")
    common = {
        "org_id": org_id,
        "class_id": await _class(owner, org_id),
        "invitation_id": waits["invitation_id"],
        "code": (await _invites(app, await _found(app, "usr_host"), "usr_host"))["code"],
    }
    found = {"": common, "closeOrganisation": {"org_id": closing}}
    found["archiveClass"] = {"class_id": await _class(owner, org_id)}
    found["changeMemberRole"] = {"user_id": "usr_member"}
    for operation in ("acceptMemberInvitation", "declineMemberInvitation"):
        elsewhere = await _found(app, "usr_host")
        theirs = await _invites(app, elsewhere, "usr_host", user_id=owner_id)
        found[operation] = {"org_id": elsewhere, "invitation_id": theirs["invitation_id"]}
    return found
