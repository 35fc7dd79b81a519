"""The rule of one author's uploads: no more in a calendar month (UTC) than the plan allows.

It is the author's stream, as two courses that are uploaded at once with one left are one decision.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from ledger.authors.commands import AcceptUpload, AuthorCommand
from ledger.authors.events import AuthorEvent, UploadAccepted
from ledger.authors.refusals import UploadLimitReached
from ledger.authors.stream import stream_of
from ledger.courses import content as contents
from ledger.message import Decider
from ledger.persistent import PersistentMap, PersistentSet


class Author(Struct, frozen=True):
    uploads: PersistentMap[int] = PersistentMap()
    """How many by month, such as `2026-03`."""
    course_ids: PersistentSet = PersistentSet()

    def used(self, at: datetime) -> int:
        """Of the calendar month of `at`."""
        return self.uploads.get(month_of(at), 0)


def month_of(at: datetime) -> str:
    """Such as `2026-03`, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m}"


def begins_anew_at(at: datetime) -> datetime:
    """The first instant of the month after that of `at`."""
    there = at.astimezone(UTC)
    year, month = divmod(there.year * 12 + there.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def decide(command: AuthorCommand, author: Author) -> tuple[AuthorEvent, ...]:
    if command.course_id in author.course_ids:
        return ()
    contents.check(command.content)
    used = author.used(command.effective_at)
    if command.limit is not None and used >= command.limit:
        anew = begins_anew_at(command.effective_at)
        raise UploadLimitReached(
            f"The plan {command.tier} has {command.limit} uploads a month and {used} are used; "
            f"the next month begins at {anew:%Y-%m-%dT%H:%M:%SZ}.",
            used=used,
            limit=command.limit,
            begins_anew_at=anew,
        )
    accepted = UploadAccepted(
        user_id=command.user_id,
        course_id=command.course_id,
        month=month_of(command.effective_at),
        content=command.content,
        tier=command.tier,
        catalogue_version=command.catalogue_version,
        limit=command.limit,
    )
    return (accepted,)


def evolve(author: Author, event: AuthorEvent) -> Author:
    return Author(
        uploads=author.uploads.put(event.month, author.uploads.get(event.month, 0) + 1),
        course_ids=author.course_ids.add(event.course_id),
    )


def stream(command: AuthorCommand) -> str:
    return stream_of(command.user_id)


AUTHOR: Decider[AuthorCommand, Author, AuthorEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Author(),
    commands=(AcceptUpload,),
    events=(UploadAccepted,),
)
