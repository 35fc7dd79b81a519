"""Commands about one organisation, as Ola owns it, Max manages in it, and Mia is a member of it."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from itertools import count
from typing import Any

from msgspec.structs import replace

from ledger.catalogue import OrganisationLimits
from ledger.ids import new_id
from ledger.organisations import commands
from ledger.organisations.commands import OrganisationCommand
from ledger.organisations.decider import decide
from ledger.organisations.state import Organisation, Role, evolve
from tests.ledger.examples import NOON

ORG = "org_1"
OLA, MAX, MIA, ZOE = "usr_ola", "usr_max", "usr_mia", "usr_zoe"
LIMITS = OrganisationLimits(
    owned=2, members=5, open_invitations=3, invitation_days=7, classes=2, class_members=2
)
_numbers = count()


def command(kind: type[OrganisationCommand], user_id: str = OLA, **more: Any) -> Any:
    fields = {"command_id": new_id("cmd"), "effective_at": NOON, "org_id": ORG, "user_id": user_id}
    if "limits" in kind.__struct_fields__:
        fields["limits"] = LIMITS
    if "words_id" in kind.__struct_fields__:
        fields |= {"words_id": f"wrd_{next(_numbers)}", "words_hash": "0" * 64}
    return kind(**{**fields, **more})


def create(**more: Any) -> Any:
    return command(commands.CreateOrganisation, **{"owner_id": OLA, **more})


def invite(invited_id: str, role: Role = "member", *, by: str = OLA, **more: Any) -> Any:
    fields = {"invitation_id": f"oiv_{invited_id}", "invited_id": invited_id, **more}
    return command(commands.InviteMember, by, role=role, **fields)


def invite_by_code(code: str, role: Role = "member", *, by: str = OLA, **more: Any) -> Any:
    fields = {"invitation_id": f"oiv_{code}", "code_hash": code, **more}
    return command(commands.InviteMember, by, role=role, **fields)


def accept(user_id: str, **more: Any) -> Any:
    return command(commands.JoinOrganisation, user_id, **{"invitation_id": f"oiv_{user_id}", **more})


def show(user_id: str, code: str, **more: Any) -> Any:
    return command(commands.JoinOrganisation, user_id, code_hash=code, **more)


def joins(user_id: str, role: Role = "member") -> tuple[Any, Any]:
    return invite(user_id, role), accept(user_id)


def change(member_id: str, role: Role, *, by: str = OLA, **more: Any) -> Any:
    return command(commands.ChangeMemberRole, by, member_id=member_id, role=role, **more)


def remove(member_id: str, *, by: str = OLA) -> Any:
    return command(commands.RemoveMember, by, member_id=member_id)


def leave(user_id: str) -> Any:
    return command(commands.LeaveOrganisation, user_id)


def create_class(class_id: str = "cls_1", *, by: str = OLA) -> Any:
    return command(commands.CreateClass, by, class_id=class_id)


def add(member_id: str, class_id: str = "cls_1", *, by: str = OLA) -> Any:
    return command(commands.AddToClass, by, member_id=member_id, class_id=class_id)


def take_out(member_id: str, class_id: str = "cls_1", *, by: str = OLA) -> Any:
    return command(commands.RemoveFromClass, by, member_id=member_id, class_id=class_id)


def archive(class_id: str = "cls_1", *, by: str = OLA) -> Any:
    return command(commands.ArchiveClass, by, class_id=class_id)


def close(user_id: str = OLA, **more: Any) -> Any:
    return command(commands.CloseOrganisation, user_id, **more)


def brand(user_id: str = OLA, **more: Any) -> Any:
    colours = {"text_colour": "#FFFFFF", "background_colour": "#1f4e79"}
    return command(commands.SetBrand, user_id, **{**colours, "entitled": True, **more})


STAFFED = (create(), *joins(MAX, "manager"), *joins(MIA))


def after(*asked: Any, begun: Organisation | None = None) -> Organisation:
    organisation = begun or Organisation()
    for each in asked:
        organisation = reduce(evolve, decide(each, organisation), organisation)
    return organisation


def at(moment: datetime, asked: Any) -> Any:
    return replace(asked, effective_at=moment)
