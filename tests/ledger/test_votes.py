"""Votes on a review: one of each user, taken back at will, and none by who wrote it or is told of it."""

from __future__ import annotations

from functools import reduce

import pytest
from msgspec.structs import replace

from ledger.errors import Refused
from ledger.votes.commands import MarkHelpful, UnmarkHelpful, VoteCommand
from ledger.votes.decider import Votes, decide, evolve
from ledger.votes.events import MarkedHelpful, UnmarkedHelpful
from ledger.votes.refusals import VoteOnOwnCourse, VoteOnOwnReview
from tests.ledger.examples import NOON

ABOUT = {"review_id": "rvw_1", "course_id": "crs_1"}
MARKED = MarkedHelpful(**ABOUT, user_id="usr_bob", author_id="usr_ann")
UNMARKED = UnmarkedHelpful(**ABOUT, user_id="usr_bob")


def mark(user_id: str = "usr_bob", *, teaches: bool = False) -> MarkHelpful:
    return MarkHelpful(
        **ABOUT,
        command_id="cmd_1",
        effective_at=NOON,
        user_id=user_id,
        author_id="usr_ann",
        teaches=teaches,
    )


def unmark() -> UnmarkHelpful:
    return UnmarkHelpful(**ABOUT, command_id="cmd_2", effective_at=NOON, user_id="usr_bob")


@pytest.mark.parametrize(
    ("given", "command", "facts"),
    [
        ((), mark(), (MARKED,)),
        ((MARKED,), mark(), ()),
        ((MARKED,), mark("usr_cat"), (replace(MARKED, user_id="usr_cat"),)),
        ((MARKED,), unmark(), (UNMARKED,)),
        ((MARKED, UNMARKED), unmark(), ()),
        ((), unmark(), ()),
        ((MARKED, UNMARKED), mark(), (MARKED,)),
    ],
)
def test_a_vote_counts_once_until_it_is_taken_back(
    given: tuple[MarkedHelpful | UnmarkedHelpful, ...],
    command: VoteCommand,
    facts: tuple[MarkedHelpful | UnmarkedHelpful, ...],
) -> None:
    assert decide(command, reduce(evolve, given, Votes())) == facts


@pytest.mark.parametrize(
    ("command", "refusal"),
    [(mark("usr_ann"), VoteOnOwnReview), (mark("usr_ivy", teaches=True), VoteOnOwnCourse)],
)
def test_who_wrote_it_or_teaches_the_course_has_none(command: MarkHelpful, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        decide(command, Votes())
