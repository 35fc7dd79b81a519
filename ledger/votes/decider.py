"""The rules of the votes on one review: one of each user, which can be taken back.

They are a stream of their own, so that many who vote at once wait for nobody who learns or buys.
"""

from __future__ import annotations

from typing import assert_never, get_args

from msgspec import Struct

from ledger.message import Decider
from ledger.persistent import PersistentSet
from ledger.votes.commands import MarkHelpful, UnmarkHelpful, VoteCommand
from ledger.votes.events import MarkedHelpful, UnmarkedHelpful, VoteEvent
from ledger.votes.refusals import VoteOnOwnCourse, VoteOnOwnReview
from ledger.votes.stream import stream_of


class Votes(Struct, frozen=True):
    voters: PersistentSet = PersistentSet()


def decide(command: VoteCommand, votes: Votes) -> tuple[VoteEvent, ...]:
    voted = command.user_id in votes.voters
    about = {"review_id": command.review_id, "course_id": command.course_id, "user_id": command.user_id}
    match command:
        case MarkHelpful():
            if command.user_id == command.author_id:
                raise VoteOnOwnReview("This review is your own, and the votes on it are others'.")
            if command.teaches:
                raise VoteOnOwnCourse("You teach this course; the votes on its reviews are its readers'.")
            return () if voted else (MarkedHelpful(**about, author_id=command.author_id),)
        case UnmarkHelpful():
            return (UnmarkedHelpful(**about),) if voted else ()
        case _:
            assert_never(command)


def evolve(votes: Votes, event: VoteEvent) -> Votes:
    match event:
        case MarkedHelpful():
            return Votes(votes.voters.add(event.user_id))
        case UnmarkedHelpful():
            return Votes(votes.voters.discard(event.user_id))
        case _:
            assert_never(event)


def stream(command: VoteCommand) -> str:
    return stream_of(command.review_id)


VOTES: Decider[VoteCommand, Votes, VoteEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Votes(),
    commands=get_args(VoteCommand),
    events=get_args(VoteEvent),
)
