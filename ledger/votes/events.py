"""Facts about who found a review helpful."""

from __future__ import annotations

from typing import ClassVar

from ledger.message import Event


class MarkedHelpful(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "votes.marked_helpful.v1"
    review_id: str
    course_id: str
    user_id: str
    author_id: str = ""
    """Who wrote the review; empty in facts that did not say it."""


class UnmarkedHelpful(Event, frozen=True, kw_only=True):
    """The vote was taken back."""

    TYPE: ClassVar[str] = "votes.unmarked_helpful.v1"
    review_id: str
    course_id: str
    user_id: str


VoteEvent = MarkedHelpful | UnmarkedHelpful
