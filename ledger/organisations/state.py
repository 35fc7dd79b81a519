"""What the facts of one organisation come to. `evolve` takes any history and never fails."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.organisations.events import (
    BrandSet,
    ClassArchived,
    ClassCreated,
    ClassJoined,
    ClassLeft,
    ClassRenamed,
    InvitationDeclined,
    InvitationExpired,
    InvitationWithdrawn,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    OrganisationClosed,
    OrganisationCreated,
    OrganisationEvent,
    OrganisationRenamed,
    RoleChanged,
)
from ledger.persistent import PersistentMap, PersistentSet

Role = Literal["owner", "manager", "member"]
OWNER: Role = "owner"
MEMBER: Role = "member"


class Invitation(Struct, frozen=True):
    """One that was neither answered nor withdrawn; whether its time is over is for who reads it to judge."""

    role: Role
    invited_by: str
    expires_at: datetime
    user_id: str = ""
    """Whom it is for; empty for whoever has the code."""
    code_hash: str = ""

    def is_open(self, now: datetime) -> bool:
        return now < self.expires_at


class Class(Struct, frozen=True):
    words_id: str
    archived: bool = False
    members: PersistentSet = PersistentSet()


class Brand(Struct, frozen=True):
    """As it was set last."""

    words_id: str
    text_colour: str
    background_colour: str


class Organisation(Struct, frozen=True):
    org_id: str = ""
    """Empty before it is created."""
    words_id: str = ""
    closed: bool = False
    members: PersistentMap[Role] = PersistentMap()
    owners: int = 0
    """How many of the members are."""
    invitations: PersistentMap[Invitation] = PersistentMap()
    classes: PersistentMap[Class] = PersistentMap()
    brand: Brand | None = None


def evolve(  # noqa: C901, PLR0911 - one answer for each fact of a closed union
    organisation: Organisation, event: OrganisationEvent
) -> Organisation:
    match event:
        case OrganisationCreated():
            begun = replace(organisation, org_id=event.org_id, words_id=event.words_id)
            return _with_role(begun, event.user_id, OWNER)
        case OrganisationRenamed():
            return replace(organisation, words_id=event.words_id)
        case OrganisationClosed():
            return replace(organisation, closed=True)
        case MemberInvited():
            return _invited(organisation, event)
        case InvitationWithdrawn() | InvitationDeclined() | InvitationExpired():
            return _without_invitation(organisation, event.invitation_id)
        case MemberJoined():
            joined = _with_role(organisation, event.user_id, event.role)
            return _without_invitation(joined, event.invitation_id)
        case RoleChanged():
            known = event.user_id in organisation.members
            return _with_role(organisation, event.user_id, event.role) if known else organisation
        case MemberLeft():
            return _left(organisation, event)
        case ClassCreated():
            made = organisation.classes.put(event.class_id, Class(event.words_id))
            return replace(organisation, classes=made)
        case ClassRenamed() | ClassArchived() | ClassJoined() | ClassLeft():
            return _in_class(organisation, event)
        case BrandSet():
            brand = Brand(event.words_id, event.text_colour, event.background_colour)
            return replace(organisation, brand=brand)
        case _:
            assert_never(event)


def _with_role(organisation: Organisation, user_id: str, said: str) -> Organisation:
    """A role that is not known leaves the one that they have, and is a member's where they have none."""
    before = organisation.members.get(user_id)
    role = next((one for one in get_args(Role) if one == said), before or MEMBER)
    owners = organisation.owners - (before == OWNER) + (role == OWNER)
    return replace(organisation, members=organisation.members.put(user_id, role), owners=owners)


def _invited(organisation: Organisation, event: MemberInvited) -> Organisation:
    role = next((one for one in get_args(Role) if one == event.role), MEMBER)
    made = Invitation(role, event.invited_by, event.expires_at, event.user_id, event.code_hash)
    return replace(organisation, invitations=organisation.invitations.put(event.invitation_id, made))


def _without_invitation(organisation: Organisation, invitation_id: str) -> Organisation:
    return replace(organisation, invitations=organisation.invitations.without(invitation_id))


def _left(organisation: Organisation, event: MemberLeft) -> Organisation:
    classes = organisation.classes
    for class_id in event.class_ids:
        if (known := classes.get(class_id)) is not None:
            classes = classes.put(class_id, replace(known, members=known.members.discard(event.user_id)))
    return replace(
        organisation,
        members=organisation.members.without(event.user_id),
        owners=organisation.owners - (organisation.members.get(event.user_id) == OWNER),
        classes=classes,
    )


def _in_class(
    organisation: Organisation, event: ClassRenamed | ClassArchived | ClassJoined | ClassLeft
) -> Organisation:
    known = organisation.classes.get(event.class_id)
    if known is None:
        return organisation
    match event:
        case ClassRenamed():
            changed = replace(known, words_id=event.words_id)
        case ClassArchived():
            changed = replace(known, archived=True)
        case ClassJoined():
            changed = replace(known, members=known.members.add(event.user_id))
        case ClassLeft():
            changed = replace(known, members=known.members.discard(event.user_id))
    return replace(organisation, classes=organisation.classes.put(event.class_id, changed))
