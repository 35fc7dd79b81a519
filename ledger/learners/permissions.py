"""Who may have a course started."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Forbidden
from ledger.learners.commands import StartCourse
from ledger.message import Command, Origin
from ledger.roles import REPORTERS, TRUSTED

MAY_SEND: Mapping[type[Command], frozenset[str]] = {StartCourse: REPORTERS}


def check_sender(command: Command, origin: Origin) -> None:
    others = isinstance(command, StartCourse) and command.learner_id != origin.sender
    if others and origin.roles.isdisjoint(TRUSTED):
        raise Forbidden("Only admins and services may start a course for another learner.")
