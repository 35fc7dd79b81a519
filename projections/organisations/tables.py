"""The rows of organisations: each, its members, its invitations, its classes, and who is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from projections.engine.tables import Row, Table

InvitationStatus = Literal["open", "accepted", "withdrawn", "declined", "expired"]


class OrganisationRow(Row):
    org_id: str
    words_id: str
    closed_at: datetime | None
    created_at: datetime
    position: int


class MemberRow(Row):
    membership: str
    """The organisation and the user."""
    org_id: str
    user_id: str
    role: str
    joined_at: datetime
    position: int
    """Of their joining."""


class InvitationRow(Row):
    invitation_id: str
    org_id: str
    user_id: str
    """Empty for one by a code."""
    role: str
    invited_by: str
    status: InvitationStatus
    """`open` also of one whose time is over, until that is recorded."""
    invited_at: datetime
    expires_at: datetime
    position: int


class ClassRow(Row):
    class_id: str
    org_id: str
    words_id: str
    archived_at: datetime | None
    created_at: datetime
    position: int


class ClassMemberRow(Row):
    place: str
    """The class and the user."""
    class_id: str
    org_id: str
    user_id: str
    joined_at: datetime
    position: int


ORGANISATIONS = Table("organisations", OrganisationRow, ("org_id",))
MEMBERS = Table("organisation_members", MemberRow, ("membership",))
INVITATIONS = Table("organisation_invitations", InvitationRow, ("invitation_id",))
CLASSES = Table("organisation_classes", ClassRow, ("class_id",))
CLASS_MEMBERS = Table("class_members", ClassMemberRow, ("place",))


def key_of(one_id: str, user_id: str) -> str:
    """Of a user in an organisation or a class. No id has the character between."""
    return f"{one_id}~{user_id}"
