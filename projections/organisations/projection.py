"""Organisations as they are now: their members, invitations and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_args

from psycopg import Cursor

from ledger.message import Event, Recorded
from ledger.organisations.events import (
    BrandSet,
    ClassArchived,
    ClassCreated,
    ClassJoined,
    ClassLeft,
    ClassRenamed,
    InvitationDeclined,
    InvitationEnded,
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
from projections.engine.buffers import Rows, TableBuffer
from projections.engine.projection import Projection
from projections.organisations.tables import (
    CLASS_MEMBERS,
    CLASSES,
    INVITATIONS,
    MEMBERS,
    ORGANISATIONS,
    ClassMemberRow,
    ClassRow,
    InvitationRow,
    InvitationStatus,
    MemberRow,
    OrganisationRow,
    key_of,
)

_FACTS: frozenset[type[Event]] = frozenset(get_args(OrganisationEvent)) - {BrandSet}
"""How it is seen is asked of the ledger."""
_ENDED: Mapping[type[Any], InvitationStatus] = {
    InvitationWithdrawn: "withdrawn",
    InvitationDeclined: "declined",
    InvitationExpired: "expired",
}


class Organisations(Projection):
    NAME: ClassVar[str] = "organisations"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._organisations = Rows(ORGANISATIONS)
        self._members = Rows(MEMBERS)
        self._invitations = Rows(INVITATIONS)
        self._classes = Rows(CLASSES)
        self._class_members = Rows(CLASS_MEMBERS)

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._organisations, self._members, self._invitations, self._classes, self._class_members

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        """Who is removed from something need not be loaded."""
        events: list[Any] = [one.event for one in batch if type(one.event) in _FACTS]
        kept = [event for event in events if isinstance(event, OrganisationRenamed | OrganisationClosed)]
        self._organisations.load(cursor, {event.org_id for event in kept})
        changed = [event for event in events if isinstance(event, RoleChanged)]
        self._members.load(cursor, {key_of(event.org_id, event.user_id) for event in changed})
        answered = [event for event in events if isinstance(event, InvitationEnded | MemberJoined)]
        self._invitations.load(cursor, {event.invitation_id for event in answered})
        moved = [event for event in events if isinstance(event, ClassRenamed | ClassArchived)]
        self._classes.load(cursor, {event.class_id for event in moved})

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        match event:
            case OrganisationCreated():
                self._organisations.put(event.org_id, _organisation(recorded, event))
                self._join(recorded, event, "owner")
            case OrganisationRenamed():
                self._organisations.change(event.org_id).words_id = event.words_id
            case OrganisationClosed():
                self._organisations.change(event.org_id).closed_at = recorded.metadata.effective_at
            case MemberInvited():
                self._invitations.put(event.invitation_id, _invitation(recorded, event))
            case InvitationWithdrawn() | InvitationDeclined() | InvitationExpired():
                self._invitations.change(event.invitation_id).status = _ENDED[type(event)]
            case MemberJoined():
                self._invitations.change(event.invitation_id).status = "accepted"
                self._join(recorded, event, event.role)
            case RoleChanged():
                self._members.change(key_of(event.org_id, event.user_id)).role = event.role
            case MemberLeft():
                self._leave(event)
            case _:
                self._in_class(recorded, event)

    def _join(self, recorded: Recorded, event: OrganisationCreated | MemberJoined, role: str) -> None:
        membership = key_of(event.org_id, event.user_id)
        at = recorded.metadata.effective_at
        row = MemberRow(membership, event.org_id, event.user_id, role, at, recorded.position)
        self._members.put(membership, row)

    def _leave(self, event: MemberLeft) -> None:
        self._members.remove(key_of(event.org_id, event.user_id))
        for class_id in event.class_ids:
            self._class_members.remove(key_of(class_id, event.user_id))

    def _in_class(
        self,
        recorded: Recorded,
        event: ClassCreated | ClassRenamed | ClassArchived | ClassJoined | ClassLeft,
    ) -> None:
        at = recorded.metadata.effective_at
        match event:
            case ClassCreated():
                row = ClassRow(event.class_id, event.org_id, event.words_id, None, at, recorded.position)
                self._classes.put(event.class_id, row)
            case ClassRenamed():
                self._classes.change(event.class_id).words_id = event.words_id
            case ClassArchived():
                self._classes.change(event.class_id).archived_at = at
            case ClassJoined():
                place = key_of(event.class_id, event.user_id)
                about = (event.class_id, event.org_id, event.user_id)
                self._class_members.put(place, ClassMemberRow(place, *about, at, recorded.position))
            case ClassLeft():
                self._class_members.remove(key_of(event.class_id, event.user_id))


def _organisation(recorded: Recorded, event: OrganisationCreated) -> OrganisationRow:
    return OrganisationRow(
        org_id=event.org_id,
        words_id=event.words_id,
        closed_at=None,
        created_at=recorded.metadata.effective_at,
        position=recorded.position,
    )


def _invitation(recorded: Recorded, event: MemberInvited) -> InvitationRow:
    return InvitationRow(
        invitation_id=event.invitation_id,
        org_id=event.org_id,
        user_id=event.user_id,
        role=event.role,
        invited_by=event.invited_by,
        status="open",
        invited_at=recorded.metadata.effective_at,
        expires_at=event.expires_at,
        position=recorded.position,
    )
