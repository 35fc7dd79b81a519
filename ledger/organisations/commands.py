"""What can be asked of one organisation. `user_id` is who asks; who it is about is named besides."""

from __future__ import annotations

from typing import ClassVar

from ledger.catalogue import OrganisationLimits
from ledger.message import Command
from ledger.organisations.state import Role


class CreateOrganisation(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.create"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"owned", "limits"})
    org_id: str
    user_id: str
    owner_id: str
    """Who asks, unless an administrator does."""
    words_id: str
    words_hash: str
    owned: int = 0
    """How many organisations the owner has, as far as is known when it is asked."""
    limits: OrganisationLimits
    """The catalogue's of that moment, as in the others below."""


class RenameOrganisation(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.rename"
    org_id: str
    user_id: str
    words_id: str
    words_hash: str


class CloseOrganisation(Command, frozen=True, kw_only=True):
    """For good: nothing of it changes any more."""

    NAME: ClassVar[str] = "organisations.close"
    org_id: str
    user_id: str
    by_admin: bool = False


class InviteMember(Command, frozen=True, kw_only=True):
    """The user `invited_id`, or whoever has the code."""

    NAME: ClassVar[str] = "organisations.invite"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"code_hash", "limits"})
    org_id: str
    user_id: str
    invitation_id: str
    role: Role
    invited_id: str = ""
    code_hash: str = ""
    """SHA-256 of the code in hexadecimal; empty for an invitation of one user."""
    limits: OrganisationLimits


class WithdrawInvitation(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.withdraw_invitation"
    org_id: str
    user_id: str
    invitation_id: str


class DeclineInvitation(Command, frozen=True, kw_only=True):
    """By whom it was made for."""

    NAME: ClassVar[str] = "organisations.decline_invitation"
    org_id: str
    user_id: str
    invitation_id: str


class JoinOrganisation(Command, frozen=True, kw_only=True):
    """By an invitation that was made for the user, or by the code of one."""

    NAME: ClassVar[str] = "organisations.join"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"owned", "limits"})
    org_id: str
    user_id: str
    invitation_id: str = ""
    """Empty where a code is shown."""
    code_hash: str = ""
    owned: int = 0
    limits: OrganisationLimits


class ChangeMemberRole(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.change_role"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"owned", "limits"})
    org_id: str
    user_id: str
    member_id: str
    role: Role
    owned: int = 0
    """Of the member."""
    limits: OrganisationLimits


class RemoveMember(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.remove_member"
    org_id: str
    user_id: str
    member_id: str


class LeaveOrganisation(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.leave"
    org_id: str
    user_id: str


class CreateClass(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.create_class"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"limits"})
    org_id: str
    user_id: str
    class_id: str
    words_id: str
    words_hash: str
    limits: OrganisationLimits


class RenameClass(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.rename_class"
    org_id: str
    user_id: str
    class_id: str
    words_id: str
    words_hash: str


class ArchiveClass(Command, frozen=True, kw_only=True):
    """It stays as it is, to be looked at."""

    NAME: ClassVar[str] = "organisations.archive_class"
    org_id: str
    user_id: str
    class_id: str


class AddToClass(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.add_to_class"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"limits"})
    org_id: str
    user_id: str
    class_id: str
    member_id: str
    limits: OrganisationLimits


class RemoveFromClass(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "organisations.remove_from_class"
    org_id: str
    user_id: str
    class_id: str
    member_id: str


class SetBrand(Command, frozen=True, kw_only=True):
    """How it is to be seen by its people, all of it at once. The name, where its logo is and its domain are
    words.
    """

    NAME: ClassVar[str] = "organisations.set_brand"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"entitled", "tiers"})
    org_id: str
    user_id: str
    words_id: str
    words_hash: str
    text_colour: str
    background_colour: str
    """Both such as #1f4e79."""
    entitled: bool
    """Whether a licence of the organisation has the feature now."""
    tiers: tuple[str, ...] = ()
    """Of the catalogue, those that have it."""
    by_admin: bool = False


ClassCommand = CreateClass | RenameClass | ArchiveClass | AddToClass | RemoveFromClass
OrganisationCommand = (
    CreateOrganisation
    | RenameOrganisation
    | CloseOrganisation
    | InviteMember
    | WithdrawInvitation
    | DeclineInvitation
    | JoinOrganisation
    | ChangeMemberRole
    | RemoveMember
    | LeaveOrganisation
    | CreateClass
    | RenameClass
    | ArchiveClass
    | AddToClass
    | RemoveFromClass
    | SetBrand
)
