"""Facts about one organisation. What people call it and its classes is in a table beside the facts, under
`words_id`; `words_hash` covers it. `user_id` is the member whom a fact is about.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event, Instant


class OrganisationCreated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.created.v1"
    org_id: str
    user_id: str
    """Its first owner."""
    words_id: str
    words_hash: str


class OrganisationRenamed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.renamed.v1"
    org_id: str
    words_id: str
    words_hash: str


class OrganisationClosed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.closed.v1"
    org_id: str
    by_admin: bool = False


class MemberInvited(Event, frozen=True, kw_only=True):
    """A user, or whoever has the code; the code itself is nowhere."""

    TYPE: ClassVar[str] = "organisations.member_invited.v1"
    org_id: str
    invitation_id: str
    role: str
    invited_by: str
    expires_at: Instant
    """From then on it is none."""
    user_id: str = ""
    code_hash: str = ""
    """SHA-256 of the code, in hexadecimal."""


class InvitationWithdrawn(Event, frozen=True, kw_only=True):
    """By a member, or as who made it may do so no longer, or as its user joined by another one."""

    TYPE: ClassVar[str] = "organisations.invitation_withdrawn.v1"
    org_id: str
    invitation_id: str


class InvitationDeclined(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.invitation_declined.v1"
    org_id: str
    invitation_id: str


class InvitationExpired(Event, frozen=True, kw_only=True):
    """Recorded with the next invitation: it was none since its time."""

    TYPE: ClassVar[str] = "organisations.invitation_expired.v1"
    org_id: str
    invitation_id: str


class MemberJoined(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.member_joined.v1"
    org_id: str
    user_id: str
    role: str
    invitation_id: str


class RoleChanged(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.role_changed.v1"
    org_id: str
    user_id: str
    role: str
    role_before: str


class MemberLeft(Event, frozen=True, kw_only=True):
    """The organisation, and `class_ids`, which are all of its classes that they were in."""

    TYPE: ClassVar[str] = "organisations.member_left.v1"
    org_id: str
    user_id: str
    class_ids: tuple[str, ...] = ()
    removed_by: str = ""
    """Empty for who left."""


class ClassCreated(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.class_created.v1"
    org_id: str
    class_id: str
    words_id: str
    words_hash: str


class ClassRenamed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.class_renamed.v1"
    org_id: str
    class_id: str
    words_id: str
    words_hash: str


class ClassArchived(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.class_archived.v1"
    org_id: str
    class_id: str


class ClassJoined(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.class_joined.v1"
    org_id: str
    class_id: str
    user_id: str


class ClassLeft(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisations.class_left.v1"
    org_id: str
    class_id: str
    user_id: str


class BrandSet(Event, frozen=True, kw_only=True):
    """All of it at once. Whether it is used is for who shows something to judge, by the licences."""

    TYPE: ClassVar[str] = "organisations.brand_set.v1"
    org_id: str
    words_id: str
    """Of the name, where the logo is, and the domain."""
    words_hash: str
    text_colour: str
    background_colour: str
    by_admin: bool = False


InvitationEnded = InvitationWithdrawn | InvitationDeclined | InvitationExpired
"""Without anybody joining."""
OrganisationEvent = (
    OrganisationCreated
    | OrganisationRenamed
    | OrganisationClosed
    | MemberInvited
    | InvitationWithdrawn
    | InvitationDeclined
    | InvitationExpired
    | MemberJoined
    | RoleChanged
    | MemberLeft
    | ClassCreated
    | ClassRenamed
    | ClassArchived
    | ClassJoined
    | ClassLeft
    | BrandSet
)
