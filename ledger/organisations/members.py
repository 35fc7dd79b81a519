"""The rules of members: their roles, and that one owner stays."""

from __future__ import annotations

from ledger.errors import NotFound
from ledger.organisations import invitations
from ledger.organisations.commands import ChangeMemberRole, LeaveOrganisation, RemoveMember
from ledger.organisations.events import MemberLeft, OrganisationEvent, RoleChanged
from ledger.organisations.owning import check_owned
from ledger.organisations.refusals import LastOwner
from ledger.organisations.standing import MANAGERS, OWNERS, require, require_over, role_of
from ledger.organisations.state import OWNER, Organisation, Role

_Events = tuple[OrganisationEvent, ...]


def change_role(command: ChangeMemberRole, organisation: Organisation) -> _Events:
    require(organisation, command.org_id, command.user_id, OWNERS)
    member_id, role = command.member_id, command.role
    before = organisation.members.get(member_id)
    if before is None:
        raise NotFound(f"{member_id!r:.80} is no member of this organisation.")
    if role == before:
        return ()
    if role == OWNER:
        check_owned(command.owned, command.limits)
    else:
        _check_owner_stays(organisation, before)
    changed = RoleChanged(org_id=command.org_id, user_id=member_id, role=role, role_before=before)
    return changed, *invitations.void(organisation, member_id, role)


def remove(command: RemoveMember, organisation: Organisation) -> _Events:
    """Harmless for who is not in it."""
    own = require(organisation, command.org_id, command.user_id, MANAGERS)
    role = organisation.members.get(command.member_id)
    if role is None:
        return ()
    if command.member_id != command.user_id:
        require_over(own, role, "removes")
    return _ended(organisation, command.member_id, role, removed_by=command.user_id)


def leave(command: LeaveOrganisation, organisation: Organisation) -> _Events:
    role = role_of(organisation, command.org_id, command.user_id)
    return _ended(organisation, command.user_id, role)


def _ended(organisation: Organisation, user_id: str, role: Role, removed_by: str = "") -> _Events:
    """With their places in classes, and the invitations that they made: by one of their own they would come
    back.
    """
    _check_owner_stays(organisation, role)
    left = MemberLeft(
        org_id=organisation.org_id,
        user_id=user_id,
        class_ids=tuple(one for one, known in organisation.classes.items() if user_id in known.members),
        removed_by=removed_by if removed_by != user_id else "",
    )
    return left, *invitations.void(organisation, user_id, None)


def _check_owner_stays(organisation: Organisation, role: Role) -> None:
    """When somebody who has `role` loses it."""
    if role == OWNER and organisation.owners == 1:
        raise LastOwner(
            "This is the only owner of the organisation: make somebody else its owner first, or close it."
        )
