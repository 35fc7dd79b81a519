"""The rules of one organisation: while it is open it has an owner, and it is nobody else's business."""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.message import Decider
from ledger.organisations import branding, classes, invitations, members
from ledger.organisations.commands import (
    AddToClass,
    ArchiveClass,
    ChangeMemberRole,
    CloseOrganisation,
    CreateClass,
    CreateOrganisation,
    DeclineInvitation,
    InviteMember,
    JoinOrganisation,
    LeaveOrganisation,
    OrganisationCommand,
    RemoveFromClass,
    RemoveMember,
    RenameClass,
    RenameOrganisation,
    SetBrand,
    WithdrawInvitation,
)
from ledger.organisations.events import (
    OrganisationClosed,
    OrganisationCreated,
    OrganisationEvent,
    OrganisationRenamed,
)
from ledger.organisations.owning import check_owned
from ledger.organisations.standing import OWNERS, check_open, require, role_of, unknown
from ledger.organisations.state import Organisation, evolve
from ledger.organisations.stream import stream_of

_Events = tuple[OrganisationEvent, ...]


def decide(  # noqa: C901, PLR0911, PLR0912 - one answer for each command of a closed union
    command: OrganisationCommand, organisation: Organisation
) -> _Events:
    match command:
        case CreateOrganisation():
            return _create(command, organisation)
        case JoinOrganisation():
            return invitations.join(command, organisation)
        case DeclineInvitation():
            return invitations.decline(command, organisation)
        case CloseOrganisation():
            return _close(command, organisation)
        case SetBrand():
            return branding.set_brand(command, organisation)
    role_of(organisation, command.org_id, command.user_id)
    check_open(organisation)
    match command:
        case RenameOrganisation():
            return _rename(command, organisation)
        case InviteMember():
            return invitations.invite(command, organisation)
        case WithdrawInvitation():
            return invitations.withdraw(command, organisation)
        case ChangeMemberRole():
            return members.change_role(command, organisation)
        case RemoveMember():
            return members.remove(command, organisation)
        case LeaveOrganisation():
            return members.leave(command, organisation)
        case CreateClass() | RenameClass() | ArchiveClass() | AddToClass() | RemoveFromClass():
            return classes.decide(command, organisation)
        case _:
            assert_never(command)


def _create(command: CreateOrganisation, organisation: Organisation) -> _Events:
    if organisation.org_id:
        return ()
    check_owned(command.owned, command.limits)
    created = OrganisationCreated(
        org_id=command.org_id,
        user_id=command.owner_id,
        words_id=command.words_id,
        words_hash=command.words_hash,
    )
    return (created,)


def _rename(command: RenameOrganisation, organisation: Organisation) -> _Events:
    require(organisation, command.org_id, command.user_id, OWNERS)
    if command.words_id == organisation.words_id:
        return ()
    renamed = OrganisationRenamed(
        org_id=command.org_id, words_id=command.words_id, words_hash=command.words_hash
    )
    return (renamed,)


def _close(command: CloseOrganisation, organisation: Organisation) -> _Events:
    if not organisation.org_id:
        raise unknown(command.org_id)
    if not command.by_admin:
        require(organisation, command.org_id, command.user_id, OWNERS)
    if organisation.closed:
        return ()
    return (OrganisationClosed(org_id=command.org_id, by_admin=command.by_admin),)


def stream(command: OrganisationCommand) -> str:
    return stream_of(command.org_id)


ORGANISATION: Decider[OrganisationCommand, Organisation, OrganisationEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Organisation(),
    commands=get_args(OrganisationCommand),
    events=get_args(OrganisationEvent),
    begins=(CreateOrganisation,),
)
