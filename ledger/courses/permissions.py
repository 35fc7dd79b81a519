"""Who may send which command about a course."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.courses.commands import (
    AcceptInvitation,
    ApproveCourse,
    ArchiveCourse,
    CreateCourse,
    FeatureCourse,
    LeaveCourse,
    PublishCourse,
    RejectCourse,
    ReviseCourse,
    SubmitCourse,
    UnarchiveCourse,
    UnfeatureCourse,
)
from ledger.errors import Forbidden
from ledger.message import Command, Origin
from ledger.roles import ADMINS, SYSTEM, USERS

MAY_SEND: Mapping[type[Command], frozenset[str]] = {
    CreateCourse: SYSTEM,
    ReviseCourse: USERS,
    SubmitCourse: USERS,
    PublishCourse: USERS,
    ArchiveCourse: USERS,
    UnarchiveCourse: USERS,
    ApproveCourse: ADMINS,
    RejectCourse: ADMINS,
    FeatureCourse: ADMINS,
    UnfeatureCourse: ADMINS,
    AcceptInvitation: USERS,
    LeaveCourse: USERS,
}


def check_sender(command: Command, origin: Origin) -> None:
    flagged = isinstance(command, ArchiveCourse | UnarchiveCourse) and command.by_admin
    if flagged and origin.roles.isdisjoint(ADMINS):
        raise Forbidden("Only an administrator may take down someone else's course, or bring it back.")
