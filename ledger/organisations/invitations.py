"""The rules of invitations: each is taken up once, in its time, by whom it was made for or who has its code.

Its time is judged when it is read. One whose time is over is recorded as expired with the next one that is
made, so that what a stream remembers stays as small as what may be open.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hmac import compare_digest

from ledger.errors import NotFound
from ledger.organisations.commands import (
    DeclineInvitation,
    InviteMember,
    JoinOrganisation,
    WithdrawInvitation,
)
from ledger.organisations.events import (
    InvitationDeclined,
    InvitationExpired,
    InvitationWithdrawn,
    MemberInvited,
    MemberJoined,
    OrganisationEvent,
)
from ledger.organisations.owning import check_owned
from ledger.organisations.refusals import (
    AlreadyInvited,
    AlreadyMember,
    InvitationIsOver,
    TooManyInvitations,
    TooManyMembers,
)
from ledger.organisations.standing import MANAGERS, MANAGES, check_open, require, require_over
from ledger.organisations.state import OWNER, Invitation, Organisation, Role

_Events = tuple[OrganisationEvent, ...]


def invite(command: InviteMember, organisation: Organisation) -> _Events:
    own = require(organisation, command.org_id, command.user_id, MANAGERS)
    require_over(own, command.role, "invites")
    now, limits = command.effective_at, command.limits
    if command.invited_id in organisation.members:
        raise AlreadyMember(f"{command.invited_id} is in this organisation: change their role instead.")
    lapsed = [one for one, made in organisation.invitations.items() if not made.is_open(now)]
    if command.invited_id and _waits(organisation, command.invited_id, now):
        raise AlreadyInvited(f"An invitation of {command.invited_id} is open: withdraw it to make another.")
    if (many := len(organisation.invitations) - len(lapsed)) >= limits.open_invitations:
        raise TooManyInvitations(
            f"{many} invitations are open, and {limits.open_invitations} may be: withdraw one, or wait."
        )
    invited = MemberInvited(
        org_id=command.org_id,
        invitation_id=command.invitation_id,
        role=command.role,
        invited_by=command.user_id,
        expires_at=now + timedelta(days=limits.invitation_days),
        user_id=command.invited_id,
        code_hash=command.code_hash,
    )
    return *(InvitationExpired(org_id=command.org_id, invitation_id=one) for one in lapsed), invited


def _waits(organisation: Organisation, user_id: str, now: datetime) -> bool:
    return any(made.user_id == user_id and made.is_open(now) for made in organisation.invitations.values())


def withdraw(command: WithdrawInvitation, organisation: Organisation) -> _Events:
    own = require(organisation, command.org_id, command.user_id, MANAGERS)
    made = organisation.invitations.get(command.invitation_id)
    if made is None:
        raise NotFound(f"There is no open invitation {command.invitation_id!r:.80}.")
    require_over(own, made.role, "withdraws an invitation of")
    return (InvitationWithdrawn(org_id=command.org_id, invitation_id=command.invitation_id),)


def decline(command: DeclineInvitation, organisation: Organisation) -> _Events:
    _of_user(organisation, command.invitation_id, command.user_id)
    check_open(organisation)
    return (InvitationDeclined(org_id=command.org_id, invitation_id=command.invitation_id),)


def join(command: JoinOrganisation, organisation: Organisation) -> _Events:
    """Whoever shows no invitation is told the same whether or not there is such an organisation."""
    user_id, limits = command.user_id, command.limits
    if command.code_hash:
        invitation_id, made = _of_code(organisation, command.code_hash)
    else:
        invitation_id = command.invitation_id
        made = _of_user(organisation, invitation_id, user_id)
    check_open(organisation)
    if user_id in organisation.members:
        raise AlreadyMember("You are in this organisation already.")
    if not made.is_open(command.effective_at):
        raise InvitationIsOver(f"This invitation was open until {made.expires_at:%Y-%m-%d %H:%M} UTC.")
    if len(organisation.members) >= limits.members:
        raise TooManyMembers(
            f"The organisation has {len(organisation.members)} members, and {limits.members} is as many as "
            "it may have: one of them must be removed first."
        )
    if made.role == OWNER:
        check_owned(command.owned, limits)
    joined = MemberJoined(org_id=command.org_id, user_id=user_id, role=made.role, invitation_id=invitation_id)
    others = (
        InvitationWithdrawn(org_id=command.org_id, invitation_id=one)
        for one, other in organisation.invitations.items()
        if one != invitation_id and other.user_id == user_id
    )
    return joined, *others


def _of_user(organisation: Organisation, invitation_id: str, user_id: str) -> Invitation:
    made = organisation.invitations.get(invitation_id)
    if made is None or made.user_id != user_id:
        raise NotFound(f"There is no open invitation {invitation_id!r:.80} of you.")
    return made


def _of_code(organisation: Organisation, code_hash: str) -> tuple[str, Invitation]:
    for invitation_id, made in organisation.invitations.items():
        if made.code_hash and compare_digest(made.code_hash.encode(), code_hash.encode()):
            return invitation_id, made
    raise NotFound("This is no code of an open invitation: check it, or ask who gave it for another one.")


def void(organisation: Organisation, user_id: str, role: Role | None) -> tuple[InvitationWithdrawn, ...]:
    """What a user invited others to and may no longer, having `role`, or being no member at all."""
    may = MANAGES[role] if role else frozenset[Role]()
    return tuple(
        InvitationWithdrawn(org_id=organisation.org_id, invitation_id=one)
        for one, made in organisation.invitations.items()
        if made.invited_by == user_id and made.role not in may
    )
