"""Organisations as requests write them and as answers show them. Users are known by their ids alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.courses.resources import UserId
from api.http.checks import Check, blank_fault
from api.words import INVITATION_CODE, NO_NUL
from ledger.organisations.state import Role

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=NO_NUL,
        description="Erased with all that who gave it wrote (`DELETE /api/me`).",
        examples=["Lakeside School"],
    ),
    Check(blank_fault),
]
Code = Annotated[str, Meta(pattern=INVITATION_CODE)]


class NewOrganisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`owner_id` is for admins, who must name one; anybody else creates it for themselves."""

    name: Name
    owner_id: UserId | None = None


class RenameTo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name


class Invite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user by their id, or without one whoever shows the code that the answer has."""

    role: Role = "member"
    user_id: UserId | None = None


class ShowCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Code


class NewRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: Role


class NewClassMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user_id: UserId


class OfOrganisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty object: the address says it all."""


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    org_id: str
    name: str
    """`(erased)` where who gave it had it erased."""
    role: Role | None
    """The caller's; null for an admin who is not in it."""
    closed: bool
    """Nothing of it changes any more."""
    members: int


class OwnOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """One that the user is in."""

    org_id: str
    name: str
    role: Role
    closed: bool
    joined_at: datetime
    position: int


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    org_id: str
    user_id: str
    role: Role | None
    """Null for who is not in it."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    role: Role
    joined_at: datetime
    position: int


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is shown this once: a repeat of the request has null, as it is kept nowhere. It is null, too,
    for one of a user.
    """

    invitation_id: str
    org_id: str
    role: Role
    user_id: str | None
    code: str | None
    expires_at: datetime


class MemberInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """An open one. `user_id` is null for one by a code."""

    invitation_id: str
    user_id: str | None
    role: Role
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    position: int


class OwnInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """An open one of the caller, to an organisation of that name."""

    invitation_id: str
    org_id: str
    name: str
    role: Role
    invited_at: datetime
    expires_at: datetime
    position: int


class EndedInvitation(msgspec.Struct, frozen=True, kw_only=True):
    invitation_id: str
    org_id: str
    status: Literal["withdrawn", "declined"]


class ClassOfOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    class_id: str
    org_id: str
    name: str
    archived: bool
    """Who is in it, and its name, stay as they are."""
    members: int


class ListedClass(msgspec.Struct, frozen=True, kw_only=True):
    class_id: str
    name: str
    archived: bool
    created_at: datetime
    position: int


class ClassMember(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    joined_at: datetime
    position: int


class PlaceInClass(msgspec.Struct, frozen=True, kw_only=True):
    class_id: str
    user_id: str
    is_in: bool
