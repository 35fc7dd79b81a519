"""The rules of classes: who is in one is in the organisation, and may be in several."""

from __future__ import annotations

from typing import assert_never

from ledger.errors import NotFound
from ledger.organisations.commands import (
    AddToClass,
    ArchiveClass,
    ClassCommand,
    CreateClass,
    RemoveFromClass,
    RenameClass,
)
from ledger.organisations.events import (
    ClassArchived,
    ClassCreated,
    ClassJoined,
    ClassLeft,
    ClassRenamed,
    OrganisationEvent,
)
from ledger.organisations.refusals import ClassIsArchived, TooManyClasses, TooManyMembers
from ledger.organisations.standing import MANAGERS, require
from ledger.organisations.state import Class, Organisation

_Events = tuple[OrganisationEvent, ...]


def decide(command: ClassCommand, organisation: Organisation) -> _Events:
    require(organisation, command.org_id, command.user_id, MANAGERS)
    if isinstance(command, CreateClass):
        return _create(command, organisation)
    known = known_class(organisation, command.class_id)
    about = {"org_id": command.org_id, "class_id": command.class_id}
    if isinstance(command, ArchiveClass):
        return () if known.archived else (ClassArchived(**about),)
    if known.archived:
        raise ClassIsArchived("This class is archived: who is in it, and its name, stay as they are.")
    match command:
        case RenameClass():
            words = {"words_id": command.words_id, "words_hash": command.words_hash}
            return (ClassRenamed(**about, **words),) if command.words_id != known.words_id else ()
        case AddToClass():
            return _add(command, organisation, known)
        case RemoveFromClass():
            is_in = command.member_id in known.members
            return (ClassLeft(**about, user_id=command.member_id),) if is_in else ()
        case _:
            assert_never(command)


def known_class(organisation: Organisation, class_id: str) -> Class:
    """Raises `NotFound`."""
    known = organisation.classes.get(class_id)
    if known is None:
        raise unknown_class(class_id)
    return known


def unknown_class(class_id: str) -> NotFound:
    return NotFound(f"There is no class {class_id!r:.80}.")


def _create(command: CreateClass, organisation: Organisation) -> _Events:
    if command.class_id in organisation.classes:
        return ()
    many = sum(not one.archived for one in organisation.classes.values())
    if many >= command.limits.classes:
        raise TooManyClasses(
            f"The organisation has {many} classes, and {command.limits.classes} is as many as it may have: "
            "archive one first."
        )
    created = ClassCreated(
        org_id=command.org_id,
        class_id=command.class_id,
        words_id=command.words_id,
        words_hash=command.words_hash,
    )
    return (created,)


def _add(command: AddToClass, organisation: Organisation, known: Class) -> _Events:
    member_id, most = command.member_id, command.limits.class_members
    if member_id not in organisation.members:
        raise NotFound(f"{member_id!r:.80} is no member of this organisation: invite them first.")
    if member_id in known.members:
        return ()
    if len(known.members) >= most:
        raise TooManyMembers(
            f"The class has {len(known.members)} members, and {most} is as many as it may have: remove "
            "somebody first."
        )
    return (ClassJoined(org_id=command.org_id, class_id=command.class_id, user_id=member_id),)
